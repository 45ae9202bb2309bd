"""What a client sees of endpoints that take too long, and what the endpoints see of it."""

import pathlib
import time
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from tests.e2e.raw import Incomplete, RawConnection, request
from tests.e2e.stubs import Behaviour, Stub, stub
from tests.plugins.rest import numbers
from tests.proxies import FS, between, disco, proxy, stack

pytestmark = pytest.mark.slow

HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n"


async def stalling(stub: Stub, connection: RawConnection) -> None:
    """Take requests, and answer none."""
    while (request := await connection.message()) is not None:
        stub.requests.append(request)


def slow_body(pause: float) -> Behaviour:
    """Send the head at once, and one byte of the body after each pause."""

    async def behave(stub: Stub, connection: RawConnection) -> None:
        while (request := await connection.message()) is not None:
            stub.requests.append(request)
            await connection.send(HEAD)
            for _ in range(4):
                await trio.sleep(pause)
                await connection.send(b"x")

    return behave


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        (
            {"service": {"totalTimeoutMs": 250}},
            "exceeded 0.25 s to /svc/web while waiting for a response for the request",
        ),
        (
            {"client": {"requestAttemptTimeoutMs": 250}},
            "exceeded 0.25 s to 127.0.0.1:{port} while waiting for a response for an individual request",
        ),
    ],
    ids=["total", "attempt"],
)
@pytest.mark.parametrize("sent", [request(), request("PUT", "/", body=b"x" * 100_000)], ids=["whole", "streamed"])
async def test_an_endpoint_that_stalls_costs_a_504_in_time(
    settings: Any, text: str, sent: bytes, idle_clock: MockClock
) -> None:
    async with between(stalling, **settings) as (endpoint, client):
        started = trio.current_time()
        await client.send(sent)
        answer = await client.reply()
        took = trio.current_time() - started
        await endpoint.connections[0].gone.wait()

    assert answer.status == 504
    assert text.format(port=endpoint.port) in (answer.value(b"l5d-err") or b"").decode()
    assert took >= 0.25


async def test_a_timeout_ends_with_the_head_of_the_reply(idle_clock: MockClock) -> None:
    settings: dict[str, Any] = {"service": {"totalTimeoutMs": 150}, "client": {"requestAttemptTimeoutMs": 100}}
    async with between(slow_body(0.06), **settings) as (_endpoint, client):
        await client.send(request())
        answer = await client.reply()

    assert (answer.status, answer.body) == (200, b"xxxx")


async def test_endpoints_that_time_out_are_taken_out_of_the_balancers_choice(
    tmp_path: pathlib.Path, idle_clock: MockClock
) -> None:
    client_keys = {
        "requestAttemptTimeoutMs": 50,
        "failureAccrual": {"kind": "io.l5d.consecutiveFailures", "failures": 1},
    }
    async with stub(stalling) as bad, stub() as good:
        namers = disco(tmp_path, web=[bad.port, good.port])
        async with proxy(stack(FS, namers=namers, client=client_keys)) as running, running.connect() as client:
            statuses: list[int] = []
            while 504 not in statuses[:-12]:  # until it was picked once, and then had twelve chances more
                await client.send(request())
                statuses.append((await client.reply()).status)
            counted = numbers(running.linker.metrics)

    assert (statuses.count(504), len(good.requests)) == (1, len(statuses) - 1)
    assert counted["rt/http/client/#/io.l5d.fs/web/failures/AttemptTimeout"] == 1


def due(seconds: float) -> str:
    """Return the field of a deadline that is so far away."""
    now = time.time_ns()
    return f"l5d-ctx-deadline: {now} {now + int(seconds * 1e9)}"


async def test_a_request_whose_deadline_has_passed_is_not_sent() -> None:
    async with between() as (endpoint, client):
        await client.send(request("GET", "/", due(-1.0)))
        answer = await client.reply()

    assert (answer.status, endpoint.requests) == (504, [])


async def test_an_endpoint_that_stalls_is_waited_for_until_the_deadline(idle_clock: MockClock) -> None:
    async with between(stalling, service={"totalTimeoutMs": 10_000}) as (_endpoint, client):
        await client.send(request("GET", "/", due(5.0)))
        answer = await client.reply()

    assert answer.status == 504
    assert b"the deadline of the request has passed" in (answer.value(b"l5d-err") or b"")


async def test_a_reply_that_is_late_is_cut_off(idle_clock: MockClock) -> None:
    async with between(slow_body(2.0)) as (_endpoint, client):
        await client.send(request("GET", "/", due(5.0)))
        with pytest.raises(Incomplete) as cut:
            await client.reply()

    assert cut.value.message is not None
    assert cut.value.message.status == 200


async def test_the_next_hop_is_told_the_earliest_of_deadline_and_timeouts() -> None:
    keys: dict[str, Any] = {"service": {"totalTimeoutMs": 60_000}, "client": {"requestAttemptTimeoutMs": 20_000}}
    async with between(**keys) as (endpoint, client):
        for lines in ([due(5.0)], [due(500.0)], []):
            await client.send(request("GET", "/", *lines))
            await client.reply()
        told = [asked.value(b"l5d-ctx-deadline") or b"" for asked in endpoint.requests]

    left = [(int(deadline) - int(stamp)) / 1e9 for stamp, deadline in (value.split() for value in told)]
    assert [0 < left[0] <= 5.0, 10.0 < left[1] <= 20.0, 10.0 < left[2] <= 20.0] == [True] * 3
