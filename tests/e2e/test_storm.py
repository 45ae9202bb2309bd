"""Every fault at once, under retries, requeues, hedges, timeouts, limits and reloads: nothing may be left over or be logged."""

import itertools
import pathlib
import random
from typing import Any

import attrs
import pytest
import trio

from tests.e2e.leftovers import left_over, unfinished
from tests.e2e.raw import Incomplete, RawConnection, chunked, connected, reply, request
from tests.e2e.stubs import Stub, stubs
from tests.proxies import FS, Proxy, disco, one, proxy, settings_of, stacks
from tests.waiting import until

pytestmark = pytest.mark.slow

CLIENTS = 30
SECONDS = 3.0  # of storm at least: it goes on until everything has happened
SETTLED_SECONDS = 30.0  # within which everything has ended that ends by itself, on a busy machine
STATUSES = {101, 200, 413, 500, 502, 503, 504}
UPGRADE = ("Connection: Upgrade", "Upgrade: websocket")
WHATS = ("ok", "ok", "ok", "bad", "nack", "undone", "vanish", "half", "slow", "hang", "large", "early", "chunks", "end")


async def fickle(endpoint: Stub, connection: RawConnection) -> None:
    """Do something at random with each request."""
    source = random.Random(endpoint.port * 1000 + len(endpoint.connections))
    while (head := await connection.head()) is not None:
        if head.value(b"upgrade"):
            await connection.send(
                b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
            )
            while connection.rest or await connection.more():
                piece, connection.rest = connection.rest, b""
                await connection.send(piece)
            return
        what = source.choice(WHATS)
        if what == "early":
            await connection.send(reply(413))
            return
        if head.value(b"expect"):
            await connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        async for _piece in connection.body(head):
            pass
        if what == "vanish" or not await _answered(connection, what, bodiless=head.first.startswith(b"HEAD")):
            return


async def _answered(connection: RawConnection, what: str, *, bodiless: bool) -> bool:
    """Answer; return whether the connection goes on."""
    body = b"" if bodiless else b"x" * 300_000
    match what:
        case "bad":
            await connection.send(reply(500, body=b""))
        case "nack":
            await connection.send(reply(503, "finagle-http-nack: true", body=b""))
        case "undone":
            await connection.send(reply(503, "l5d-retryable: true", body=b""))
        case "half":
            await connection.send(reply()[:-1])
            return False
        case "slow":
            await trio.sleep(0.03)
            await connection.send(reply(body=b""))
        case "hang":
            await connection.is_closed(60.0)
            return False
        case "large":
            await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n", body)
        case "chunks":
            head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            await connection.send(head, b"" if bodiless else chunked(b"some", b"more"))
        case _:
            await connection.send(reply(body=b""))
    return what != "end"


@attrs.define(eq=False)
class Client:
    """A client that asks for anything, and goes at any moment."""

    source: random.Random
    statuses: set[int] = attrs.field(factory=set)

    async def run(self, port: int) -> None:
        while True:
            try:
                async with connected(port) as connection:
                    await self._use(connection)
            except* (Incomplete, OSError, trio.BrokenResourceError, trio.ClosedResourceError):
                await trio.sleep(0.002)

    async def _use(self, connection: RawConnection) -> None:
        source = self.source
        while True:
            method = source.choice(("GET", "GET", "GET", "HEAD", "POST", "PUT"))
            host = source.choice(("web", "web", "gone", "union"))
            lines: tuple[str, ...] = UPGRADE if method == "GET" and source.random() < 0.1 else ()
            if source.random() < 0.05:
                lines = ("l5d-dtab: /svc => /nowhere",)
            body = b"b" * source.choice((5, 3000, 20_000, 200_000)) if method in ("POST", "PUT") else b""
            if body and source.random() < 0.2:
                lines = ("Expect: 100-continue",)
            octets = request(method, "/", *lines, body=body, host=host)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._send, connection, octets)
                if source.random() < 0.2:
                    await trio.sleep(source.choice((0.0, 0.001, 0.01, 0.05)))
                    nursery.cancel_scope.cancel()
                    source.choice((connection.close, connection.reset))()
                    return
                answer = await connection.reply(bodiless=method == "HEAD")
                while answer.status in (100, 103):
                    answer = await connection.reply(bodiless=method == "HEAD")
                self.statuses.add(answer.status)
                if answer.status == 101:
                    await until(lambda: not nursery.child_tasks, "the request is sent, as the answer says")
                    await connection.send(b"hello")
                    await connection.exactly(5)
                    return
                if answer.value(b"connection") == b"close":
                    nursery.cancel_scope.cancel()
                    return

    async def _send(self, connection: RawConnection, octets: bytes) -> None:
        try:
            middle = self.source.randrange(1, len(octets))
            await connection.send(octets[:middle])
            await trio.lowlevel.checkpoint()
            await connection.send(octets[middle:])
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return  # refused early: the answer is still to be read


def stormy(folder: pathlib.Path, namers: Any, number: int, engine: str) -> str:
    """Return one of several stack files, which differ in what a reload may change."""
    kind = ("ewma", "p2c", "aperture", "heap", "roundRobin", "ringHash")[number % 6]
    hedge = {"kind": "io.l5d.hedge", "delayMs": 15, "budget": {"minRetriesPerSec": 200}}
    accrual = (
        {"kind": "io.l5d.successRate", "successRate": 0.3, "requests": 10, "backoff": {"kind": "constant", "ms": 100}},
        {"kind": "io.l5d.consecutiveFailures", "failures": 5, "backoff": {"kind": "constant", "ms": 50}},
    )[number % 2]
    return stacks(
        one(
            FS + "/svc/union => 1 * /#/io.l5d.fs/web & 1 * /#/io.l5d.fs/gone;",
            server={"port": 0, "maxConcurrentRequests": 24, "timeoutMs": 900},
            engine=engine,
            httpAccessLog=str(folder / "access.log"),
            service={
                "totalTimeoutMs": 400,
                "responseClassifier": {"kind": "io.l5d.http.retryableRead5XX"},
                "retries": {"backoff": {"kind": "jittered", "minMs": 1, "maxMs": 20}},
            },
            client={
                "requestAttemptTimeoutMs": 60,
                "failureAccrual": accrual,
                "loadBalancer": {"kind": kind, **({"useSourceIp": True} if kind == "ringHash" else {})},
                "hostConnectionPool": {"maxSize": 5, "maxWaiters": 8},
                "circuitBreakers": {"maxRequests": 20, "maxRetries": 6},
            },
            filters={"client": [hedge]} if number % 3 else {},
        ),
        namers=namers,
        grace_ms=1000,
    )


async def reloading(running: Proxy, texts: "itertools.cycle[str]") -> None:
    """Put another stack file into force again and again."""
    while True:
        await trio.sleep(0.2)
        running.linker.prepare(settings_of(next(texts)), dict).commit()


def answered(clients: list[Client]) -> set[int]:
    """Return the statuses that clients have got."""
    return {status for client in clients for status in client.statuses}


@pytest.mark.parametrize("engine", ["fast", "reference"])
async def test_a_storm_leaves_nothing_behind(engine: str, tmp_path: pathlib.Path) -> None:
    clients = [Client(random.Random(number)) for number in range(CLIENTS)]
    folder = tmp_path / "disco"
    folder.mkdir()

    async with stubs(4, fickle) as endpoints:
        namers = disco(folder, web=[*(endpoint.port for endpoint in endpoints), 1], gone=[1])
        texts = [stormy(tmp_path, namers, number, engine) for number in range(6)]
        async with proxy(texts[0], warnings=True) as running:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(reloading, running, itertools.cycle([*texts[1:], texts[0]]))
                for client in clients:
                    nursery.start_soon(client.run, running.ports[0])
                await trio.sleep(SECONDS)
                await until(lambda: answered(clients) >= STATUSES, "every status")
                nursery.cancel_scope.cancel()
            with trio.move_on_after(SETTLED_SECONDS):
                while await left_over(running, endpoints) or unfinished():
                    await trio.sleep(0.1)
            left, still_running = await left_over(running, endpoints), unfinished()

    assert (left, still_running) == ({}, set())
    assert answered(clients) == STATUSES
