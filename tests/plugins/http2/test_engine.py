"""The contract of the HTTP/2 engines."""

from mesh_plugins.http2.engine import ENHANCE_YOUR_CALM, HTTP_1_1_REQUIRED, ConnectionFailed


def test_the_error_codes_are_those_of_the_rfc() -> None:
    assert (ENHANCE_YOUR_CALM, HTTP_1_1_REQUIRED) == (0xB, 0xD)


def test_a_failure_tells_its_code_and_what_was_wrong() -> None:
    failed = ConnectionFailed(ENHANCE_YOUR_CALM, "too many resets")

    assert (failed.code, str(failed)) == (0xB, "too many resets")
