"""Faults under load: what endpoints, discovery and the end of the process may not cost the clients."""

import contextlib
import pathlib
import socket

import attrs
import pytest
import trio

from tests.e2e.raw import SECONDS, Incomplete, RawConnection, connected, reply, request
from tests.e2e.stubs import Behaviour, Stub, stub, stubs
from tests.proxies import FS, disco, proxy, stack, stacks
from tests.waiting import until

pytestmark = pytest.mark.slow

CLIENTS = 8
PAUSE_SECONDS = 0.004  # between two requests of a client
PHASE_SECONDS = 0.6  # how long the load runs on after each fault
SEEN_SECONDS = 1.0  # within which an edited file is looked at, mostly


@attrs.define(eq=False)
class Load:
    """What clients with a steady stream of requests have seen: statuses, and requests without an answer."""

    statuses: list[int] = attrs.field(factory=list)
    failures: list[str] = attrs.field(factory=list)
    lost: int = 0
    refused: int = 0

    async def run(self, port: int) -> None:
        """Send requests for ever over one connection after the other, until none is accepted any more."""
        while True:
            try:
                async with connected(port) as client:
                    await self._use(client)
            except (OSError, Incomplete):
                self.refused += 1
                return

    async def _use(self, client: RawConnection) -> None:
        while True:
            try:
                await client.send(request())
                answer = await client.reply()
            except (Incomplete, trio.BrokenResourceError):
                self.lost += 1
                return
            self.statuses.append(answer.status)
            if answer.status != 200:
                self.failures.append(f"{trio.current_time():.3f}: {answer.status} {answer.body.decode()}")
            if answer.value(b"connection") == b"close":
                return
            await trio.sleep(PAUSE_SECONDS)


async def until_quiet(load: Load) -> None:
    """Let the load run on for a while."""
    before = len(load.statuses)
    await trio.sleep(PHASE_SECONDS)
    await until(lambda: len(load.statuses) > before, "an answer")


async def test_no_get_is_lost_while_one_endpoint_lives(tmp_path: pathlib.Path) -> None:
    load = Load()

    async with stubs(3) as (first, second, third), trio.open_nursery() as nursery:
        namers = disco(tmp_path, web=[first.port, second.port, third.port])
        async with proxy(stack(FS, namers=namers)) as running:
            for _number in range(CLIENTS):
                nursery.start_soon(load.run, running.ports[0])
            await until_quiet(load)
            first.kill()
            await until_quiet(load)
            second.kill()
            await until_quiet(load)
            async with stub(port=first.port), stub(port=second.port):
                await until_quiet(load)
            nursery.cancel_scope.cancel()

    assert (load.failures, load.lost) == ([], 0)
    assert len(third.requests) > 0


async def test_no_get_is_lost_when_endpoints_restart_one_after_the_other(tmp_path: pathlib.Path) -> None:
    """Without accrual: it keeps away for 5 s from what could not be reached, and then there is nobody left."""
    load = Load()

    async with stubs(2) as (first, second), trio.open_nursery() as nursery:
        namers = disco(tmp_path, web=[first.port, second.port])
        async with proxy(stack(FS, namers=namers, client={"failureAccrual": {"kind": "none"}})) as running:
            for _number in range(CLIENTS):
                nursery.start_soon(load.run, running.ports[0])
            await until_quiet(load)
            first.kill()
            await until_quiet(load)
            async with stub(port=first.port) as first_again:
                await until_quiet(load)
                second.kill()
                await until_quiet(load)
                async with stub(port=second.port):
                    await until_quiet(load)
                nursery.cancel_scope.cancel()

    assert (load.failures, load.lost) == ([], 0)
    assert len(first_again.requests) > 0


async def test_traffic_follows_the_discovery_file_at_once_and_without_a_failure(tmp_path: pathlib.Path) -> None:
    load = Load()

    async with stubs(2) as (before, after), trio.open_nursery() as nursery:
        namers = disco(tmp_path, web=[before.port])
        async with proxy(stack(FS, namers=namers)) as running:
            for _number in range(CLIENTS):
                nursery.start_soon(load.run, running.ports[0])
            await until_quiet(load)
            disco(tmp_path, web=[after.port])
            await until(lambda: after.requests, "traffic moves")
            await until_quiet(load)  # what was on its way may arrive
            moved = len(before.requests)
            await until_quiet(load)
            nursery.cancel_scope.cancel()

    assert (load.failures, load.lost) == ([], 0)
    assert len(before.requests) == moved
    assert len(after.requests) > 0
    assert [connection.ended for connection in before.connections] == [True] * len(before.connections)


async def test_a_file_that_vanishes_or_becomes_senseless_changes_nothing(tmp_path: pathlib.Path) -> None:
    load = Load()

    async with stub() as endpoint, trio.open_nursery() as nursery:
        namers = disco(tmp_path, web=[endpoint.port])
        async with proxy(stack(FS, namers=namers), warnings=True) as running:
            for _number in range(CLIENTS):
                nursery.start_soon(load.run, running.ports[0])
            await until_quiet(load)
            (tmp_path / "web").write_text("this is no list of endpoints\n")
            await trio.sleep(SEEN_SECONDS)
            disco(tmp_path, web=[endpoint.port])
            await until_quiet(load)
            nursery.cancel_scope.cancel()

    assert (load.failures, load.lost) == ([], 0)


def slow(seconds: float) -> Behaviour:
    """Answer after a while."""

    async def behave(endpoint: Stub, connection: RawConnection) -> None:
        while (asked := await connection.message()) is not None:
            endpoint.requests.append(asked)
            await trio.sleep(seconds)
            await connection.send(reply())

    return behave


async def test_a_drain_answers_everything_that_was_asked_before_the_listener_closed() -> None:
    load = Load()

    async with stub(slow(0.02)) as endpoint, trio.open_nursery() as nursery:
        async with proxy(stack(endpoint.port)) as running:
            for _number in range(CLIENTS * 4):
                nursery.start_soon(load.run, running.ports[0])
            await until_quiet(load)
            with trio.fail_after(SECONDS):
                await running.linker.drain()
        await until(lambda: load.refused == CLIENTS * 4, "all are refused")
        nursery.cancel_scope.cancel()

    assert (load.failures, load.lost) == ([], 0)
    assert load.refused == CLIENTS * 4


async def test_a_drain_serves_those_who_still_wait_to_be_accepted() -> None:
    async with stub() as endpoint, proxy(stack(endpoint.port)) as running:
        with contextlib.ExitStack() as opened:
            clients = []
            for _number in range(20):  # all before the listener gets its turn
                client = opened.enter_context(socket.create_connection(("127.0.0.1", running.ports[0])))
                client.sendall(request())
                clients.append(client)
            await running.linker.drain()
            answers = [client.recv(65536) for client in clients]

    assert [answer[:15] for answer in answers] == [b"HTTP/1.1 200 OK"] * 20
    assert [b"connection: close" in answer for answer in answers] == [True] * 20


async def test_a_drain_waits_for_a_long_reply_and_lets_idle_connections_go() -> None:
    go = trio.Event()

    async def long(_endpoint: Stub, connection: RawConnection) -> None:
        await connection.request()
        await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
        await go.wait()
        await connection.send(b"x" * 10)

    async with (
        stub(long) as endpoint,
        proxy(stack(endpoint.port)) as running,
        running.connect() as idle,
        running.connect() as client,
        trio.open_nursery() as nursery,
    ):
        await client.send(request())
        head = await client.head()
        nursery.start_soon(running.linker.drain)
        idle_closed = await idle.is_closed()
        go.set()
        assert head is not None
        body = [piece async for piece in client.body(head)]
        closed = await client.is_closed()

    assert (idle_closed, b"".join(body), closed) == (True, b"x" * 10, True)


async def test_a_drain_ends_after_its_grace_time_whatever_goes_on() -> None:
    async def hold(_endpoint: Stub, connection: RawConnection) -> None:
        await connection.request()
        await connection.is_closed()

    async with stub(hold) as endpoint, trio.open_nursery() as nursery:
        router = {"protocol": "http", "dtab": f"/svc => /$/inet/127.0.0.1/{endpoint.port};", "servers": [{"port": 0}]}
        async with proxy(stacks(router, grace_ms=200)) as running, running.connect() as client:
            await client.send(request())
            while not endpoint.connections:
                await trio.sleep(0.005)
            began = trio.current_time()
            await running.linker.drain()
            waited = trio.current_time() - began
        nursery.cancel_scope.cancel()

    assert waited > 0.15
