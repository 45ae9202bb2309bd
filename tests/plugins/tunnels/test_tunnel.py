"""What carries a tunnel."""

from mesh import Reply
from mesh.testing import memory_connections
from mesh_plugins.tunnels.tunnel import Incoming


async def test_what_was_read_before_comes_first() -> None:
    near, far = memory_connections()
    incoming = Incoming(near, b"first")
    await far.send_all(b"second")
    far.close()

    pieces = [await incoming.receive() for _time in range(4)]

    assert pieces == [b"first", b"second", b"", b""]


async def test_a_reply_with_such_a_body_lasts() -> None:
    near, _far = memory_connections()

    reply = Reply(Incoming(near, b""))

    assert (reply.whole, reply.body.size, reply.body.buffered) == (False, None, None)
