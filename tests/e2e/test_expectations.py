"""`Expect: 100-continue` through the proxy: who may say when the body comes. Source: RFC 9110 section 10.1.1."""

import pytest
import trio
from trio.testing import MockClock

from tests.e2e.raw import RawConnection, chunked, reply, request
from tests.e2e.stubs import OK, Stub, stub
from tests.proxies import between, proxy, stack

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
EXPECT = "Expect: 100-continue"


def asked(*lines: str, size: int = 5) -> bytes:
    return request("POST", "/", EXPECT, f"Content-Length: {size}", *lines)


async def test_the_endpoint_says_when_the_body_may_come() -> None:
    held_back = False

    async def behave(stub: Stub, connection: RawConnection) -> None:
        nonlocal held_back
        head = await connection.head()
        assert head is not None
        held_back = head.value(b"expect") == b"100-continue" and not connection.rest
        await connection.send(CONTINUE)
        await connection.send(reply(body=await connection.exactly(5)))

    async with between(behave) as (_endpoint, client):
        await client.send(asked())
        first = await client.reply()
        await client.send(b"hello")
        final = await client.reply()

    assert held_back
    assert (first.status, final.status, final.body) == (100, 200, b"hello")


async def test_an_endpoint_that_refuses_at_once_gets_no_body() -> None:
    received = b""

    async def behave(stub: Stub, connection: RawConnection) -> None:
        nonlocal received
        await connection.head()
        await connection.send(reply(413, body=b"too much"))
        await connection.is_closed()
        received = connection.rest

    async with between(behave) as (_endpoint, client):
        await client.send(asked(size=100_000_000))
        answer = await client.reply()
        closed = await client.is_closed()

    assert (answer.status, answer.body, answer.value(b"connection")) == (413, b"too much", b"close")
    assert closed
    assert received == b""


async def test_a_client_that_sends_the_refused_body_all_the_same_gets_to_read_the_refusal() -> None:
    asking, may_answer = trio.Event(), trio.Event()

    async def behave(stub: Stub, connection: RawConnection) -> None:
        await connection.head()
        asking.set()
        await may_answer.wait()
        await connection.send(reply(401, body=b"who are you?"))
        await connection.is_closed()

    async with between(behave) as (_endpoint, client):
        await client.send(asked(size=50_000))
        await asking.wait()
        await client.send(b"x" * 50_000)
        may_answer.set()
        answer = await client.reply()
        closed = await client.is_closed()

    assert (answer.status, answer.value(b"connection"), answer.body) == (401, b"close", b"who are you?")
    assert (closed, client.was_reset) == (True, False)


@pytest.mark.slow
async def test_an_endpoint_that_says_nothing_gets_the_body_after_a_second(idle_clock: MockClock) -> None:
    async with between(OK) as (endpoint, client):
        began = trio.current_time()
        await client.send(asked())
        first = await client.reply()
        waited = trio.current_time() - began
        await client.send(b"hello")
        final = await client.reply()

    assert (first.status, final.status, endpoint.requests[0].body) == (100, 200, b"hello")
    assert waited >= 1.0


async def test_a_client_that_does_not_wait_is_not_waited_for() -> None:
    async with between(OK) as (endpoint, client):
        await client.send(asked() + b"hello")
        answer = await client.reply()

    assert (answer.status, endpoint.requests[0].body) == (200, b"hello")


async def test_hints_before_the_continue_do_not_call_for_the_body() -> None:
    async def behave(stub: Stub, connection: RawConnection) -> None:
        await connection.head()
        await connection.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        await trio.sleep(0.05)
        await connection.send(CONTINUE)
        await connection.send(reply(body=await connection.exactly(5)))

    async with between(behave) as (_endpoint, client):
        await client.send(asked())
        interim = [(await client.reply()).status for _number in range(2)]
        await client.send(b"hello")
        final = await client.reply()

    assert (interim, final.status) == ([103, 100], 200)


async def test_a_chunked_body_may_be_waited_for_too() -> None:
    async def behave(stub: Stub, connection: RawConnection) -> None:
        head = await connection.head()
        assert head is not None
        await connection.send(CONTINUE)
        body = b"".join([piece async for piece in connection.body(head)])
        await connection.send(reply(body=body))

    async with between(behave) as (_endpoint, client):
        await client.send(request("PUT", "/", EXPECT, "Transfer-Encoding: chunked"))
        first = await client.reply()
        await client.send(chunked(b"hel", b"lo"))
        final = await client.reply()

    assert (first.status, final.body) == (100, b"hello")


async def test_both_connections_serve_on_after_a_body_that_was_waited_for() -> None:
    async def behave(stub: Stub, connection: RawConnection) -> None:
        while (head := await connection.head()) is not None:
            if head.value(b"expect"):
                await connection.send(CONTINUE)
            body = b"".join([piece async for piece in connection.body(head)])
            await connection.send(reply(body=body))

    async with between(behave) as (endpoint, client):
        for _round in range(2):
            await client.send(asked())
            await client.reply()
            await client.send(b"hello")
            await client.reply()
        await client.send(request())
        last = await client.reply()

    assert last.status == 200
    assert len(endpoint.connections) == 1


async def test_nobody_expects_anything_of_a_request_without_a_body() -> None:
    async with between(OK) as (endpoint, client):
        await client.send(request("GET", "/", EXPECT))
        answer = await client.reply()

    assert (answer.status, endpoint.requests[0].value(b"expect")) == (200, None)


async def test_a_proxy_that_cannot_send_the_request_says_so_before_the_body() -> None:
    async with stub() as endpoint:
        port = endpoint.port
    async with proxy(stack(port)) as running, running.connect() as client:
        await client.send(asked(size=100_000))
        answer = await client.reply()
        closed = await client.is_closed()

    assert (answer.status, answer.value(b"connection"), closed) == (502, b"close", True)
