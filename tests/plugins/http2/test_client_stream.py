"""What is kept of a call."""

import gc

import pytest

from mesh import HttpRequest
from mesh_plugins.http2.client_stream import ClientStream, Streams
from mesh_plugins.http2.engine import ReplyHead
from tests.plugins.http2.test_inflow import Window


class Forgetful(Streams):
    """A session that keeps nothing of its streams."""

    def has_come(self, stream: ClientStream) -> None:
        stream.over = True

    def was_reset(self, stream: ClientStream, code: int, *, by_peer: bool, unprocessed: bool) -> None:
        raise AssertionError("nobody resets it")

    def give_up(self, stream: ClientStream, error: Exception | None = None) -> None:
        stream.over = True


@pytest.mark.parametrize("is_whole", [True, False])
async def test_a_reply_that_was_closed_leaves_nothing_to_the_collector_of_cycles(is_whole: bool) -> None:
    gc.collect()
    gc.disable()
    try:
        stream, head = ClientStream(Forgetful(), Window(), None, 10), ReplyHead(200, [], None, False)
        stream.on_reply(head)
        stream.on_data(b"ok", 2, ends=is_whole)
        reply = stream.reply(HttpRequest(b"GET", b"/", []), head)
        await reply.aclose()
        del stream, reply

        assert [found for found in gc.get_objects() if isinstance(found, ClientStream)] == []
    finally:
        gc.enable()
