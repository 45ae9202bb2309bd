"""What requests are hashed by."""

import pytest

from mesh import Request
from mesh.testing import request
from mesh_plugins.balancers.hash_keys import HashKeys, digest


def value_of(keys: HashKeys, asked: Request) -> bytes | None:
    """Return the first value that is found."""
    return next((value for extract in keys.extracts if (value := extract(asked)) is not None), None)


def from_(peer: str) -> Request:
    asked = request()
    asked.context.peer = peer
    return asked


def test_a_header_decides() -> None:
    keys = HashKeys(http_header_name="X-User")

    assert value_of(keys, request(headers={"x-user": "joe"})) == b"joe"
    assert value_of(keys, request(headers={"x-other": "joe"})) is None


@pytest.mark.parametrize(
    ("cookies", "value"),
    [
        ("session=s1", b"s1"),
        ("a=b; session=s1; c=d", b"s1"),
        ("xsession=no; session=s1", b"s1"),
        ("xsession=no", None),
        ("session=", b""),
        ("session", None),
    ],
)
def test_a_cookie_decides(cookies: str, value: bytes | None) -> None:
    assert value_of(HashKeys(http_cookie_name="session"), request(headers={"cookie": cookies})) == value


def test_a_cookie_may_stand_in_the_second_of_two_headers() -> None:
    headers = [("cookie", "a=b"), ("cookie", "session=s1")]

    assert value_of(HashKeys(http_cookie_name="session"), request(headers=headers)) == b"s1"


@pytest.mark.parametrize(
    ("target", "value"), [("/?user=joe", b"joe"), ("/?a=b&user=joe", b"joe"), ("/?xuser=no", None), ("/user=no", None)]
)
def test_a_parameter_of_the_query_decides(target: str, value: bytes | None) -> None:
    assert value_of(HashKeys(http_query_parameter_name="user"), request(target=target)) == value


@pytest.mark.parametrize(
    ("peer", "value"), [("10.0.0.1:5000", b"10.0.0.1"), ("[::1]:5000", b"[::1]"), ("a-socket", b"a-socket"), ("", None)]
)
def test_the_address_of_the_client_decides_without_its_port(peer: str, value: bytes | None) -> None:
    assert value_of(HashKeys(use_source_ip=True), from_(peer)) == value


def test_the_first_that_a_request_has_decides() -> None:
    keys = HashKeys(http_header_name="x-user", http_cookie_name="session", use_source_ip=True)
    asked = request(headers={"cookie": "session=s1"})
    asked.context.peer = "10.0.0.1:5000"

    assert value_of(keys, asked) == b"s1"


def test_a_request_of_another_protocol_has_an_address_at_most() -> None:
    keys = HashKeys(http_header_name="x-user", http_cookie_name="session", http_query_parameter_name="user")

    assert value_of(keys, Request()) is None


def test_something_must_decide() -> None:
    with pytest.raises(ValueError, match="at least one of `httpHeaderName`"):
        HashKeys()


def test_a_value_has_the_same_hash_everywhere() -> None:
    assert digest(b"joe") == 0x95155BBB665B5F58
