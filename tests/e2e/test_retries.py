"""Retries through a running linker: what the client gets, and what its endpoints see."""

import pathlib
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from tests.e2e.raw import Message, RawConnection, chunked, reply, request
from tests.e2e.stubs import Behaviour, Stub, stub, stubs
from tests.plugins.rest import numbers
from tests.proxies import FS, Proxy, between, disco, proxy, stack
from tests.waiting import until

pytestmark = pytest.mark.slow

BAD = reply(500, body=b"bad", reason="Internal Server Error")


def service(kind: str = "io.l5d.http.retryableRead5XX", **more: Any) -> dict[str, Any]:
    return {"responseClassifier": {"kind": kind}, **more}


def in_turn(*answers: bytes) -> Behaviour:
    """Give the answers in order, whatever the connection; an empty one closes the connection instead."""
    left = list(answers)

    async def behave(stub: Stub, connection: RawConnection) -> None:
        while (asked := await connection.message()) is not None:
            stub.requests.append(asked)
            answer = left.pop(0)
            if not answer:
                return
            await connection.send(answer)

    return behave


def bodies(asked: list[Message]) -> list[bytes]:
    return [message.body for message in asked]


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "TRACE"])
async def test_a_read_that_failed_is_sent_again(method: str) -> None:
    async with between(in_turn(reply(500, body=b""), reply(body=b"")), service=service()) as (it, client):
        await client.send(request(method))
        answer = await client.reply(bodiless=method == "HEAD")

    assert (answer.status, len(it.requests)) == (200, 2)


async def test_a_write_that_failed_is_not() -> None:
    async with between(in_turn(BAD), service=service()) as (endpoint, client):
        await client.send(request("POST", body=b"x"))
        answer = await client.reply()

    assert (answer.status, answer.body, len(endpoint.requests)) == (500, b"bad", 1)


async def test_a_body_that_streams_is_sent_again_as_a_whole() -> None:
    body = b"0123456789" * 4000
    everything = service("io.l5d.http.retryableAll5XX")
    async with between(in_turn(BAD, b"", reply()), service=everything) as (endpoint, client):
        head, _, _ = request("POST", body=body).partition(body)
        await client.send(head, body[:10_000], body[10_000:])
        answer = await client.reply()

    assert (answer.status, bodies(endpoint.requests)) == (200, [body] * 3)


@pytest.mark.parametrize(
    "sent",
    [
        request("POST", body=b"x" * 70_000),
        b"POST / HTTP/1.1\r\nhost: web\r\ntransfer-encoding: chunked\r\n\r\n" + chunked(b"x"),
    ],
    ids=["too large", "chunked"],
)
async def test_a_body_that_cannot_be_kept_is_sent_once(sent: bytes) -> None:
    async with between(in_turn(BAD), service=service("io.l5d.http.retryableAll5XX")) as (endpoint, client):
        await client.send(sent)
        answer = await client.reply()

    assert (answer.status, len(endpoint.requests)) == (500, 1)


async def test_an_attempt_that_took_too_long_is_sent_again_elsewhere(idle_clock: MockClock) -> None:
    async def stall(it: Stub, connection: RawConnection) -> None:
        while (asked := await connection.message()) is not None:
            it.requests.append(asked)

    async with stub(stall) as slow, stub() as good:
        dtab = f"/svc => 1 * /$/inet/127.0.0.1/{slow.port} & 1 * /$/inet/127.0.0.1/{good.port};"
        keys: dict[str, Any] = {"client": {"requestAttemptTimeoutMs": 50}}
        keys["service"] = service(retries={"maxAttempts": 30})
        async with proxy(stack(dtab, **keys)) as running, running.connect() as client:
            await client.send(request())
            answer = await client.reply()
            counted = numbers(running.linker.metrics, "rt/http/service/svc/web/retries")

    assert (answer.status, len(good.requests)) == (200, 1)
    assert counted["total"] == len(slow.requests)


async def test_a_service_that_always_fails_is_asked_three_times_over_one_connection() -> None:
    bad = b"HTTP/1.1 500 Bad\r\ntransfer-encoding: chunked\r\n\r\n" + chunked(b"bad")
    async with between(in_turn(bad, bad, bad), service=service()) as (endpoint, client):
        await client.send(request())
        answer = await client.reply()

    assert (answer.status, answer.body) == (500, b"bad")
    assert (len(endpoint.requests), len(endpoint.connections)) == (3, 1)


@pytest.mark.parametrize("kind", ["io.l5d.http.nonRetryable5XX", "io.l5d.http.retryableRead5XX"])
async def test_what_was_not_processed_is_sent_again_whatever_the_method(kind: str) -> None:
    undone = reply(500, "l5d-retryable: true", body=b"bad")
    async with between(in_turn(undone, reply()), service=service(kind)) as (endpoint, client):
        await client.send(request("POST", body=b"x"))
        answer = await client.reply()

    assert (answer.status, bodies(endpoint.requests)) == (200, [b"x", b"x"])


async def test_the_default_router_retries_nothing_and_says_what_it_could_afford() -> None:
    async with stub(in_turn(BAD)) as it, proxy(stack(it.port)) as running, running.connect() as client:
        await client.send(request())
        answer = await client.reply()
        counted = numbers(running.linker.metrics, "rt/http/service/svc/web/retries")

    assert answer.status == 500
    assert (counted["total"], counted["budget"], counted["per_request.count"]) == (0, 100, 1)


async def test_a_slow_endpoint_is_overtaken_by_another(tmp_path: pathlib.Path) -> None:
    async def stall(it: Stub, connection: RawConnection) -> None:
        while (asked := await connection.message()) is not None:
            it.requests.append(asked)

    def counted(running: Proxy) -> dict[str, float]:
        return numbers(running.linker.metrics, "rt/http/client/#/io.l5d.fs/web")

    async with stub(stall) as slow, stub() as good:
        hedge = {"kind": "io.l5d.hedge", "delayMs": 30, "budget": {"minRetriesPerSec": 100}}
        text = stack(FS, namers=disco(tmp_path, web=[slow.port, good.port]), filters={"client": [hedge]})
        async with proxy(text) as running, running.connect() as client:
            statuses: list[int] = []
            while len(statuses) < 10 or counted(running)["backups/backups_won"] == 0:
                await client.send(request())
                statuses.append((await client.reply()).status)
            await until(lambda: all(connection.ended for connection in slow.connections), "the slow endpoint is let go")
            await until(lambda: counted(running)["pending"] == 0, "no attempt is left")
            found = counted(running)

    assert set(statuses) == {200}
    assert (found["success"], found["failures"]) == (len(statuses), 0)


async def test_where_no_repeats_are_taken_on_the_client_gets_the_first_answer() -> None:
    keys: dict[str, Any] = {"service": service(), "client": {"circuitBreakers": {"maxRetries": 0}}}
    async with between(in_turn(BAD), **keys) as (endpoint, client):
        await client.send(request())
        answer = await client.reply()

    assert (answer.status, answer.body, len(endpoint.requests)) == (500, b"bad", 1)


async def test_an_endpoint_that_always_breaks_is_asked_three_times_retries_and_requeues_together() -> None:
    async with between(in_turn(*[b""] * 20), service=service()) as (endpoint, client):
        await client.send(request())
        answer = await client.reply()

    assert (answer.status, len(endpoint.requests)) == (502, 3)


async def test_endpoints_that_cannot_be_reached_are_not_gone_round_again_by_each_retry(tmp_path: pathlib.Path) -> None:
    async with stubs(5) as gone:
        namers = disco(tmp_path, web=[endpoint.port for endpoint in gone])
    async with (
        proxy(stack(FS, namers=namers, service=service()), warnings=True) as running,
        running.connect() as client,
    ):
        await client.send(request())
        answer = await client.reply()
        attempts = numbers(running.linker.metrics, "rt/http/client/#/io.l5d.fs/web")["requests"]

    assert (answer.status, attempts) == (502, 7)  # once round, and once for each retry


async def test_second_attempts_count_among_what_a_client_takes_on() -> None:
    async def stall(it: Stub, connection: RawConnection) -> None:
        while (asked := await connection.message()) is not None:
            it.requests.append(asked)

    hedge = {"kind": "io.l5d.hedge", "delayMs": 10, "budget": {"minRetriesPerSec": 100}}
    keys: dict[str, Any] = {"client": {"circuitBreakers": {"maxRetries": 1}}, "filters": {"client": [hedge]}}
    async with (
        stub(stall) as it,
        proxy(stack(it.port, **keys)) as running,
        running.connect() as one,
        running.connect() as other,
    ):
        scope = f"rt/http/client/$/inet/127.0.0.1/{it.port}/circuit_breakers"
        for client in (one, other):
            await client.send(request())
        await until(lambda: len(it.requests) == 3, "one second attempt")
        await until(lambda: numbers(running.linker.metrics, scope).get("retries_overflow") == 1, "no other")
        await trio.sleep(0.05)
        sent = len(it.requests)

    assert sent == 3
