"""An upload sink: reads a request's whole body and answers with the number of bytes it read.

nginx alone cannot be one: it answers before it reads a body that it has no use for, or writes it to a file. Bytes are
taken from the kernel without copying (`MSG_TRUNC` on TCP), so that the sink is never what limits a measurement.
"""

import contextlib
import socket
import threading
from collections.abc import Iterator

from tests.bench.client import Address, body_length

CHUNK = 1 << 20


@contextlib.contextmanager
def sink(address: Address) -> Iterator[None]:
    """Serve on `address` in threads of this process until the block is left."""
    with socket.create_server(address) as listener:
        threading.Thread(target=_accept, args=(listener,), daemon=True).start()
        try:
            yield
        finally:
            listener.shutdown(socket.SHUT_RDWR)


def discard(connection: socket.socket, count: int, buffer: bytearray) -> None:
    """Read exactly `count` bytes and throw them away; raises `ConnectionError` if there are fewer."""
    while count:
        taken = connection.recv_into(buffer, min(count, len(buffer)), socket.MSG_TRUNC)
        if not taken:
            raise ConnectionError(f"the connection ended {count} bytes before the end of the body")
        count -= taken


def _accept(listener: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=_serve, args=(connection,), daemon=True).start()


def _serve(connection: socket.socket) -> None:
    buffer = bytearray(CHUNK)
    received = b""
    with connection, contextlib.suppress(OSError):
        while True:
            chunk = connection.recv(65536)
            if not chunk:
                return
            received += chunk
            end = received.find(b"\r\n\r\n") + 4
            if end == 3:
                continue
            length = body_length(received, end) or 0
            discard(connection, max(0, length - (len(received) - end)), buffer)
            body = b"%d" % length
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
            received = b""
