import pytest

from tests.bench.client import Head, read_head, request
from tests.bench.errors import ReplyError

REPLY = b"HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Length: 64\r\nConnection: keep-alive\r\n\r\n"


def test_a_head_is_read() -> None:
    actual = read_head(REPLY + b"x" * 64)

    assert actual == Head(status=200, end=len(REPLY), length=64)


@pytest.mark.parametrize("count", range(len(REPLY)))
def test_an_incomplete_head_is_nothing_yet(count: int) -> None:
    actual = read_head(REPLY[:count])

    assert actual is None


def test_names_of_headers_are_read_in_any_case() -> None:
    actual = read_head(b"HTTP/1.1 503 no\r\ncontent-LENGTH:2\r\n\r\n")

    assert actual == Head(status=503, end=37, length=2)


def test_a_length_in_the_body_does_not_count() -> None:
    with pytest.raises(ReplyError):
        read_head(b"HTTP/1.1 200 OK\r\n\r\n\r\ncontent-length: 5\r\n\r\n")


def test_what_is_not_http_is_an_error() -> None:
    with pytest.raises(ReplyError):
        read_head(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")


def test_a_request_names_its_service() -> None:
    actual = request("web")

    assert actual == b"GET / HTTP/1.1\r\nhost: web\r\n\r\n"


def test_a_request_announces_its_body() -> None:
    actual = request("sink", "/upload", method="POST", length=5)

    assert actual == b"POST /upload HTTP/1.1\r\nhost: sink\r\ncontent-length: 5\r\n\r\n"
