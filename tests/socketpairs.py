"""Pairs of sockets: a connection over one end and the plain socket at the other, or both plain."""

import contextlib
import socket
from collections.abc import Iterator

import trio
import trio.testing

from mesh.transport import SocketConnection

FILLER = bytes(1 << 16)


@contextlib.contextmanager
def connected() -> Iterator[tuple[SocketConnection, socket.socket]]:
    """Return a connection, and what is at its other end."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    connection = SocketConnection(ours, "the peer")
    try:
        yield connection, theirs
    finally:
        connection.close()
        theirs.close()


async def fill(connection: SocketConnection) -> None:
    """Send until the kernel takes no more."""
    with trio.move_on_after(0.001):
        while True:
            await connection.send_all(FILLER)


def drain(peer: socket.socket) -> bytes:
    """Take all that the kernel holds for the peer."""
    pieces = []
    with contextlib.suppress(BlockingIOError):
        while piece := peer.recv(1 << 20, socket.MSG_DONTWAIT):
            pieces.append(piece)
    return b"".join(pieces)


def tcp_pair() -> tuple[socket.socket, socket.socket]:
    """Return both ends of a TCP connection, which block."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        near = socket.create_connection(server.getsockname())
        far, _address = server.accept()
    return near, far
