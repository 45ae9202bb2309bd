"""The serving side, over a connection in memory and in front of a service that the test writes."""

import contextlib

import pytest
import trio
import trio.testing

from mesh import HttpReply, HttpRequest, Limits, RemoteProtocolError
from mesh_plugins.http1.serving import Serving
from tests.plugins.http1.serving import GET, ok, served, whole
from tests.waiting import settled


async def test_a_request_is_handed_to_the_service_and_its_reply_written() -> None:
    seen: list[HttpRequest] = []

    async def answer(request: HttpRequest) -> HttpReply:
        seen.append(request)
        return HttpReply(201, [(b"x-a", b"1")], b"made")

    async with served(answer) as client:
        found = await client.ask(b"PUT /x?y HTTP/1.1\r\nhost: a\r\nx-b: 2\r\ncontent-length: 2\r\n\r\nhi")

    (request,) = seen
    assert (request.method, request.target, request.version) == (b"PUT", b"/x?y", (1, 1))
    assert (request.headers, request.body.buffered) == ([(b"host", b"a"), (b"x-b", b"2")], b"hi")
    assert found == b"HTTP/1.1 201 Created\r\nx-a: 1\r\ncontent-length: 4\r\n\r\nmade"


async def test_pipelined_requests_are_answered_in_order() -> None:
    asked = b"".join(b"GET /%d HTTP/1.1\r\nhost: a\r\n\r\n" % number for number in range(40))

    async with served(ok) as client:
        await client.send(asked)
        found = [await client.reply() for _number in range(40)]

    assert [part.rpartition(b"\r\n\r\n")[2] for part in found] == [b"/%d" % number for number in range(40)]


@pytest.mark.parametrize(("size", "in_memory"), [(5120, True), (5121, False)])
async def test_a_small_body_is_gathered_before_the_service_is_called(size: int, in_memory: bool) -> None:
    bodies: list[bytes | None] = []

    async def answer(request: HttpRequest) -> HttpReply:
        bodies.append(request.body.buffered)
        return HttpReply(200, body=b"%d" % len(await whole(request.body)))

    async with served(answer) as client:
        await client.send(b"PUT / HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n1" % size)
        await settled()
        found = await client.ask(b"2" * (size - 1))

    assert [body is not None for body in bodies] == [in_memory]
    assert found.endswith(b"\r\n\r\n%d" % size)


async def test_the_trailers_of_a_streamed_body_are_there_at_its_end() -> None:
    trailers = []

    async def answer(request: HttpRequest) -> HttpReply:
        trailers.append(request.body.trailers)
        content = await whole(request.body)
        trailers.append(request.body.trailers)
        return HttpReply(200, body=content)

    async with served(answer) as client:
        head = b"PUT / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"
        found = await client.ask(head + b"2\r\nhi\r\n0\r\nx-sum: 2\r\n\r\n")

    assert found.endswith(b"hi")
    assert trailers == [[], [(b"x-sum", b"2")]]


async def test_a_request_that_breaks_the_protocol_is_refused_and_told_to_the_switch() -> None:
    refused: list[Exception] = []

    async with served(ok) as client:
        client.switch.refused = refused.append
        await client.send(b"GET / HTTP/1.1\r\nhost: a b\r\n\r\n" + GET)
        await client.stream.send_eof()
        found = await client.everything()

    head, _, text = found.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"\r\nconnection: close" in head
    assert text == b"expected host or host:port, not 'a b'\n"
    assert [type(error) for error in refused] == [RemoteProtocolError]


async def test_a_client_that_sends_nothing_at_first_is_let_go_silently(autojump_clock: trio.testing.MockClock) -> None:
    async with served(ok, Serving(Limits(header_deadline_s=10, idle_timeout_s=3600))) as client:
        found = await client.everything()

    assert found == b""
    assert trio.current_time() == pytest.approx(10, abs=0.1)


async def test_a_client_that_sends_part_of_a_head_is_told_that_it_was_too_slow(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with served(ok, Serving(Limits(header_deadline_s=10))) as client:
        await client.send(b"GET / HT")
        for _piece in range(12):
            await trio.sleep(1)
            with contextlib.suppress(trio.BrokenResourceError):
                await client.send(b"a")
        found = await client.everything()

    assert found.startswith(b"HTTP/1.1 408 ")


async def test_between_requests_a_client_may_idle_longer(autojump_clock: trio.testing.MockClock) -> None:
    async with served(ok, Serving(Limits(header_deadline_s=10, idle_timeout_s=3600))) as client:
        await client.ask(GET)
        await trio.sleep(3000)
        second = await client.ask(GET)
        began = trio.current_time()
        rest = await client.everything()

    assert second.startswith(b"HTTP/1.1 200")
    assert rest == b""
    assert trio.current_time() - began == pytest.approx(3600, abs=0.1)


@pytest.mark.parametrize("size", [100, 100_000])
async def test_a_body_that_stops_coming_is_given_up(autojump_clock: trio.testing.MockClock, size: int) -> None:
    async def answer(request: HttpRequest) -> HttpReply:
        try:
            return HttpReply(200, body=await whole(request.body))
        except RemoteProtocolError as error:
            return HttpReply(error.status)

    async with served(answer, Serving(Limits(stream_idle_timeout_s=5))) as client:
        await client.send(b"PUT / HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\nx" % size)
        found = await client.everything()

    assert found.startswith(b"HTTP/1.1 408 ")
    assert b"\r\nconnection: close\r\n" in found


async def test_what_a_filter_changes_of_a_head_is_not_there_when_it_comes_again() -> None:
    seen = []

    async def answer(request: HttpRequest) -> HttpReply:
        seen.append(request.headers.copy())
        request.headers.clear()
        return HttpReply(200)

    async with served(answer) as client:
        for _time in range(4):
            await client.ask(GET)

    assert seen == [[(b"host", b"a")]] * 4
