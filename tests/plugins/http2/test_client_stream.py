"""What is kept of a call."""

import gc

import pytest

from mesh import HttpRequest, UpstreamBroken
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


GET = HttpRequest(b"GET", b"/", [], version=(2, 0))
HEAD = ReplyHead(200, [], None, False)


def begun() -> tuple[ClientStream, Window]:
    """Return a stream whose reply has begun, and what takes its window back."""
    window = Window()
    stream = ClientStream(Forgetful(), window, None, 10)
    stream.on_reply(HEAD)
    return stream, window


def test_a_body_that_came_in_one_piece_with_trailers_is_in_memory() -> None:
    stream, window = begun()

    stream.on_data(b"ok", 2, ends=False)
    stream.on_trailers([(b"a", b"b")])
    body = stream.reply(GET, HEAD).body

    assert (body.buffered, body.trailers, window.given) == (b"ok", [(b"a", b"b")], [2])


def test_pieces_that_came_before_anybody_looked_are_one_body() -> None:
    stream, window = begun()

    stream.on_data(b"one ", 4, ends=False)
    stream.on_data(b"two", 3, ends=True)
    body = stream.reply(GET, HEAD).body

    assert (body.buffered, window.given) == (b"one two", [7])


async def test_a_body_goes_on_after_what_came_with_its_head() -> None:
    stream, _window = begun()

    stream.on_data(b"one ", 4, ends=False)
    body = stream.reply(GET, HEAD).body
    first = await body.receive()
    stream.on_data(b"two", 3, ends=True)

    assert (body.buffered, first, await body.receive(), await body.receive()) == (None, b"one ", b"two", b"")


async def test_what_broke_before_anybody_looked_is_raised_by_the_body() -> None:
    stream, _window = begun()

    stream.on_data(b"half", 4, ends=False)
    stream.fail(UpstreamBroken("it is gone"))
    body = stream.reply(GET, HEAD).body

    with pytest.raises(UpstreamBroken):
        await body.receive()
