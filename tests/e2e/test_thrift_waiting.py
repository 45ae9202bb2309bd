"""Calls of Thrift that wait: for a name to be bound, for a connection, for one that is being opened; and what ends the wait."""

import contextlib
import socket
import threading
import time
from collections.abc import AsyncIterator
from typing import Any

import attrs
import pytest
import trio

from mesh_plugins.finagle.contexts import DEADLINE, pack_deadline
from mesh_plugins.thrift.header import RequestHeader
from mesh_plugins.thrift.message import BINARY
from mesh_plugins.thrift.ttwitter import asks, write_request_header
from tests.e2e.raw import RawConnection
from tests.e2e.stubs import Stub, stub
from tests.e2e.thrift_peers import (
    CALL,
    EXCEPTION,
    ONEWAY,
    REPLY,
    frame,
    kind_and_seqid,
    message,
    next_frame,
    says,
    thrift,
)
from tests.proxies import Proxy, proxy, settings_of
from tests.test_connecting import full_backlog
from tests.waiting import until

INTERNAL_ERROR = 6
SHORT_MS = 60
LEVELS = ("/pending", "/load", "/pool_waiters", "/connections")
WAYS = (1, 2)  # calls that a connection carries


@attrs.define(eq=False)
class Held:
    """The behaviour of an endpoint that answers when it is told to."""

    calls: list[bytes] = attrs.field(factory=list)
    may_answer: trio.Event = attrs.field(factory=trio.Event)

    async def __call__(self, _stub: Stub, connection: RawConnection) -> None:
        while (call := await next_frame(connection)) is not None:
            self.calls.append(call)
            await self.may_answer.wait()
            if call[3] == CALL:
                await connection.send(frame(message(REPLY, kind_and_seqid(call)[1])))


def levels(running: Proxy) -> dict[str, float]:
    """Return what goes on, apart from connections to endpoints."""
    return {
        name: value
        for name, value in running.every_metric.items()
        if value and name.endswith(LEVELS) and not (name.endswith("/connections") and "/client/" in name)
    }


def count(running: Proxy, end: str) -> float:
    return sum(value for name, value in running.every_metric.items() if name.endswith(end) and "/service/" not in name)


async def asked(client: RawConnection, seqid: int = 5, kind: int = CALL) -> None:
    await client.send(frame(message(kind, seqid)))


async def told(client: RawConnection) -> bytes:
    answer = await next_frame(client)
    assert answer is not None
    assert kind_and_seqid(answer) == (EXCEPTION, 5)
    assert says(answer, INTERNAL_ERROR)
    return answer


async def asked_with_deadline(client: RawConnection) -> None:
    await client.send(frame(asks(BINARY)))
    await next_frame(client)
    now = time.time_ns()
    header = RequestHeader(contexts=[(DEADLINE, pack_deadline(now, now + SHORT_MS * 1_000_000))])
    await client.send(frame(write_request_header(BINARY, header) + message(CALL, 5)))


@contextlib.asynccontextmanager
async def unbound(**keys: Any) -> AsyncIterator[Proxy]:
    """Run a router whose names stay pending: the resolver says nothing of their host until the end."""
    ask, is_over = socket.getaddrinfo, threading.Event()

    def hang(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host == "slow.test":
            is_over.wait()
            host = "127.0.0.1"
        return ask(host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", hang)
        async with proxy(thrift("/svc => /$/inet/slow.test/80;", **keys), warnings=True) as running:
            try:
                yield running
            finally:
                is_over.set()


@contextlib.asynccontextmanager
async def connecting(**keys: Any) -> AsyncIterator[Proxy]:
    """Run a router whose endpoint takes no connection, and refuses none."""
    with full_backlog() as endpoint:
        async with proxy(thrift(endpoint.port, **keys), warnings=True) as running:
            yield running


WAITS = {"binding": unbound, "connecting": connecting}


@pytest.mark.parametrize(
    ("what", "keys", "error"),
    [
        ("binding", {"bindingTimeoutMs": SHORT_MS}, b"BindingTimeout"),
        ("binding", {"service": {"totalTimeoutMs": SHORT_MS}}, b"TotalTimeout"),
        ("binding", {"server": {"timeoutMs": SHORT_MS}}, b"ServerTimeout"),
        ("connecting", {"service": {"totalTimeoutMs": SHORT_MS}}, b"TotalTimeout"),
        ("connecting", {"client": {"requestAttemptTimeoutMs": SHORT_MS}}, b"AttemptTimeout"),
        ("connecting", {"server": {"timeoutMs": SHORT_MS}}, b"ServerTimeout"),
        ("connecting", {}, b"ConnectFailed"),
    ],
)
async def test_a_wait_that_is_too_long_is_an_exception(what: str, keys: dict[str, Any], error: bytes) -> None:
    async with WAITS[what](**keys) as running, running.connect() as client:
        await asked(client)
        answer = await told(client)
        failures = count(running, "server/127.0.0.1/0/failures/" + error.decode())
        after = {name for name in levels(running) if not name.endswith("/connections")}

    assert b"Internal error processing echo: '" + error in answer
    assert (failures, after) == (1, set())


@pytest.mark.parametrize("what", WAITS)
async def test_a_deadline_ends_the_wait(what: str) -> None:
    async with WAITS[what]() as running, running.connect() as client:
        await asked_with_deadline(client)
        answer = (await next_frame(client) or b"")[1:]

    assert says(answer, INTERNAL_ERROR)
    assert b"DeadlineExceeded" in answer


@pytest.mark.parametrize("leave", [RawConnection.close, RawConnection.reset])
@pytest.mark.parametrize("what", WAITS)
async def test_a_client_that_goes_while_its_call_waits_leaves_nothing(what: str, leave: Any) -> None:
    async with WAITS[what]() as running:
        async with running.connect() as client:
            await asked(client)
            await until(lambda: count(running, "server/127.0.0.1/0/pending"))
            leave(client)
            await until(lambda: not levels(running), "nothing is left")
        gone = count(running, "/server/127.0.0.1/0/client_gone")
        failures = count(running, "/failures")

    assert (gone, failures) == (1, 0)


@pytest.mark.parametrize("what", WAITS)
async def test_one_way_calls_that_cannot_be_made_are_failures_without_an_answer(what: str) -> None:
    async with WAITS[what](service={"totalTimeoutMs": SHORT_MS}) as running, running.connect() as client:
        await asked(client, kind=ONEWAY)
        await asked(client)
        await told(client)
        failures = count(running, "/server/127.0.0.1/0/failures")

    assert failures == 2


def crowded(port: int, calls: int, **keys: Any) -> str:
    """Return a stack file of a router with one connection, for which one call may wait."""
    client = {"thriftCallsPerConnection": calls, "hostConnectionPool": {"maxSize": 1, "maxWaiters": 1}}
    return thrift(port, client={**client, **keys})


@contextlib.asynccontextmanager
async def busy(calls: int, **keys: Any) -> AsyncIterator[tuple[Proxy, Held, list[RawConnection]]]:
    """Run a router whose only connection has all the calls that it takes; yield their clients too."""
    held = Held()
    async with (
        stub(held) as endpoint,
        proxy(crowded(endpoint.port, calls, **keys)) as running,
        contextlib.AsyncExitStack() as open_,
    ):
        clients = []
        for _ in range(calls):
            clients.append(await open_.enter_async_context(running.connect()))
            await asked(clients[-1], 1)
        await until(lambda: held.calls)
        await until(lambda: count(running, "server/127.0.0.1/0/pending") == calls)
        yield running, held, clients


@pytest.mark.parametrize("calls", WAYS)
async def test_a_call_that_finds_the_queue_full_is_refused_and_one_that_waits_is_made(calls: int) -> None:
    async with busy(calls) as (running, held, clients), running.connect() as waiting, running.connect() as refused:
        await asked(waiting)
        await until(lambda: count(running, "/pool_waiters") == 1)
        await asked(refused)
        answer = await told(refused)
        held.may_answer.set()
        replies = [await next_frame(client) for client in [*clients, waiting]]
        await until(lambda: not count(running, "/pool_waiters"))
        too_many = count(running, "/pool_num_too_many_waiters")

    assert b"Overloaded" in answer
    assert replies == [message(REPLY, 1)] * calls + [message(REPLY, 5)]
    assert too_many == 1


@pytest.mark.parametrize("calls", WAYS)
async def test_a_client_that_goes_while_its_call_waits_for_a_connection_makes_room(calls: int) -> None:
    async with busy(calls) as (running, held, clients), running.connect() as waiting:
        async with running.connect() as leaving:
            await asked(leaving)
            await until(lambda: count(running, "/pool_waiters") == 1)
        await until(lambda: not count(running, "/pool_waiters"))
        await asked(waiting)
        await until(lambda: count(running, "/pool_waiters") == 1)
        held.may_answer.set()
        replies = [await next_frame(client) for client in [*clients, waiting]]

    assert replies == [message(REPLY, 1)] * calls + [message(REPLY, 5)]
    assert len(held.calls) == calls + 1


@pytest.mark.parametrize("calls", WAYS)
async def test_a_timeout_passes_while_a_call_waits_for_a_connection(calls: int) -> None:
    async with busy(calls) as (running, held, clients):
        async with running.connect() as waiting:
            await asked_with_deadline(waiting)
            answer = (await next_frame(waiting) or b"")[1:]
        held.may_answer.set()
        replies = [await next_frame(client) for client in clients]

    assert b"DeadlineExceeded" in answer
    assert replies == [message(REPLY, 1)] * calls
    assert len(held.calls) == calls


@pytest.mark.parametrize("calls", WAYS)
async def test_calls_that_wait_are_made_before_the_linker_ends(calls: int) -> None:
    async with busy(calls) as (running, held, clients), running.connect() as waiting, trio.open_nursery() as nursery:
        await asked(waiting)
        await until(lambda: count(running, "/pool_waiters") == 1)
        nursery.start_soon(running.linker.drain)
        await until(lambda: running.linker.draining)
        held.may_answer.set()
        replies = [await next_frame(client) for client in [*clients, waiting]]
        ends = [await next_frame(client) for client in [*clients, waiting]]

    assert replies == [message(REPLY, 1)] * calls + [message(REPLY, 5)]
    assert ends == [None] * (calls + 1)


@pytest.mark.parametrize("calls", WAYS)
async def test_calls_that_wait_are_made_when_the_stack_is_replaced(calls: int) -> None:
    async with busy(calls) as (running, held, clients), running.connect() as waiting:
        await asked(waiting)
        await until(lambda: count(running, "/pool_waiters") == 1)
        (endpoint,) = {name.split("/")[6] for name in running.every_metric if "/client/$/inet/127.0.0.1/" in name}
        text = crowded(int(endpoint), calls, requestAttemptTimeoutMs=9000)
        running.linker.prepare(settings_of(text), dict).commit()
        held.may_answer.set()
        replies = [await next_frame(client) for client in [*clients, waiting]]
        await asked(waiting)
        again = await next_frame(waiting)

    assert replies == [message(REPLY, 1)] * calls + [message(REPLY, 5)]
    assert again == message(REPLY, 5)
