"""The messages of health checks, byte by byte."""

import pytest

from mesh import RemoteProtocolError
from mesh_plugins.grpc.health import Serving, decode_reply, decode_request, encode_reply, encode_request


@pytest.mark.parametrize(
    ("service", "message"),
    [("", b""), ("a.B", b"\x0a\x03a.B"), ("ö" * 100, b"\x0a\xc8\x01" + "ö".encode() * 100)],
)
def test_a_request_names_a_service(service: str, message: bytes) -> None:
    assert (encode_request(service), decode_request(message)) == (message, service)


@pytest.mark.parametrize(("serving", "message"), [(0, b""), (1, b"\x08\x01"), (2, b"\x08\x02"), (3, b"\x08\x03")])
def test_a_reply_says_whether_it_serves(serving: int, message: bytes) -> None:
    assert (encode_reply(Serving(serving)), decode_reply(message)) == (message, Serving(serving))


@pytest.mark.parametrize(
    "message",
    [
        b"\x08\x02\x08\x01",
        b"\x12\x02hi\x08\x01",
        b"\x08\x01\x19" + b"x" * 8,
        b"\x08\x01\x15" + b"x" * 4,
        b"\x18\x09\x08\x01",
    ],
)
def test_the_last_counts_and_other_fields_are_passed_over(message: bytes) -> None:
    assert decode_reply(message) is Serving.SERVING


@pytest.mark.parametrize("message", [b"\x08\x09", b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", b"\x0a\x01a"])
def test_what_nobody_knows_is_unknown(message: bytes) -> None:
    assert decode_reply(message) is Serving.UNKNOWN


@pytest.mark.parametrize(
    "message", [b"\x08", b"\x0a\x05a", b"\x0b", b"\x08" + b"\xff" * 11, b"\x19abc", b"\x0a\xff\xff\xff\xff\x0f"]
)
def test_what_is_no_message_is_refused(message: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match="protobuf"):
        decode_reply(message)


def test_a_name_that_is_no_text_is_refused() -> None:
    with pytest.raises(RemoteProtocolError, match="UTF-8"):
        decode_request(b"\x0a\x01\xff")
