"""Replies that carry a tunnel."""

from mesh.testing import memory_connections
from mesh_plugins.http.switched import SwitchedReply, connected
from mesh_plugins.tunnels.tunnel import Tunnel


async def test_the_body_of_a_reply_with_a_tunnel_is_what_comes_out_of_it() -> None:
    near, _far = memory_connections()

    reply = SwitchedReply(101, [], Tunnel(near, b"first"), b"websocket")

    assert not reply.whole
    assert (reply.body.size, await reply.body.receive()) == (None, b"first")
    assert (reply.tunnel.first, reply.protocol, reply.reason) == (b"first", b"websocket", b"Switching Protocols")


def test_a_connect_is_answered_with_200() -> None:
    near, _far = memory_connections()

    reply = connected(Tunnel(near))

    assert (reply.status, reply.reason, reply.protocol) == (200, b"Connection Established", b"")
