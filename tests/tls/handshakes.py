"""Both ends of a TLS connection over a pair of sockets, and what stands at the other end."""

import contextlib
import pathlib
import socket
import ssl
from collections.abc import AsyncIterator

import attrs
import trio

from mesh.tls import TlsConnection
from mesh.transport import SocketConnection
from tests.certificates import Authority


@attrs.define(eq=False)
class Contexts:
    """What a server and its client begin with."""

    server: ssl.SSLContext
    client: ssl.SSLContext


def contexts(folder: pathlib.Path, *, newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> Contexts:
    """Return contexts of two sides that trust each other."""
    authority = Authority(folder)
    files = authority.issue("web.example")
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    server.load_cert_chain(files.cert, files.key)
    client.load_verify_locations(authority.path)
    client.maximum_version = newest
    return Contexts(server, client)


def socket_pair() -> tuple[SocketConnection, SocketConnection]:
    """Return connections over both ends of a pair of sockets."""
    ours, theirs = socket.socketpair()
    for sock in (ours, theirs):
        sock.setblocking(False)
    return SocketConnection(ours, "the client"), SocketConnection(theirs, "the server")


@contextlib.asynccontextmanager
async def talking(both: Contexts) -> AsyncIterator[tuple[TlsConnection, TlsConnection]]:
    """Return a server's and a client's connection with each other, after the handshake."""
    below_server, below_client = socket_pair()
    server = TlsConnection(below_server, both.server)
    client = TlsConnection(below_client, both.client, server_name="web.example")
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(server.shake_hands)
            nursery.start_soon(client.shake_hands)
        yield server, client
    finally:
        server.close()
        client.close()
