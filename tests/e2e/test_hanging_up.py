"""Clients that hang up at every stage of a request: each leaves nothing behind."""

from typing import Any

import attrs
import pytest
import trio

from tests.e2e.leftovers import left_over, unfinished
from tests.e2e.raw import RawConnection, reply, request
from tests.e2e.stubs import Behaviour, Stub, stub
from tests.proxies import Proxy, proxy, stack

pytestmark = pytest.mark.slow

CLIENTS = 3
STAY_SECONDS = 0.1  # until every client is where it is to hang up
SETTLED_SECONDS = 30.0  # within which everything has ended that ends by itself, on a busy machine
LARGE = "Content-Length: 100000000"


async def silent(_endpoint: Stub, connection: RawConnection) -> None:
    """Take what comes, and say nothing."""
    await connection.is_closed(60.0)


async def failing(_endpoint: Stub, connection: RawConnection) -> None:
    while await connection.message() is not None:
        await connection.send(reply(500))


async def endless(_endpoint: Stub, connection: RawConnection) -> None:
    await connection.head()
    await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
    while True:
        await connection.send(b"x" * 100_000)


@attrs.frozen
class Stage:
    """Where requests are when their clients go."""

    sent: bytes = request()
    behave: Behaviour = silent
    keys: dict[str, Any] = attrs.field(factory=dict)


def retrying(kind: str) -> dict[str, Any]:
    backoff = {"kind": "constant", "ms": 5000}
    return {"service": {"responseClassifier": {"kind": kind}, "retries": {"backoff": backoff}}}


def hedging(section: str) -> dict[str, Any]:
    hedge = {"kind": "io.l5d.hedge", "delayMs": 10, "budget": {"minRetriesPerSec": 100}}
    return {"filters": {section: [hedge]}}


ALONE = {"client": {"hostConnectionPool": {"maxSize": 1}}}
BOUNDED = {"client": {"requestAttemptTimeoutMs": 5000}, "service": {"totalTimeoutMs": 8000}}
STAGES = {
    "waiting for a connection": Stage(keys=ALONE),
    "shaking hands": Stage(keys={"client": {"tls": {"commonName": "web", "handshakeTimeoutMs": 300}}}),
    "waiting for the head": Stage(),
    "waiting within timeouts": Stage(keys=BOUNDED),
    "waiting for a connection within timeouts": Stage(
        keys={**BOUNDED, "client": {**BOUNDED["client"], **ALONE["client"]}}
    ),
    "receiving a body": Stage(behave=endless),
    "sending a body": Stage(request("POST", "/", LARGE) + b"x" * 300_000),
    "holding a body back": Stage(request("POST", "/", LARGE, "Expect: 100-continue")),
    "asking for a tunnel": Stage(request("GET", "/", "Connection: Upgrade", "Upgrade: websocket")),
    "pausing before a retry": Stage(behave=failing, keys=retrying("io.l5d.http.retryableRead5XX")),
    "pausing with a body": Stage(request("POST", body=b"x" * 40_000), failing, retrying("io.l5d.http.retryableAll5XX")),
    "hedged in the client": Stage(keys=hedging("client")),
    "hedged in the service": Stage(keys=hedging("service")),
}


@pytest.mark.parametrize("politely", [True, False], ids=["close", "reset"])
@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES)
async def test_a_client_that_hangs_up_leaves_nothing_behind(stage: Stage, politely: bool) -> None:
    server = {"maxConcurrentRequests": 50}
    async with stub(stage.behave) as endpoint, proxy(stack(endpoint.port, server=server, **stage.keys)) as running:
        async with trio.open_nursery() as nursery:
            for _number in range(CLIENTS):
                nursery.start_soon(hang_up, running, stage.sent, politely)
        with trio.move_on_after(SETTLED_SECONDS):
            while await left_over(running, [endpoint]) or unfinished():
                await trio.sleep(0.02)
        left, still_running = await left_over(running, [endpoint]), unfinished()

    assert (left, still_running) == ({}, set())


async def hang_up(running: Proxy, sent: bytes, politely: bool) -> None:
    async with running.connect() as client:
        with trio.move_on_after(STAY_SECONDS):
            await client.send(sent)
            await trio.sleep_forever()
        (client.close if politely else client.reset)()
