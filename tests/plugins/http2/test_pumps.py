"""How the bodies of requests are sent that take their time."""

import pytest
import trio
import trio.testing

from mesh import Body
from mesh_plugins.http2.engine import CANCEL, NO_ERROR
from mesh_plugins.http2.options import Options
from tests.plugins.http2.calling import bench
from tests.plugins.http2.test_session import request


class Slow(Body):
    """A body whose pieces the test hands in; an error breaks it off."""

    __slots__ = ("_send", "_take")

    def __init__(self) -> None:
        self._send, self._take = trio.open_memory_channel[bytes | Exception](10)

    def put(self, piece: bytes | Exception) -> None:
        self._send.send_nowait(piece)

    async def receive(self) -> bytes:
        piece = await self._take.receive()
        if isinstance(piece, Exception):
            raise piece
        return piece


async def test_a_streamed_body_goes_out_while_the_reply_comes(engine: str) -> None:
    asked, body = request("POST"), Slow()
    asked.body = body
    async with bench(engine) as made:
        call = await made.call(asked, reads=False)
        body.put(b"one")
        await made.endpoint.reply(200, b"answer", ends=False)
        body.put(b"two")
        body.put(b"")
        await made.endpoint.settle()
        come = made.endpoint.owner.streams[made.endpoint.last].told.copy()
        assert call.reply is not None
        first = await call.reply.body.receive()
        made.endpoint.engine.send_data(made.endpoint.last, b"", ends=True)
        await made.endpoint.settle()

    assert [told[1] for told in come] == [b"one", b"two", b""]
    assert first == b"answer"
    assert made.calling.counts.open == 0


async def test_a_reply_that_is_over_early_stops_the_body(engine: str) -> None:
    asked, body = request("POST"), Slow()
    asked.body = body
    async with bench(engine) as made:
        call = await made.call(asked)
        await made.endpoint.reply(413, b"too much")
        told = made.endpoint.owner.streams[made.endpoint.last].told.copy()

    assert call.reply is not None
    assert (call.reply.status, call.body) == (413, b"too much")
    assert told == [("reset", NO_ERROR, True, False)]
    assert made.calling.counts.open == 0


async def test_what_breaks_the_body_off_is_raised_by_the_call(engine: str) -> None:
    asked, body, error = request("POST"), Slow(), ZeroDivisionError()
    asked.body = body
    async with bench(engine) as made:
        call = await made.call(asked)
        body.put(error)
        await made.endpoint.settle()
        told = made.endpoint.owner.streams[made.endpoint.last].told.copy()

    assert call.error is error
    assert told == [("reset", CANCEL, True, False)]


async def test_a_large_body_in_memory_waits_for_the_window(engine: str) -> None:
    async with bench(engine, options=Options(stream_window=1000)) as made:
        await made.call(request("GET"))
        await made.endpoint.reply()
        call = await made.call(request("PUT", body=bytes(2000)))
        number, owner = made.endpoint.last, made.endpoint.owner
        while not owner.streams[number].told[-1][3]:
            made.endpoint.engine.consumed(number, 1000)
            await made.endpoint.settle()
        await made.endpoint.reply(204)

    assert sum(len(told[1]) for told in owner.streams[number].told) == 2000
    assert call.reply is not None


@pytest.mark.parametrize("answer", [100, None, 417])
async def test_a_body_waits_until_it_is_called_for(
    engine: str, answer: int | None, autojump_clock: trio.testing.MockClock
) -> None:
    asked, body = request("POST"), Slow()
    asked.body, asked.expects_continue = body, True
    body.put(b"body")
    body.put(b"")
    async with bench(engine) as made:
        await made.call(asked)
        number = made.endpoint.last
        before = made.endpoint.owner.streams[number].told.copy()
        if answer is None:
            await trio.sleep(1.5)
        else:
            await made.endpoint.reply(answer, ends=answer == 417)
        after = made.endpoint.owner.streams[number].told.copy()

    assert (b"expect", b"100-continue") in made.endpoint.owner.requests[number].headers
    assert before == []
    assert (b"body" in [told[1] for told in after]) == (answer != 417)
