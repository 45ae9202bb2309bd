"""What carries a tunnel."""

from mesh import Reply
from mesh_plugins.tunnels.tunnel import InTunnel


async def test_a_reply_with_such_a_body_lasts_and_has_nothing_to_read() -> None:
    reply = Reply(InTunnel())

    assert not reply.whole
    assert (reply.body.buffered, await reply.body.receive()) == (None, b"")
