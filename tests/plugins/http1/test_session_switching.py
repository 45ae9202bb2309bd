"""How the calling side asks an endpoint to switch, and hands the connection over."""

import pytest
import trio
import trio.testing

from mesh import HttpReply, HttpRequest, Limits, UpstreamBroken, UpstreamProtocolError
from mesh_plugins.http.switched import SwitchedReply
from tests.plugins.http1.calling import Bench, Interims, bench

SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\nx-a: 1\r\n\r\n"


def asking() -> HttpRequest:
    request = HttpRequest(b"GET", b"/", [(b"host", b"a")])
    request.upgrade = b"websocket"
    return request


async def switched(found: Bench) -> SwitchedReply:
    """Ask for a switch, and grant it."""
    replies: list[HttpReply] = []

    async def call() -> None:
        reply = await found.session(asking())
        assert isinstance(reply, HttpReply)
        replies.append(reply)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(call)
        await found.endpoint.head()
        await found.endpoint.send(SWITCH + b"hello")
    (reply,) = replies
    assert isinstance(reply, SwitchedReply)
    return reply


async def test_a_switch_hands_the_connection_over_with_what_came_with_it() -> None:
    async with bench() as found:
        reply = await switched(found)
        during = (found.session.closed, found.session.capacity, found.endpoint.changes)

    assert (reply.status, reply.headers, reply.protocol) == (101, [(b"x-a", b"1")], b"websocket")
    assert reply.tunnel.first == b"hello"
    assert during == (False, 0, [])


async def test_closing_the_reply_closes_the_session() -> None:
    async with bench() as found:
        reply = await switched(found)
        await reply.aclose()

    assert found.session.closed


async def test_interim_replies_may_come_before_the_switch() -> None:
    interims = Interims()
    request = asking()
    request.on_interim = interims

    async with bench() as found:
        call = found.call(request)
        await found.endpoint.head()
        await found.endpoint.send(b"HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n", SWITCH)
        await trio.testing.wait_all_tasks_blocked()

    assert interims.seen == [(103, [(b"link", b"a")])]
    assert isinstance(call.reply, SwitchedReply)


async def test_a_connection_on_which_a_switch_was_declined_is_not_used_again() -> None:
    async with bench() as found:
        call = found.call(asking())
        await found.endpoint.head()
        await found.endpoint.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        await call.ended()

    assert (call.body, found.session.closed) == (b"ok", True)


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        (b"", UpstreamBroken),
        (b"HTTP/1.1 101 Switching", UpstreamBroken),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", UpstreamProtocolError),
        (SWITCH.replace(b"websocket", b"h2c"), UpstreamProtocolError),
    ],
)
async def test_an_endpoint_that_breaks_off_or_switches_to_something_else_fails_the_call(
    sent: bytes, error: type[UpstreamBroken]
) -> None:
    async with bench() as found:
        call = found.call(asking())
        await found.endpoint.head()
        if sent:
            await found.endpoint.send(sent)
        await found.endpoint.end()
        await call.ended()

    assert isinstance(call.error, error)
    assert found.session.closed


async def test_a_call_that_is_cancelled_before_the_switch_closes_the_session() -> None:
    async with bench() as found:
        call = found.call(asking())
        await found.endpoint.head()
        call.scope.cancel()
        await call.ended()

    assert found.session.closed


async def test_an_endpoint_that_does_not_answer_in_time_fails_the_call(autojump_clock: trio.testing.MockClock) -> None:
    async with bench(Limits(stream_idle_timeout_s=5)) as found:
        call = found.call(asking())
        await call.ended()

    assert type(call.error).__name__ == "IdleTimeout"
    assert trio.current_time() == pytest.approx(5, abs=0.1)


async def test_a_request_with_a_body_does_not_ask() -> None:
    request = asking()
    request.body = HttpReply(200, body=b"hi").body

    async with bench() as found:
        found.call(request)
        head = await found.endpoint.head()

    assert b"upgrade" not in head
