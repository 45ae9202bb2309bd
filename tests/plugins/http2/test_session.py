"""One connection to an endpoint: calls side by side, and how they and the connection end."""

import pytest
import trio
import trio.testing

from mesh import (
    AttemptTimeout,
    Body,
    Expiry,
    HttpRequest,
    IdleTimeout,
    Limits,
    LocalProtocolError,
    StreamReset,
    TotalTimeout,
    UpstreamBroken,
)
from mesh.testing import request as made_request
from mesh_plugins.http.gathered import Gathered, Trailed
from mesh_plugins.http2.engine import CANCEL, ENHANCE_YOUR_CALM, INTERNAL_ERROR, NO_ERROR, REFUSED_STREAM
from mesh_plugins.http2.options import Options
from mesh_plugins.http2.serving import Pings
from tests.plugins.http1.calling import Interims
from tests.plugins.http2.calling import bench, calling


def request(
    method: str = "GET", target: str = "/", *, headers: dict[str, str] | None = None, body: bytes = b""
) -> HttpRequest:
    """Return a request with a host."""
    return made_request(method, target, headers={"host": "a.test", **(headers or {})}, body=body)


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


async def test_calls_share_the_connection(engine: str) -> None:
    async with bench(engine) as made:
        first = await made.call(request("GET", "/1", headers={"host": "a.test"}))
        second = await made.call(request("POST", "/2", headers={"host": "a.test"}, body=b"body"))
        one, two = sorted(made.endpoint.owner.requests)
        room = made.session.capacity
        await made.endpoint.reply(200, b"second", stream=two)
        await made.endpoint.reply(404, b"first", stream=one)
        room_after = made.session.capacity

    heads = made.endpoint.owner.requests
    assert (heads[one].target, heads[two].method, heads[two].headers) == (b"/1", b"POST", [(b"host", b"a.test")])
    assert made.endpoint.owner.streams[two].told == [("data", b"body", 4, True)]
    assert (first.body, second.body) == (b"first", b"second")
    assert first.reply is not None
    assert (first.reply.status, first.reply.version) == (404, (2, 0))
    assert (room, room_after, made.calling.counts.open) == (1022, 1024, 0)


async def test_a_reply_that_came_as_a_whole_is_in_memory(engine: str) -> None:
    async with bench(engine) as made:
        call = await made.call(request(), reads=False)
        await made.endpoint.reply(200, b"whole")

    assert call.reply is not None
    assert call.reply.whole
    assert isinstance(call.reply.body, Gathered)


@pytest.mark.parametrize(("version", "whole"), [((2, 0), True), ((1, 1), False)])
async def test_trailers_come_with_the_body(engine: str, version: tuple[int, int], *, whole: bool) -> None:
    asked = request()
    asked.version = version
    async with bench(engine) as made:
        call = await made.call(asked, reads=False)
        made.endpoint.engine.reply(made.endpoint.last, 200, [], None, ends=False)
        made.endpoint.engine.send_data(made.endpoint.last, b"a", ends=False)
        made.endpoint.engine.send_trailers(made.endpoint.last, [(b"grpc-status", b"0")])
        await made.endpoint.settle()
        assert call.reply is not None
        content = await call.reply.body.receive()
        end = await call.reply.body.receive()

    assert (content, end, call.reply.body.trailers) == (b"a", b"", [(b"grpc-status", b"0")])
    assert isinstance(call.reply.body, Trailed) == whole


async def test_the_endpoint_says_how_many_streams_there_may_be(engine: str) -> None:
    async with bench(engine, options=Options(max_streams=2)) as made:
        before = made.session.capacity
        await made.call(request())
        after = made.session.capacity
        await made.endpoint.reply()

    assert (before, after) == (2, 1)
    assert made.endpoint.changes[0] == 2


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


async def test_a_cancelled_call_resets_its_stream(engine: str) -> None:
    async with bench(engine) as made:
        call = await made.call(request())
        call.scope.cancel()
        await made.endpoint.settle()
        told = made.endpoint.owner.streams[made.endpoint.last].told.copy()
        usable = made.session.is_usable()

    assert told == [("reset", CANCEL, True, False)]
    assert usable
    assert made.calling.counts.open == 0


async def test_a_reply_that_is_closed_early_resets_its_stream(engine: str) -> None:
    async with bench(engine) as made:
        call = await made.call(request(), reads=False)
        await made.endpoint.reply(200, b"some", ends=False)
        assert call.reply is not None
        await call.reply.aclose()
        await made.endpoint.settle()
        told = made.endpoint.owner.streams[made.endpoint.last].told.copy()

    assert told == [("reset", CANCEL, True, False)]


@pytest.mark.parametrize(
    ("code", "retryable"), [(REFUSED_STREAM, True), (INTERNAL_ERROR, False), (ENHANCE_YOUR_CALM, False)]
)
async def test_a_reset_before_the_head_is_an_error(engine: str, code: int, *, retryable: bool) -> None:
    async with bench(engine) as made:
        call = await made.call(request())
        made.endpoint.engine.reset(made.endpoint.last, code)
        await made.endpoint.settle()

    assert isinstance(call.error, StreamReset)
    assert (call.error.code, call.error.retryable, call.error.reply_begun) == (code, retryable, False)
    assert made.calling.counts.remote_resets.value == 1


async def test_a_reset_after_the_head_breaks_the_body(engine: str) -> None:
    async with bench(engine) as made:
        call = await made.call(request())
        await made.endpoint.reply(200, b"some", ends=False)
        made.endpoint.engine.reset(made.endpoint.last, INTERNAL_ERROR)
        await made.endpoint.settle()

    assert call.body == b"some"
    assert isinstance(call.error, StreamReset)
    assert call.error.reply_begun


async def test_an_endpoint_that_says_goodbye_gets_no_further_call(engine: str) -> None:
    async with bench(engine) as made:
        call = await made.call(request())
        made.endpoint.engine.go_away(NO_ERROR, last=True)
        await made.endpoint.settle()
        leaving = (made.session.leaving, made.session.closed, made.session.is_usable())
        await made.endpoint.reply(200, b"in flight")

    assert leaving == (True, False, False)
    assert call.body == b"in flight"
    assert made.session.closed
    with pytest.raises(UpstreamBroken):
        await made.session(request())


async def test_a_call_that_came_after_the_goodbye_may_be_repeated(engine: str) -> None:
    async with bench(engine) as made:
        await made.call(request())
        await made.endpoint.reply()
        made.endpoint.engine.go_away(NO_ERROR, last=True)
        call = await made.call(request())
        await made.endpoint.settle()

    assert isinstance(call.error, StreamReset)
    assert call.error.retryable


async def test_a_connection_that_ends_breaks_its_calls(engine: str) -> None:
    async with bench(engine) as made:
        waiting = await made.call(request())
        reading = await made.call(request())
        await made.endpoint.reply(200, b"some", ends=False)
        made.endpoint.connection.close()
        await trio.testing.wait_all_tasks_blocked()

    assert isinstance(waiting.error, UpstreamBroken)
    assert not waiting.error.reply_begun
    assert isinstance(reading.error, UpstreamBroken)
    assert reading.error.reply_begun
    assert made.session.closed


async def test_what_is_no_http2_breaks_the_connection(engine: str) -> None:
    async with bench(engine) as made:
        call = await made.call(request())
        await made.endpoint.connection.send_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await trio.testing.wait_all_tasks_blocked()

    assert isinstance(call.error, UpstreamBroken)
    assert made.session.closed


async def test_a_call_ends_with_its_expiry(engine: str, autojump_clock: trio.testing.MockClock) -> None:
    asked = request()
    asked.context.expiry = Expiry(trio.current_time() + 5, AttemptTimeout, "too slow")
    async with bench(engine) as made:
        call = await made.call(asked)
        other = await made.call(request())
        await trio.sleep(6)
        told = made.endpoint.owner.streams[1].told.copy()
        await made.endpoint.reply(200, b"fine")

    assert isinstance(call.error, AttemptTimeout)
    assert told == [("reset", CANCEL, True, False)]
    assert other.body == b"fine"


async def test_a_deadline_holds_to_the_last_byte(engine: str, autojump_clock: trio.testing.MockClock) -> None:
    asked = request()
    asked.context.expiry = Expiry(trio.current_time() + 5, TotalTimeout, "too late", stays=True)
    async with bench(engine) as made:
        call = await made.call(asked)
        await made.endpoint.reply(200, b"some", ends=False)
        await trio.sleep(6)

    assert call.body == b"some"
    assert isinstance(call.error, TotalTimeout)


async def test_what_has_expired_is_not_sent(engine: str) -> None:
    asked = request()
    asked.context.expiry = Expiry(trio.current_time() - 1, TotalTimeout, "too late")
    async with bench(engine) as made:
        call = await made.call(asked)

    assert isinstance(call.error, TotalTimeout)
    assert made.endpoint.owner.requests == {}


async def test_a_silent_endpoint_is_given_up(engine: str, autojump_clock: trio.testing.MockClock) -> None:
    async with bench(engine, calling(Limits(stream_idle_timeout_s=30))) as made:
        call = await made.call(request())
        await trio.sleep(29)
        early = call.error
        await trio.sleep(2)

    assert early is None
    assert isinstance(call.error, IdleTimeout)


async def test_a_peer_that_answers_no_ping_is_gone(engine: str, autojump_clock: trio.testing.MockClock) -> None:
    async with bench(engine, calling(pings=Pings(30, 5))) as made:
        call = await made.call(request())
        await trio.sleep(100)
        alive = call.error is None
        made.endpoint.hears = False
        await trio.sleep(40)

    assert alive
    assert isinstance(call.error, UpstreamBroken)
    assert "ping" in str(call.error)


async def test_interim_replies_are_passed_on(engine: str) -> None:
    asked, interims = request(), Interims()
    asked.on_interim = interims
    async with bench(engine) as made:
        call = await made.call(asked)
        await made.endpoint.reply(103, ends=False)
        await made.endpoint.reply(200, b"final")

    assert interims.seen == [(103, [])]
    assert call.body == b"final"


async def test_too_many_interim_replies_are_an_error(engine: str) -> None:
    async with bench(engine, calling(Limits(max_1xx_responses=2))) as made:
        call = await made.call(request())
        for _ in range(3):
            await made.endpoint.reply(103, ends=False)

    assert isinstance(call.error, UpstreamBroken)


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


async def test_what_must_not_be_sent_costs_no_place(engine: str) -> None:
    async with bench(engine) as made:
        call = await made.call(request(headers={"bad": "a\r\nb"}))

        assert made.session.capacity == 1024

    assert isinstance(call.error, LocalProtocolError)


async def test_a_closed_life_takes_its_session_along(engine: str) -> None:
    async with bench(engine) as made:
        call = await made.call(request())
        made.life.close()
        await trio.testing.wait_all_tasks_blocked()

    assert isinstance(call.error, UpstreamBroken)
    assert made.session.closed
