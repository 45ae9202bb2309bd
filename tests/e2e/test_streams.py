"""Bodies that pass while they come: both ways at once, as slowly as the slower side, and cut short by either."""

import contextlib
from collections.abc import Callable

import pytest
import trio
from trio.testing import MockClock

from tests.e2e.memory import resident_bytes
from tests.e2e.raw import Incomplete, RawConnection, connected, reply, request
from tests.e2e.stubs import Behaviour, Stub, answering, stub
from tests.proxies import between, proxy, stack
from tests.waiting import until

MIB = 1 << 20
PIECE = b"0123456789abcdef" * 4096
MOST_HELD = 4 * MIB  # in the memory of the process; what the kernel holds for its sockets is the kernel's choice


async def echo(stub: Stub, connection: RawConnection) -> None:
    """Answer while reading: each piece of the body is sent back when it comes."""
    while (head := await connection.head()) is not None:
        await connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        async for piece in connection.body(head):
            await connection.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        await connection.send(b"0\r\n\r\n")


@pytest.mark.parametrize("engine", ["fast", "reference"])
async def test_bodies_stream_both_ways_at_once(engine: str) -> None:
    found = []

    async with between(echo, engine=engine) as (endpoint, client):
        await client.send(request("POST", "/", "Transfer-Encoding: chunked"))
        head = None
        for number in range(20):
            await client.send(b"2\r\n%02d\r\n" % number)
            if head is None:
                head = await client.head()
            found.append(await client.until(b"\r\n"))
            found.append(await client.exactly(4))
        await client.send(b"0\r\n\r\n")
        end = await client.until(b"0\r\n\r\n")
        await client.send(request("POST", body=b"x" * 9000))
        after = await client.reply()

    assert found == [item for number in range(20) for item in (b"2", b"%02d\r\n" % number)]
    assert (end, after.body) == (b"", b"x" * 9000)
    assert len(endpoint.connections) == 1


@pytest.mark.slow
async def test_a_client_that_does_not_read_stops_the_endpoint() -> None:
    sent = 0

    async def pour(stub: Stub, connection: RawConnection) -> None:
        nonlocal sent
        await connection.request()
        await connection.stream.send_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            await connection.stream.send_all(b"%x\r\n%b\r\n" % (len(PIECE), PIECE))
            sent += len(PIECE)

    async with between(pour) as (_endpoint, client):
        before = resident_bytes()
        await client.send(request())
        await client.head()
        held = await _settled(lambda: sent)
        grown = resident_bytes() - before

    assert held > 0
    assert grown < MOST_HELD


@pytest.mark.slow
async def test_an_endpoint_that_does_not_read_stops_the_client() -> None:
    sent = 0

    async def stare(stub: Stub, connection: RawConnection) -> None:
        await connection.head()
        await trio.sleep_forever()

    async def pour(client: RawConnection) -> None:
        nonlocal sent
        while True:
            await client.stream.send_all(PIECE)
            sent += len(PIECE)

    async with between(stare) as (_endpoint, client), trio.open_nursery() as nursery:
        before = resident_bytes()
        await client.send(request("PUT", "/", f"Content-Length: {2**40}"))
        nursery.start_soon(pour, client)
        held = await _settled(lambda: sent)
        grown = resident_bytes() - before
        nursery.cancel_scope.cancel()

    assert held > 0
    assert grown < MOST_HELD


@pytest.mark.slow
async def test_a_slow_client_and_a_slow_endpoint_get_everything() -> None:
    size = 32 * MIB

    async def behave(stub: Stub, connection: RawConnection) -> None:
        head = await connection.head()
        assert head is not None
        received = 0
        async for piece in connection.body(head):
            received += len(piece)
            await trio.sleep(0.001)
        await connection.send(b"HTTP/1.1 200 OK\r\nX-Received: %d\r\nContent-Length: %d\r\n\r\n" % (received, size))
        for _number in range(size // len(PIECE)):
            await connection.send(PIECE)

    async with between(behave) as (_endpoint, client):
        await client.send(request("PUT", "/", f"Content-Length: {size}"))
        for _number in range(size // len(PIECE)):
            await client.send(PIECE)
        head = await client.head()
        assert head is not None
        pieces = [len(piece) async for piece in client.body(head)]

    assert (head.value(b"x-received"), sum(pieces)) == (b"%d" % size, size)


def refusing(answer: bytes) -> Behaviour:
    """Answer as soon as the head has come, and read no more."""

    async def behave(stub: Stub, connection: RawConnection) -> None:
        await connection.head()
        await connection.send(answer)
        await connection.is_closed()

    return behave


async def test_after_an_early_reply_the_little_that_is_left_is_read_and_the_connection_kept() -> None:
    async with between(refusing(reply(403, body=b"no"))) as (endpoint, client):
        await client.send(request("POST", "/", "Content-Length: 40000") + b"x" * 10_000)
        first = await client.reply()
        await client.send(b"x" * 30_000)
        await client.send(request())
        second = await client.reply()

    assert [answer.status for answer in (first, second)] == [403, 403]
    assert first.value(b"connection") is None
    assert len(endpoint.connections) == 2


@pytest.mark.parametrize("framing", [f"Content-Length: {8 * MIB}", "Transfer-Encoding: chunked"])
async def test_an_early_reply_to_a_large_body_is_read_before_the_connection_ends(framing: str) -> None:
    async def pour(client: RawConnection) -> None:
        with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            for _number in range(8 * MIB // len(PIECE)):
                await client.send(b"%x\r\n%b\r\n" % (len(PIECE), PIECE))

    async with between(refusing(reply(413, body=b"too much"))) as (_endpoint, client), trio.open_nursery() as nursery:
        await client.send(request("POST", "/", framing))
        nursery.start_soon(pour, client)
        answer = await client.reply()
        closed = await client.is_closed()
        nursery.cancel_scope.cancel()

    assert (answer.status, answer.body, closed) == (413, b"too much", True)
    assert answer.value(b"connection") == (b"close" if "Length" in framing else None)


async def test_a_router_may_gather_no_body_at_all() -> None:
    async def behave(stub: Stub, connection: RawConnection) -> None:
        await connection.head()
        await connection.send(reply(body=await connection.exactly(4)))
        await connection.is_closed()

    async with between(behave, streamAfterContentLengthKB=0) as (_endpoint, client):
        await client.send(request("POST", "/", "Content-Length: 8") + b"half")
        answer = await client.reply()

    assert answer.body == b"half"


async def test_a_body_that_breaks_off_at_the_client_never_looks_whole_to_the_endpoint() -> None:
    broken: list[bool] = []

    async def behave(stub: Stub, connection: RawConnection) -> None:
        try:
            await connection.message()
        except Incomplete:
            broken.append(True)

    async with stub(behave) as endpoint, proxy(stack(endpoint.port)) as running:
        for head in ("Content-Length: 100000", "Transfer-Encoding: chunked"):
            async with connected(running.ports[0]) as client:
                await client.send(request("POST", "/", head) + b"2710\r\n" + b"x" * 9000)
                await trio.sleep(0.05)
        await until(lambda: len(broken) == 2)

    assert [bytes(connection.received[-5:]) == b"0\r\n\r\n" for connection in endpoint.connections] == [False, False]


async def test_a_bad_chunk_after_the_head_was_passed_on_is_refused_and_cut_off_at_the_endpoint() -> None:
    async with between(answering(reply())) as (endpoint, client):
        await client.send(request("POST", "/", "Transfer-Encoding: chunked") + b"5\r\nhello\r\n")
        await until(lambda: b"hello" in endpoint.received, "it is passed on")
        await client.send(b"zz\r\n" + b"x" * 100_000)
        answer = await client.reply()
        closed = await client.is_closed()
        await endpoint.connections[0].gone.wait()

    assert (answer.status, answer.value(b"connection"), closed) == (400, b"close", True)
    assert endpoint.requests == []


async def test_a_client_that_stops_in_the_middle_of_a_streamed_body_is_told_so(idle_clock: MockClock) -> None:
    server = {"limits": {"stream_idle_timeout_s": 0.3}}

    async with between(answering(reply()), server=server) as (endpoint, client):
        await client.send(request("POST", "/", "Content-Length: 100000") + b"x" * 9000)
        answer = await client.reply()
        closed = await client.is_closed()

    assert (answer.status, answer.value(b"connection"), closed) == (408, b"close", True)
    assert endpoint.requests == []


async def _settled(count: Callable[[], int]) -> int:
    """Return a count once it has stood still for a while."""
    while True:
        before = count()
        await trio.sleep(0.4)
        if count() == before:
            return before
