"""Who goes away when, and what that costs whom: clients in the middle of an exchange, endpoints at every moment of one."""

import pathlib
from collections.abc import Callable

import pytest
import trio

from tests.e2e.raw import Incomplete, RawConnection, reply, request
from tests.e2e.stubs import OK, Behaviour, Stub, stub, stubs
from tests.plugins.rest import numbers
from tests.proxies import FS, between, disco, proxy, stack
from tests.waiting import settled, until


async def hold(stub: Stub, connection: RawConnection) -> None:
    """Take a request and never answer it."""
    stub.requests.append(await connection.request())
    await connection.is_closed()


async def begin(stub: Stub, connection: RawConnection) -> None:
    """Answer a request without end."""
    stub.requests.append(await connection.request())
    await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nsome")
    await connection.is_closed()


async def arrived(stub: Stub, count: int = 1) -> None:
    """Wait until so many requests have come to an endpoint."""
    await until(lambda: len(stub.requests) >= count)


@pytest.mark.parametrize("leave", [RawConnection.close, RawConnection.reset])
@pytest.mark.parametrize("behave", [hold, begin])
async def test_an_endpoint_is_let_go_when_the_client_has_gone(
    behave: Behaviour, leave: Callable[[RawConnection], None]
) -> None:
    async with between(behave) as (endpoint, client):
        await client.send(request())
        await arrived(endpoint)
        await trio.sleep(0.02)
        leave(client)
        await until(lambda: endpoint.connections[0].ended)

    assert endpoint.connections[0].ended


async def test_a_client_that_has_gone_is_nobodys_failure() -> None:
    async with stub(hold) as endpoint, proxy(stack(endpoint.port)) as running:
        async with running.connect() as client:
            await client.send(request())
            await arrived(endpoint)
        await endpoint.connections[0].gone.wait()
        counted = {
            name: number for name, number in numbers(running.linker.metrics).items() if "gone" in name or "fail" in name
        }

    gone = {name.rpartition("/")[0].split("/")[2] for name, number in counted.items() if "gone" in name and number == 1}
    assert gone == {"server", "service", "client"}
    assert [name for name, number in counted.items() if "failures" in name and number] == []


async def test_a_client_that_shuts_down_writing_counts_as_gone() -> None:
    async with between(hold) as (endpoint, client):
        await client.send(request())
        await arrived(endpoint)
        await client.send_end()
        await until(lambda: endpoint.connections[0].ended)

    assert endpoint.connections[0].ended


@pytest.mark.parametrize("body", [b"", b"x" * 3000, b"x" * 100_000])
async def test_where_it_is_allowed_a_client_may_shut_down_writing_before_the_reply_comes(body: bytes) -> None:
    async def late(stub: Stub, connection: RawConnection) -> None:
        await connection.request()
        await trio.sleep(0.1)
        await connection.send(reply(body=b"late"))

    async with between(late, server={"allowHalfClose": True}) as (_endpoint, client):
        await client.send(request("POST", body=body))
        await client.send_end()
        answer = await client.reply()
        closed = await client.is_closed()

    assert (answer.body, closed) == (b"late", True)


async def test_pipelined_requests_of_a_client_that_shut_down_writing_are_all_answered_where_it_is_allowed() -> None:
    async with between(OK, server={"allowHalfClose": True}) as (_endpoint, client):
        await client.send(request() * 5)
        await client.send_end()
        statuses = [(await client.reply()).status for _number in range(5)]

    assert statuses == [200] * 5


async def test_a_client_that_goes_harms_no_other() -> None:
    async with stub(hold) as slow, stub() as quick:
        dtab = f"/svc/slow => /$/inet/127.0.0.1/{slow.port}; /svc/quick => /$/inet/127.0.0.1/{quick.port};"
        async with proxy(stack(dtab)) as running, running.connect() as other:
            async with running.connect() as client:
                await client.send(request(host="slow"))
                await other.send(request(host="quick"))
                first = await other.reply()
            await slow.connections[0].gone.wait()
            await other.send(request(host="quick"))
            second = await other.reply()

    assert (first.status, second.status) == (200, 200)


def vanishing(times: int) -> Behaviour:
    """Close the connection instead of answering, so many times; then answer."""

    async def behave(stub: Stub, connection: RawConnection) -> None:
        while (asked := await connection.message()) is not None:
            stub.requests.append(asked)
            if len(stub.requests) <= times:
                return
            await connection.send(reply())

    return behave


async def test_a_get_whose_endpoint_went_before_it_replied_is_sent_again() -> None:
    async with between(vanishing(1)) as (endpoint, client):
        await client.send(request())
        answer = await client.reply()

    assert (answer.status, len(endpoint.requests)) == (200, 2)


async def test_a_get_is_sent_three_times_at_most() -> None:
    async with between(vanishing(10)) as (endpoint, client):
        await client.send(request())
        answer = await client.reply()

    assert (answer.status, len(endpoint.requests)) == (502, 3)


async def test_a_post_whose_endpoint_went_before_it_replied_is_not_sent_again() -> None:
    async with between(vanishing(1)) as (endpoint, client):
        await client.send(request("POST", body=b"once"))
        answer = await client.reply()

    assert (answer.status, len(endpoint.requests)) == (502, 1)
    assert (answer.value(b"l5d-err") or b"").startswith(b"the connection to 127.0.0.1:")
    assert answer.value(b"l5d-retryable") is None


def cut(said: bytes) -> Behaviour:
    """Answer with a part of a reply, then close."""

    async def behave(stub: Stub, connection: RawConnection) -> None:
        stub.requests.append(await connection.request())
        await connection.send(said)

    return behave


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ],
)
async def test_a_client_can_tell_a_reply_that_broke_off_and_loses_nothing_that_came(said: bytes) -> None:
    async with between(cut(said)) as (endpoint, client):
        await client.send(request())
        with pytest.raises(Incomplete) as raised:
            await client.reply()

    message = raised.value.message
    assert message is not None
    assert (message.status, message.body, raised.value.reset) == (200, b"half", False)
    assert len(endpoint.requests) == 1


async def test_a_client_of_http_1_0_is_told_by_a_reset_that_a_reply_broke_off() -> None:
    async with between(cut(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")) as (
        _endpoint,
        client,
    ):
        await client.send(b"GET / HTTP/1.0\r\nHost: web\r\n\r\n")
        with pytest.raises(Incomplete) as raised:
            await client.reply()

    assert raised.value.reset


async def test_an_endpoint_that_goes_in_the_middle_of_a_request_body_is_reported() -> None:
    async def leave(stub: Stub, connection: RawConnection) -> None:
        await connection.head()
        await connection.exactly(10)
        connection.reset()

    async with between(leave) as (_endpoint, client):
        await client.send(request("POST", "/", "Content-Length: 20000") + b"x" * 10_000)
        answer = await client.reply()

    assert answer.status == 502


async def test_a_connection_that_the_endpoint_closed_while_it_was_idle_costs_no_request() -> None:
    async def once(stub: Stub, connection: RawConnection) -> None:
        stub.requests.append(await connection.request())
        await connection.send(reply())

    async with between(once) as (endpoint, client):
        statuses = []
        for method in ("GET", "POST", "GET", "POST"):
            await client.send(request(method, body=b"x" if method == "POST" else b""))
            statuses.append((await client.reply()).status)
            await endpoint.connections[-1].gone.wait()
            await settled()

    assert statuses == [200] * 4
    assert len(endpoint.connections) == 4


async def test_a_connection_on_which_the_endpoint_spoke_unasked_is_not_used_again() -> None:
    spoken = 0

    async def chatter(stub: Stub, connection: RawConnection) -> None:
        nonlocal spoken
        while (asked := await connection.message()) is not None:
            stub.requests.append(asked)
            await connection.send(reply())
            await settled()
            await connection.send(reply(body=b"nobody asked"))
            spoken += 1

    async with between(chatter) as (endpoint, client):
        bodies = []
        for number in range(3):
            await client.send(request())
            bodies.append((await client.reply()).body)
            await until(lambda: spoken > number, "the endpoint speaks")  # noqa: B023  # within this turn
            await settled()

    assert bodies == [b"ok"] * 3
    assert len(endpoint.connections) == 3


@pytest.mark.slow
async def test_an_endpoint_that_closes_idle_connections_at_any_moment_costs_no_get() -> None:
    """The close comes before, while, or after the next request is sent: it is raced on purpose, within the requeue budget."""

    async def close_soon(stub: Stub, connection: RawConnection) -> None:
        for _number in range(8):
            stub.requests.append(await connection.request())
            await connection.send(reply())
        for _turn in range(len(stub.connections) % 12):
            await trio.lowlevel.checkpoint()

    async with between(close_soon) as (endpoint, client):
        statuses = []
        for _number in range(800):
            await client.send(request())
            statuses.append((await client.reply()).status)

    assert [status for status in statuses if status != 200] == []
    assert len(endpoint.connections) == 100


async def test_a_post_that_could_not_be_sent_goes_to_another_endpoint(tmp_path: pathlib.Path) -> None:
    async with stubs(2) as endpoints:
        alive, dead = endpoints
        namers = disco(tmp_path, web=[alive.port, dead.port])
        dead.kill()
        async with proxy(stack(FS, namers=namers)) as running, running.connect() as client:
            statuses = []
            for _number in range(20):
                await client.send(request("POST", body=b"x" * 9000))
                statuses.append((await client.reply()).status)

    assert statuses == [200] * 20
