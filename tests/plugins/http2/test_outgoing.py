from typing import Any

import pytest

from mesh import LocalProtocolError
from mesh_plugins.http2.outgoing import check_field, check_request, check_status


@pytest.mark.parametrize(
    ("name", "value"),
    [(b"x-a", b""), (b"te", b"trailers"), (b"x-a", b"a b\xff"), (b"grpc-status", b"0")],
)
def test_a_field_that_may_be_sent_passes(name: bytes, value: bytes) -> None:
    check_field(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (b"X-A", b"1"),
        (b"", b"1"),
        (b":path", b"/"),
        (b"x a", b"1"),
        (b"x-a", b"1\r\nx-b: 2"),
        (b"x-a", b" 1"),
        (b"te", b"gzip"),
        (b"connection", b"close"),
        (b"transfer-encoding", b"chunked"),
        (b"content-length", b"1"),
        (b"content_length", b"1"),
        (b"upgrade", b"h2c"),
        (b"host", b"a.test"),
    ],
)
def test_a_field_that_must_not_be_sent_is_refused(name: bytes, value: bytes) -> None:
    with pytest.raises(LocalProtocolError):
        check_field(name, value)


def test_a_field_of_text_is_refused() -> None:
    careless: Any = "1"

    with pytest.raises(LocalProtocolError, match="expected bytes"):
        check_field(b"x-a", careless)


@pytest.mark.parametrize(
    ("method", "target", "scheme"),
    [
        (b"CONNECT", b"/", b"http"),
        (b"G T", b"/", b"http"),
        (b"GET", b"a", b"http"),
        (b"GET", b"/a b", b"http"),
        (b"GET", b"/", b"ftp"),
    ],
)
def test_a_request_that_cannot_be_made_is_refused(method: bytes, target: bytes, scheme: bytes) -> None:
    with pytest.raises(LocalProtocolError):
        check_request(method, target, scheme)


@pytest.mark.parametrize("status", [99, 101, 1000, -1])
def test_a_status_that_cannot_be_sent_is_refused(status: int) -> None:
    with pytest.raises(LocalProtocolError):
        check_status(status)


def test_what_can_be_sent_passes() -> None:
    check_request(b"OPTIONS", b"*", b"https")
    check_status(103)
