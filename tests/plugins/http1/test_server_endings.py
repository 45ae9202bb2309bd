"""How exchanges and connections end on the serving side: broken off, abandoned, drained, or read to their end."""

import socket

import pytest
import trio
import trio.testing

from mesh import Body, ClientGone, HttpReply, HttpRequest, Limits, MeshError, Switch, Unavailable
from mesh.testing import Trickle
from mesh_plugins.http1.server import ServerConnection
from mesh_plugins.http1.serving import Serving
from mesh_plugins.http1.wire import FastServer
from tests.plugins.http1.serving import GET, Answer, Client, always, ok, served, whole
from tests.socketpairs import connected, drain
from tests.waiting import settled

PUT = b"PUT / HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n"
EXPECTING = PUT.replace(b"host", b"expect: 100-continue\r\nhost")


async def test_a_service_that_raises_costs_one_request(caplog: pytest.LogCaptureFixture) -> None:
    async def answer(request: HttpRequest) -> HttpReply:
        if request.target == b"/":
            raise ZeroDivisionError
        return await ok(request)

    async with served(answer) as client:
        first = await client.ask(GET)
        second = await client.ask(GET.replace(b"/ ", b"/x "))

    assert first.startswith(b"HTTP/1.1 500 ")
    assert second.endswith(b"/x")
    assert [record.levelname for record in caplog.records] == ["ERROR"]


async def test_a_reply_that_cannot_be_sent_becomes_an_error_and_is_closed(caplog: pytest.LogCaptureFixture) -> None:
    wrong = HttpReply(200, [(b"connection", b"close")], b"never")

    async with served(always(wrong)) as client:
        found = await client.ask(GET)

    assert found == b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n"
    assert wrong.closed
    assert [record.levelname for record in caplog.records] == ["ERROR"]


@pytest.mark.parametrize("body", [Trickle(b"some", error=Unavailable("gone")), Trickle(b"some", error=KeyError("odd"))])
async def test_a_reply_whose_body_breaks_off_never_looks_whole(body: Body) -> None:
    reply = HttpReply(200, body=body)

    async with served(always(reply)) as client:
        await client.send(GET)
        found = await client.everything()

    assert found.endswith(b"\r\n\r\n4\r\nsome\r\n")
    assert reply.closed
    assert not client.connection.aborted


async def test_a_reply_shorter_than_it_said_never_looks_whole() -> None:
    async with served(always(HttpReply(200, body=Trickle(b"some", size=10)))) as client:
        await client.send(GET + GET)
        found = await client.everything()

    assert found.endswith(b"content-length: 10\r\n\r\nsome")


@pytest.mark.parametrize(("error", "aborted"), [(None, False), (Unavailable("gone"), True)])
async def test_for_http_1_0_a_body_without_a_length_ends_cleanly_only_if_it_is_whole(
    error: Exception | None, aborted: bool
) -> None:
    async with served(always(HttpReply(200, body=Trickle(b"some", error=error)))) as client:
        await client.send(b"GET / HTTP/1.0\r\n\r\n")
        found = await client.everything()

    assert found.endswith(b"connection: close\r\n\r\nsome")
    assert client.connection.aborted == aborted


async def test_replies_that_nobody_closed_are_closed_with_the_exchange() -> None:
    forgotten = HttpReply(200, body=Trickle(b"x"))

    async def answer(request: HttpRequest) -> HttpReply:
        request.context.made(forgotten)
        return HttpReply(200)

    async with served(answer) as client:
        await client.ask(GET)
        await settled()

        assert forgotten.closed


async def hang_up_during(
    answer: Answer, hung_up: trio.Event, *, allow_half_close: bool = False
) -> tuple[bytes, Switch]:
    """Ask over a socket, shut down writing while the service waits, and return what came back."""
    switch = Switch(answer)
    with connected() as (connection, peer):
        server = ServerConnection(connection, FastServer(Limits()), switch, Serving(allow_half_close=allow_half_close))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(server.run)
            peer.sendall(GET)
            await settled()
            peer.shutdown(socket.SHUT_WR)
            await settled()
            hung_up.set()
        return drain(peer), switch


async def test_a_client_that_hangs_up_ends_its_exchange_and_what_was_made_for_it() -> None:
    made = HttpReply(200, body=Trickle(b"x"))
    hung_up = trio.Event()

    async def answer(request: HttpRequest) -> HttpReply:
        request.context.made(made)
        await hung_up.wait()
        return made

    received, switch = await hang_up_during(answer, hung_up)

    assert (received, made.closed) == (b"", True)
    assert switch.connections == set()


async def test_a_client_that_may_hang_up_early_gets_its_reply() -> None:
    hung_up = trio.Event()

    async def answer(_request: HttpRequest) -> HttpReply:
        await hung_up.wait()
        return HttpReply(200, body=b"late")

    received, _switch = await hang_up_during(answer, hung_up, allow_half_close=True)

    assert received.endswith(b"late")


async def test_a_client_that_ends_in_the_middle_of_its_request_went_away() -> None:
    met = list[Exception]()

    async def answer(request: HttpRequest) -> HttpReply:
        try:
            await whole(request.body)
        except MeshError as error:
            met.append(error)
        return HttpReply(499)

    async with served(answer) as client:
        await client.send(PUT % 100_000 + b"some")
        await client.stream.send_eof()
        await client.everything()

    assert [type(error) for error in met] == [ClientGone]


async def test_a_client_that_reads_nothing_is_given_up(autojump_clock: trio.testing.MockClock) -> None:
    reply = HttpReply(200, body=Trickle(b"x" * 10))
    pair = trio.testing.lockstep_stream_pair()
    client = Client(always(reply), Serving(Limits(stream_idle_timeout_s=7)), pair)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(client.server.run)
        await client.send(GET)

    assert trio.current_time() == pytest.approx(7, abs=0.1)
    assert (reply.closed, client.connection.aborted) == (True, True)


async def test_a_drain_lets_an_idle_client_begin_one_more_request(autojump_clock: trio.testing.MockClock) -> None:
    async with served(ok) as client:
        await client.ask(GET)
        client.switch.drain()
        last = await client.ask(GET)
        rest = await client.everything()

    assert b"\r\nconnection: close\r\n" in last
    assert rest == b""


async def test_a_client_that_has_asked_for_nothing_is_let_go_when_descriptors_are_scarce(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with served(ok) as client:
        client.switch.hurry()
        found = await client.everything()

    assert found == b""


async def test_a_client_that_has_asked_for_something_is_not_hurried(autojump_clock: trio.testing.MockClock) -> None:
    async with served(ok) as client:
        first = await client.ask(GET)
        client.switch.hurry()
        await trio.sleep(60)
        second = await client.ask(GET)

    assert first.startswith(b"HTTP/1.1 200 OK\r\n")
    assert second == first


async def test_a_drain_lets_an_open_exchange_end() -> None:
    release = trio.Event()

    async def answer(_request: HttpRequest) -> HttpReply:
        await release.wait()
        return HttpReply(200)

    async with served(answer) as client:
        await client.send(GET)
        await settled()
        client.switch.drain()
        release.set()
        found = await client.everything()

    assert found.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nconnection: close" in found


async def test_the_rest_of_an_unwanted_body_is_read_and_the_connection_kept() -> None:
    async with served(ok) as client:
        first = await client.ask(PUT % 60_000)
        await client.send(b"x" * 60_000)
        second = await client.ask(GET)

    assert b"connection: close" not in first
    assert second.endswith(b"/")


async def test_an_unwanted_body_that_is_too_long_is_announced_to_end_the_connection() -> None:
    async with served(ok) as client:
        first = await client.ask(PUT % 70_000)
        await client.send(b"x" * 70_000)
        await client.stream.send_eof()
        rest = await client.everything()

    assert b"\r\nconnection: close\r\n" in first
    assert rest == b""


async def test_a_streamed_reply_may_be_written_while_a_long_body_comes() -> None:
    async def answer(request: HttpRequest) -> HttpReply:
        return HttpReply(200, body=request.body)

    async with served(answer) as client:
        await client.send(PUT % 70_000 + b"x" * 70_000)
        first = await client.reply()
        second = await client.ask(PUT % 70_000 + b"y" * 70_000)

    assert b"connection: close" not in first
    assert second.endswith(b"y" * 70_000)


async def test_the_reader_of_a_body_that_was_given_up_takes_nothing_of_the_next_request() -> None:
    """The reader has been woken and cancelled at the same time, so it still gets to read from the connection."""
    bodies: list[bytes] = []

    async with served(lambda request: answer(request)) as client, trio.open_nursery() as nursery:

        async def answer(request: HttpRequest) -> HttpReply:
            if request.target == b"/next":
                bodies.append(await whole(request.body))
            else:
                scope = trio.CancelScope()
                nursery.start_soon(read, request.body, scope)
                await settled()
                await client.send(b"x" * 9_000 + (PUT % 20_000).replace(b"/ ", b"/next ") + b"y" * 10_000)
                scope.cancel()
            return HttpReply(200)

        async def read(body: Body, scope: trio.CancelScope) -> None:
            with scope:
                await whole(body)

        await client.ask(PUT % 10_000 + b"x" * 1_000)
        await settled()
        await client.ask(b"y" * 10_000)

    assert bodies == [b"y" * 20_000]


async def test_a_client_that_waits_for_the_call_gets_it_when_the_body_is_asked_for() -> None:
    async def answer(request: HttpRequest) -> HttpReply:
        return HttpReply(200, body=await whole(request.body))

    async with served(answer) as client:
        first = await client.ask(EXPECTING % 5)
        final = await client.ask(b"hello")
        after = await client.ask(GET)

    assert first == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert final.endswith(b"\r\n\r\nhello")
    assert after.startswith(b"HTTP/1.1 200")


async def test_a_call_that_was_passed_on_is_not_made_twice_and_hints_are_no_call() -> None:
    async def answer(request: HttpRequest) -> HttpReply:
        assert request.on_interim is not None
        await request.on_interim.send_interim(103, [(b"link", b"</a>")])
        await request.on_interim.send_interim(100, [])
        return HttpReply(200, body=await whole(request.body))

    async with served(answer) as client:
        interim = [await client.ask(EXPECTING % 5), await client.reply()]
        final = await client.ask(b"hello")

    assert [head.split(b" ")[1] for head in interim] == [b"103", b"100"]
    assert final.startswith(b"HTTP/1.1 200 ")


async def test_hints_do_not_stand_in_for_the_call() -> None:
    async def answer(request: HttpRequest) -> HttpReply:
        assert request.on_interim is not None
        await request.on_interim.send_interim(103, [])
        return HttpReply(200, body=await whole(request.body))

    async with served(answer) as client:
        interim = [await client.ask(EXPECTING % 5), await client.reply()]

    assert [head.split(b" ")[1] for head in interim] == [b"103", b"100"]


async def test_a_body_that_was_never_called_for_ends_the_connection() -> None:
    async with served(ok) as client:
        found = await client.ask(EXPECTING % 5)
        await client.stream.send_eof()
        rest = await client.everything()

    assert b"\r\nconnection: close\r\n" in found
    assert rest == b""
