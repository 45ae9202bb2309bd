"""The calling side, over a connection in memory, with an endpoint that the test plays."""

import pytest
import trio
import trio.testing

from mesh import (
    HttpRequest,
    IdleTimeout,
    Life,
    Limits,
    LocalProtocolError,
    RemoteProtocolError,
    UpstreamBroken,
    UpstreamProtocolError,
)
from mesh.testing import Trickle, request
from mesh_plugins.http1.session import Http1Session
from mesh_plugins.http1.wire import FastClient
from tests.plugins.http1.calling import Interims, bench
from tests.socketpairs import connected
from tests.waiting import settled

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
HOST = {"host": "a"}


def get() -> HttpRequest:
    return request(headers=HOST)


def put(*pieces: bytes, expects: bool = False, size: int | None = None, error: Exception | None = None) -> HttpRequest:
    made = request("PUT", headers=HOST, body=Trickle(*pieces, size=size, error=error))
    made.expects_continue = expects
    return made


async def test_a_request_goes_out_and_its_reply_comes_back_and_there_is_room_again() -> None:
    async with bench() as it:
        call = it.call(request("POST", "/x?y", headers={"host": "a", "x-b": "1"}, body=b"hi"))
        sent = await it.endpoint.until(b"hi")
        capacity = it.session.capacity
        await it.endpoint.send(b"HTTP/1.1 201 Made\r\nx-c: 2\r\ncontent-length: 2\r\n\r\nok")
        await call.ended()

    assert sent == b"POST /x?y HTTP/1.1\r\nhost: a\r\nx-b: 1\r\ncontent-length: 2\r\n\r\nhi"
    assert call.reply is not None
    assert (call.reply.status, call.reply.reason, call.reply.headers) == (201, b"Made", [(b"x-c", b"2")])
    assert (call.reply.whole, call.body) == (True, b"ok")
    assert (capacity, it.endpoint.changes) == (0, [True])


async def test_one_connection_carries_one_request_after_the_other() -> None:
    async with bench() as it:
        bodies = []
        for number in range(3):
            call = it.call(get())
            await it.endpoint.head()
            await it.endpoint.send(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n%d" % number)
            bodies.append((await call.ended()).body)

    assert bodies == [b"0", b"1", b"2"]


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 100 Continue\r\n\r\n"])
async def test_an_endpoint_that_ends_before_its_reply_breaks_the_call(said: bytes) -> None:
    async with bench() as it:
        call = it.call(get())
        await it.endpoint.head()
        await it.endpoint.send(said)
        await it.endpoint.end()
        await call.ended()

    assert isinstance(call.error, UpstreamBroken)
    assert not isinstance(call.error, UpstreamProtocolError)
    assert not call.error.reply_begun
    assert it.session.closed


@pytest.mark.parametrize("is_body_begun", [False, True])
async def test_a_call_that_breaks_before_its_streamed_body_began_may_be_made_again(is_body_begun: bool) -> None:
    asked = put(*([b"a"] if is_body_begun else []))
    if not is_body_begun:
        asked.body.receive = trio.sleep_forever  # type: ignore[method-assign]  # a client that says nothing for now

    async with bench() as it:
        call = it.call(asked)
        await it.endpoint.until(b"1\r\na\r\n" if is_body_begun else b"\r\n\r\n")
        await it.endpoint.end()
        await call.ended()

    assert isinstance(call.error, UpstreamBroken)
    assert call.error.retryable is not is_body_begun


@pytest.mark.parametrize(
    "said", [b"HTTP/1.1 200", b"220 smtp\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n"]
)
async def test_an_endpoint_that_speaks_no_http_breaks_the_protocol(said: bytes) -> None:
    async with bench() as it:
        call = it.call(get())
        await it.endpoint.head()
        await it.endpoint.send(said)
        await it.endpoint.end()
        await call.ended()

    assert isinstance(call.error, UpstreamProtocolError)
    assert call.error.reply_begun
    assert it.session.closed


async def test_an_endpoint_that_ends_within_the_body_breaks_the_reply() -> None:
    async with bench() as it:
        call = it.call(get())
        await it.endpoint.head()
        await it.endpoint.send(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nsome")
        await it.endpoint.end()
        await call.ended()

    assert isinstance(call.error, UpstreamBroken)
    assert call.error.reply_begun
    assert (call.body, it.session.closed) == (b"some", True)
    assert call.reply is not None
    assert call.reply.body.broke


async def test_an_endpoint_that_says_nothing_is_waited_for_so_long(autojump_clock: trio.testing.MockClock) -> None:
    async with bench(Limits(stream_idle_timeout_s=30)) as it:
        call = await it.call(get()).ended()

    assert isinstance(call.error, IdleTimeout)
    assert trio.current_time() == pytest.approx(30, abs=0.1)
    assert it.session.closed


async def test_a_body_that_goes_on_coming_is_waited_for_longer(autojump_clock: trio.testing.MockClock) -> None:
    async with bench(Limits(stream_idle_timeout_s=30)) as it:
        call = it.call(get())
        await it.endpoint.head()
        await it.endpoint.send(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n")
        for _piece in range(5):
            await trio.sleep(20)
            await it.endpoint.send(b"x")
        await call.ended()

    assert call.body == b"xxxxx"


async def test_a_request_that_cannot_be_sent_is_our_own_fault() -> None:
    async with bench() as it:
        call = await it.call(request(headers={"host": "a", "connection": "close"})).ended()

    assert isinstance(call.error, LocalProtocolError)
    assert it.session.closed


async def test_a_cancelled_call_costs_the_connection() -> None:
    async with bench() as it:
        call = it.call(get())
        await it.endpoint.head()
        call.scope.cancel()
        await call.ended()

        assert it.session.closed


@pytest.mark.parametrize(
    "said", [b"connection: close\r\ncontent-length: 2\r\n\r\nok", b"content-length: 2\r\n\r\nokay"]
)
async def test_a_connection_that_ends_or_says_too_much_is_not_used_again(said: bytes) -> None:
    async with bench() as it:
        call = it.call(get())
        await it.endpoint.head()
        await it.endpoint.send(b"HTTP/1.1 200 OK\r\n" + said)
        await call.ended()

    assert (call.body, it.session.closed) == (b"ok", True)


async def test_a_session_is_closed_when_its_endpoint_closes_and_unusable_when_it_speaks_unasked() -> None:
    with connected() as (one, quiet), connected() as (other, chatty):
        sessions = [Http1Session(end, FastClient(Limits()), Limits(), Life(None)) for end in (one, other)]
        before = [session.is_usable() for session in sessions]
        quiet.close()
        chatty.send(b"HTTP/1.1 200 OK\r\n\r\n")
        await settled()

    assert before == [True, True]
    assert [session.is_usable() for session in sessions] == [False, False]
    assert sessions[0].closed


async def test_interim_replies_are_passed_on() -> None:
    asked = get()
    asked.on_interim = interims = Interims()

    async with bench() as it:
        call = it.call(asked)
        await it.endpoint.head()
        await it.endpoint.send(b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n", b"HTTP/1.1 102 P\r\n\r\n" + OK)
        await call.ended()

    assert interims.seen == [(103, [(b"link", b"</a>")]), (102, [])]
    assert call.body == b"ok"


async def test_a_small_chunked_reply_counts_as_whole_unless_it_has_trailers() -> None:
    replies = []

    async with bench() as it:
        for end in (b"0\r\n\r\n", b"0\r\nx-sum: 2\r\n\r\n"):
            for content in (b"2\r\nok\r\n", b""):
                call = it.call(get())
                await it.endpoint.head()
                await it.endpoint.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + content + end)
                reply = (await call.ended()).reply
                assert reply is not None
                replies.append((reply.whole, call.body, reply.body.trailers))

    sums = [(b"x-sum", b"2")]
    assert replies == [(True, b"ok", []), (True, b"", []), (False, b"ok", sums), (False, b"", sums)]
    assert not it.session.closed


async def test_a_reply_that_is_closed_too_early_costs_the_connection() -> None:
    async with bench() as it, trio.open_nursery() as nursery:
        nursery.start_soon(it.endpoint.send, b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nsome")
        reply = await it.session(get())
        await reply.aclose()

    assert it.session.closed


async def test_a_reply_that_is_closed_late_does_not_disturb_the_next_call() -> None:
    """A slow client may take its time with the last bytes: meanwhile the pool lends the connection to another call."""
    async with bench() as it:
        await it.endpoint.send(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nsome")
        first = await it.session(get())
        await first.body.receive()
        await it.endpoint.send(b"thing.")
        while await first.body.receive():
            pass
        second = it.call(get())
        await settled()
        await first.aclose()
        await it.endpoint.send(OK)
        await second.ended()

    assert (second.error, second.body) == (None, b"ok")


async def test_a_streamed_body_is_sent_in_chunks_or_as_long_as_it_said() -> None:
    async with bench() as it:
        sent = []
        for made, end in ((put(b"one", b"two"), b"0\r\n\r\n"), (put(b"one", b"two", size=6), b"two")):
            call = it.call(made)
            sent.append(await it.endpoint.until(end))
            await it.endpoint.send(OK)
            assert (await call.ended()).body == b"ok"

    assert sent == [
        b"PUT / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n",
        b"PUT / HTTP/1.1\r\nhost: a\r\ncontent-length: 6\r\n\r\nonetwo",
    ]
    assert it.endpoint.changes == [True, True]


async def test_a_body_that_breaks_off_breaks_the_call_with_its_own_error() -> None:
    fault = RemoteProtocolError("a bad chunk")

    async with bench() as it:
        call = await it.call(put(b"one", error=fault)).ended()

    assert call.error is fault
    assert it.session.closed


async def test_a_body_shorter_than_it_said_is_never_passed_off_as_whole() -> None:
    async with bench() as it:
        call = await it.call(put(b"one", size=6)).ended()

    assert isinstance(call.error, LocalProtocolError)
    assert it.session.closed


async def test_a_reply_before_the_body_has_come_stops_it_and_costs_the_connection() -> None:
    body = Trickle(*[b"x"] * 100_000)

    async with bench() as it:
        call = it.call(request("PUT", headers=HOST, body=body))
        await it.endpoint.head()
        await it.endpoint.send(b"HTTP/1.1 413 Too Much\r\ncontent-length: 2\r\n\r\nno")
        await call.ended()
        await settled()

    assert (call.body, it.session.closed) == (b"no", True)
    assert not body.ended


async def test_a_reply_and_a_body_may_stream_at_the_same_time() -> None:
    async with bench() as it:
        call = it.call(put(b"one", b"two", size=6))
        await it.endpoint.head()
        await it.endpoint.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n")
        await it.endpoint.until(b"onetwo")
        await it.endpoint.send(b"0\r\n\r\n")
        await call.ended()

    assert (call.body, it.session.closed) == (b"x", False)


async def test_an_endpoint_that_calls_for_the_body_gets_it() -> None:
    asked = put(b"hello", expects=True, size=5)
    asked.on_interim = interims = Interims()

    async with bench() as it:
        call = it.call(asked)
        head = await it.endpoint.head()
        await it.endpoint.send(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        await settled()
        pulled = getattr(asked.body, "pulled", None)
        await it.endpoint.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        await it.endpoint.until(b"hello")
        await it.endpoint.send(OK)
        await call.ended()

    assert b"\r\nexpect: 100-continue\r\n" in head
    assert pulled == 0
    assert [status for status, _headers in interims.seen] == [103, 100]
    assert (call.body, it.session.closed) == (b"ok", False)


async def test_an_endpoint_that_refuses_the_body_never_gets_it() -> None:
    async with bench() as it:
        call = it.call(put(b"hello", expects=True, size=5))
        await it.endpoint.head()
        await it.endpoint.send(b"HTTP/1.1 417 No\r\ncontent-length: 0\r\n\r\n")
        await call.ended()

    assert call.reply is not None
    assert (call.reply.status, it.endpoint.rest, it.session.closed) == (417, b"", True)


async def test_an_endpoint_that_does_not_call_gets_the_body_after_a_second(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with bench() as it:
        call = it.call(put(b"hello", expects=True, size=5))
        await it.endpoint.until(b"hello")
        waited = trio.current_time()
        await it.endpoint.send(OK)
        await call.ended()

    assert waited == pytest.approx(1, abs=0.1)
    assert (call.body, it.session.closed) == (b"ok", False)


async def test_what_a_filter_changes_of_a_reply_is_not_there_when_it_comes_again() -> None:
    seen = []

    async with bench() as it:
        for _time in range(4):
            call = it.call(get())
            await it.endpoint.head()
            await it.endpoint.send(b"HTTP/1.1 200 OK\r\nx-a: 1\r\ncontent-length: 0\r\n\r\n")
            await call.ended()
            assert call.reply is not None
            seen.append(call.reply.headers.copy())
            call.reply.headers.clear()

    assert seen == [[(b"x-a", b"1")]] * 4
