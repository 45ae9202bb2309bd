"""The least HTTP/1.1 client that the measurements need: one request, one reply with a Content-Length."""

import re
import socket

import attrs

from tests.bench.errors import ReplyError

Address = tuple[str, int]
TIMEOUT_SECONDS = 30.0  # far beyond what any measured operation takes; a proxy that hangs must not hang the benchmark

_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)


@attrs.frozen
class Head:
    """The status of a reply, where its head ends, and how many bytes of body follow."""

    status: int
    end: int
    length: int


def connect(address: Address) -> socket.socket:
    """Open a connection whose operations give up after `TIMEOUT_SECONDS`; the caller closes it."""
    connection = socket.create_connection(address, timeout=TIMEOUT_SECONDS)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def request(host: str, path: str = "/", *, method: str = "GET", length: int | None = None) -> bytes:
    """Return the head of a request for `host` (a service's name), announcing `length` bytes of body if given."""
    body = "" if length is None else f"content-length: {length}\r\n"
    return f"{method} {path} HTTP/1.1\r\nhost: {host}\r\n{body}\r\n".encode()


def read_head(received: bytes) -> Head | None:
    """Return the head at the beginning of `received`, or nothing if it is not complete.

    Raises `ReplyError` for what is not a reply or has no Content-Length.
    """
    end = received.find(b"\r\n\r\n") + 4
    if end == 3:
        return None
    status = _STATUS.match(received)
    length = body_length(received, end)
    if status is None or length is None:
        raise ReplyError(f"not a reply with a Content-Length: {received[:200]!r}")
    return Head(int(status[1]), end, length)


def body_length(received: bytes, end: int) -> int | None:
    """Return what the Content-Length of the head that ends at `end` says, if there is one."""
    length = _LENGTH.search(received, 0, end)
    return int(length[1]) if length else None


def exchange(connection: socket.socket, message: bytes) -> tuple[int, bytes]:
    """Send `message` and return the status and the whole body of the reply."""
    connection.sendall(message)
    received = b""
    while True:
        chunk = connection.recv(65536)
        if not chunk:
            raise ReplyError(f"the connection ended after {received[:200]!r}")
        received += chunk
        head = read_head(received)
        if head is not None and len(received) >= head.end + head.length:
            return head.status, received[head.end :]
