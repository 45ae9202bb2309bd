"""Limits of ours, as a client of a running proxy sees them."""

import pytest
import trio
import trio.testing

from tests.e2e.raw import request
from tests.e2e.stubs import Holding, stub
from tests.proxies import one, proxy, stack, stacks


def limited(port: int, section: str, **keys: object) -> str:
    return stacks(one(port, filters={section: [keys]}))


async def test_a_rate_limit_answers_429_and_says_when_to_come_again() -> None:
    keys = {"kind": "io.l5d.rateLimit", "requests": 1, "seconds": 60, "by": "header", "header": "x-key"}
    async with (
        stub() as endpoint,
        proxy(limited(endpoint.port, "server", **keys)) as running,
        running.connect() as client,
    ):
        answers = []
        for line in ("X-Key: a", "X-Key: b", "X-Key: a"):
            await client.send(request("GET", "/", line))
            answers.append(await client.reply())

    assert [answer.status for answer in answers] == [200, 200, 429]
    assert [answers[2].value(name) for name in (b"retry-after", b"x-ratelimit-limit", b"x-ratelimit-remaining")] == [
        b"60",
        b"1",
        b"0",
    ]
    assert answers[2].value(b"l5d-retryable") is None


async def test_a_concurrency_limit_of_a_name_answers_503() -> None:
    slow = Holding()
    keys = {"kind": "io.l5d.concurrencyLimit", "requests": 1}
    async with (
        stub(slow) as endpoint,
        proxy(limited(endpoint.port, "service", **keys)) as running,
        running.connect() as first,
        running.connect() as second,
    ):
        await first.send(request())
        await slow.arrived.wait()
        await second.send(request())
        refused = await second.reply()
        slow.go.set()
        answered = await first.reply()

    assert (answered.status, refused.status) == (200, 503)
    assert refused.value(b"l5d-retryable") == b"true"


@pytest.mark.parametrize(
    ("limits", "counter"),
    [
        ({"maxRequests": 1}, "requests_overflow"),
        ({"maxPendingRequests": 1, "maxConnections": 1}, "pending_requests_overflow"),
    ],
    ids=["requests", "pending"],
)
async def test_a_client_beyond_its_circuit_breakers_answers_503(limits: dict[str, int], counter: str) -> None:
    slow = Holding()
    async with (
        stub(slow) as endpoint,
        proxy(stack(endpoint.port, client={"circuitBreakers": limits})) as running,
        running.connect() as first,
        running.connect() as second,
        running.connect() as third,
    ):
        await first.send(request())
        await slow.arrived.wait()
        await second.send(request())
        await trio.testing.wait_all_tasks_blocked(0.05)
        await third.send(request())
        refused = await third.reply()
        overflow = running.metric(f"client/$/inet/127.0.0.1/{endpoint.port}/circuit_breakers/{counter}")
        slow.go.set()
        answered = await first.reply()

    assert (answered.status, refused.status) == (200, 503)
    assert refused.value(b"l5d-retryable") == b"true"
    assert overflow >= 1
