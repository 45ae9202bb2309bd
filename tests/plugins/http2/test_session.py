"""One connection to an endpoint: calls side by side, and how they and the connection end."""

import socket

import pytest
import trio
import trio.testing

from mesh import (
    AttemptTimeout,
    Expiry,
    HttpRequest,
    IdleTimeout,
    Life,
    Limits,
    LocalProtocolError,
    SocketConnection,
    StreamReset,
    TotalTimeout,
    UpstreamBroken,
)
from mesh.testing import request as made_request
from mesh_plugins.http.gathered import Gathered, Trailed
from mesh_plugins.http2.engine import CANCEL, ENHANCE_YOUR_CALM, INTERNAL_ERROR, NO_ERROR, REFUSED_STREAM
from mesh_plugins.http2.frames import write_goaway
from mesh_plugins.http2.options import Options
from mesh_plugins.http2.serving import Pings
from mesh_plugins.http2.session import Http2Session
from mesh_plugins.http2.wire import FastClient, FastServer
from tests.plugins.http1.calling import Interims
from tests.plugins.http2.calling import bench, calling
from tests.plugins.http2.pairs import Owner


def request(
    method: str = "GET", target: str = "/", *, headers: dict[str, str] | None = None, body: bytes = b""
) -> HttpRequest:
    """Return a request with a host."""
    return made_request(method, target, headers={"host": "a.test", **(headers or {})}, body=body)


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
    assert made.endpoint.owner.streams[two].told == [("data", b"body", 0 if engine == "fast" else 4, True)]
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


@pytest.mark.parametrize("by", ["the pool", "its life"])
async def test_an_idle_connection_is_closed_with_a_goodbye(by: str, nursery: trio.Nursery) -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    life, near, far = Life(nursery, "test"), SocketConnection(ours, "endpoint"), SocketConnection(theirs, "session")
    session = Http2Session(near, FastClient, calling(), life)
    endpoint = FastServer(Owner(), Options(), trio.current_time)

    async def answer() -> None:
        while data := await far.receive_some():
            said.append(data)
            endpoint.feed(data)
            if len(said) == 1:
                endpoint.reply(1, 200, [], None, ends=True)
                await far.send_all(endpoint.take_output())

    said: list[bytes] = []
    nursery.start_soon(answer)
    await session(request())
    session.close() if by == "the pool" else life.close()
    await trio.testing.wait_all_tasks_blocked()
    far.close()

    assert said[-1].endswith(write_goaway(0, NO_ERROR, b""))
    assert session.closed
