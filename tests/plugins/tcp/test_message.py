"""Connections as requests."""

from mesh.testing import memory_connections
from mesh_plugins.tcp.message import TcpReply, TcpRequest
from mesh_plugins.tunnels.tunnel import Tunnel


def test_a_request_has_a_context_and_an_empty_body() -> None:
    request = TcpRequest(1, b"web")

    assert (request.port, request.server_name, request.is_tls, request.body.buffered) == (1, b"web", False, b"")
    assert request.context.attempt == 0


async def test_a_reply_lasts_as_long_as_its_tunnel() -> None:
    near, _far = memory_connections()

    reply = TcpReply(Tunnel(near))

    assert (reply.tunnel.connection, reply.whole) == (near, False)
