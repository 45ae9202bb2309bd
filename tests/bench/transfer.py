"""Large bodies: one reply and one upload over a connection of their own, in bytes per second."""

import contextlib
import socket
import time
from pathlib import Path

from tests.bench.client import Address, connect, exchange, read_head, request
from tests.bench.errors import ReplyError
from tests.bench.sink import CHUNK, discard


def read_ahead(source: Path) -> None:
    """Bring `source` into the page cache, which it may have left since it was last used.

    Without this, the first transfer after a minute of other measurements ran at a quarter of the speed of the next.
    """
    buffer = bytearray(CHUNK)
    with source.open("rb", buffering=0) as opened:
        while opened.readinto(buffer):
            pass


def download(address: Address, size: int) -> float:
    """Fetch `/large` of `web`, `size` bytes, and return the bytes per second up to the last one."""
    buffer = bytearray(CHUNK)
    with connect(address) as connection:
        started_at = time.perf_counter()
        connection.sendall(request("web", "/large"))
        received = b""
        while (head := read_head(received)) is None:
            received += _receive(connection)
        if (head.status, head.length) != (200, size):
            raise ReplyError(f"a reply of {size} bytes was expected: {received[:200]!r}")
        discard(connection, head.length - (len(received) - head.end), buffer)
        return size / (time.perf_counter() - started_at)


def upload(address: Address, source: Path, size: int) -> float:
    """Send `source`, `size` bytes, to `sink` and return the bytes per second up to the sink's answer."""
    with connect(address) as connection, source.open("rb") as opened:
        started_at = time.perf_counter()
        head = request("sink", "/upload", method="POST", length=size)
        connection.sendall(head)
        with contextlib.suppress(BrokenPipeError):  # the proxy has stopped reading: its answer tells why
            connection.sendfile(opened, 0, size)
        status, body = exchange(connection, b"")
        seconds = time.perf_counter() - started_at
    if (status, body) != (200, b"%d" % size):
        raise ReplyError(f"the sink was to count {size} bytes: {status}, {body[:200]!r}")
    return size / seconds


def _receive(connection: socket.socket) -> bytes:
    received = connection.recv(4096)
    if not received:
        raise ReplyError("the connection ended before the head of the reply")
    return received
