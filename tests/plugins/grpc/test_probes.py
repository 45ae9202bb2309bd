"""Health checks of an endpoint."""

import logging
from collections.abc import Awaitable, Iterator
from functools import partial
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from mesh import (
    BOUND,
    ENDPOINT,
    HEALTH,
    LIFE,
    METRICS,
    Addr,
    AddrBound,
    BoundName,
    ConnectFailed,
    Endpoint,
    Fixed,
    Health,
    HttpReply,
    Life,
    Metrics,
    Params,
    Path,
    Reply,
    Status,
)
from mesh.testing import Trickle, reply
from mesh_plugins.grpc.content import CARRIES_GRPC
from mesh_plugins.grpc.health import Serving, encode_reply
from mesh_plugins.grpc.messages import encode
from mesh_plugins.grpc.probes import GrpcHealthCheckConfig, grpc_health_check
from tests.plugins.rest import Answer, Rest, hanging, numbers, raising

A = Endpoint("10.0.0.1", 50051)
GRPC = {"content-type": "application/grpc"}


def says(serving: Serving) -> HttpReply:
    return reply(200, Trickle(encode(encode_reply(serving)), trailers={"grpc-status": "0"}), headers=GRPC)


def status(number: int) -> HttpReply:
    return reply(200, headers={**GRPC, "grpc-status": str(number)})


class Bench:
    """One endpoint with checks every second, at which it answers as told, in order; the last for ever."""

    def __init__(
        self, life: Life, *answers: Answer, unhealthy: int = 1, healthy: int = 1, speaks_http2: bool = True
    ) -> None:
        self.health, self.metrics = Health(), Metrics()
        self.replies: list[HttpReply] = []
        self._answers: Iterator[Answer] = iter(answers)
        self._last = answers[-1]
        self.rest = Rest(self._answer)
        bound = BoundName(Path.read("/#/fs/web"), Path(), Fixed[Addr](AddrBound((A,))))
        params = Params().put(LIFE, life).put(METRICS, self.metrics).put(HEALTH, self.health)
        config = GrpcHealthCheckConfig(
            service="a.B", interval_ms=1000, timeout_ms=500, unhealthy_threshold=unhealthy, healthy_threshold=healthy
        )
        params = params.put(ENDPOINT, A).put(BOUND, bound).put(CARRIES_GRPC, speaks_http2)
        self.service = grpc_health_check(config).wrap(params, self.rest)

    def _answer(self, asked: Any) -> Reply | Awaitable[Reply]:
        return next(self._answers, self._last)(asked)

    @property
    def counts(self) -> dict[str, float]:
        return numbers(self.metrics, "client/#/fs/web/health_check")


def answering(*replies: HttpReply) -> list[Answer]:
    return [partial(_given, answer) for answer in replies]


def _given(answer: HttpReply, _request: Any) -> HttpReply:
    return answer


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (lambda _request: says(Serving.SERVING), Status.OPEN),
        (lambda _request: says(Serving.NOT_SERVING), Status.BUSY),
        (lambda _request: says(Serving.SERVICE_UNKNOWN), Status.BUSY),
        (lambda _request: status(12), Status.OPEN),
        (lambda _request: status(5), Status.BUSY),
        (lambda _request: reply(200, Trickle(b"\0"), headers=GRPC), Status.BUSY),
        (lambda _request: reply(503, b"no"), Status.BUSY),
        (lambda _request: reply(200, Trickle(b"\0\xff\xff\xff\xff"), headers=GRPC), Status.BUSY),
        (raising(ConnectFailed("refused")), Status.BUSY),
        (hanging, Status.BUSY),
    ],
    ids=[
        "serving",
        "not serving",
        "unknown service",
        "no health checks",
        "not found",
        "no status",
        "no grpc",
        "too long",
        "refused",
        "hangs",
    ],
)
async def test_an_endpoint_is_avoided_unless_it_says_that_it_serves(
    life: Life, autojump_clock: MockClock, answer: Answer, expected: Status
) -> None:
    bench = Bench(life, answer)

    await trio.sleep(0.6)

    assert bench.health.status is expected


async def test_it_is_asked_about_a_service_in_a_call_of_its_own(life: Life, autojump_clock: MockClock) -> None:
    bench = Bench(life, lambda _request: says(Serving.SERVING))

    await trio.sleep(0.1)

    ((_params, asked),) = bench.rest.requests
    assert (asked.method, asked.target, asked.body.buffered) == (
        b"POST",
        b"/grpc.health.v1.Health/Check",
        b"\0\0\0\0\x05\x0a\x03a.B",
    )
    assert dict(asked.headers)[b"content-type"] == b"application/grpc"
    assert (asked.context.endpoint, asked.context.expiry.at) == (A, 0.5)


async def test_one_answer_alone_turns_nothing_where_more_are_asked_for(life: Life, autojump_clock: MockClock) -> None:
    replies = [says(serving) for serving in map(Serving, (2, 1, 2, 2, 1, 2, 1, 1))]
    bench = Bench(life, *answering(*replies), unhealthy=2, healthy=2)
    seen = []
    for _second in range(8):
        await trio.sleep(0.05)
        seen.append(bench.health.status is Status.OPEN)
        while len(bench.rest.requests) <= len(seen) < 8:
            await trio.sleep(0.05)

    assert seen == [True, True, True, False, False, False, False, True]
    assert bench.counts == {"checks": 8, "failures": 4, "removals": 1, "revivals": 1}
    assert all(answer.closed for answer in replies)


async def test_the_log_says_when_an_endpoint_is_avoided_and_when_no_more(
    life: Life, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "mesh_plugins.grpc"):
        Bench(life, *answering(says(Serving.NOT_SERVING), says(Serving.SERVING)))
        await trio.sleep(1.5)

    assert caplog.messages == ["10.0.0.1:50051 is avoided: it says NOT_SERVING", "10.0.0.1:50051 is healthy again"]


async def test_requests_pass_by(life: Life, autojump_clock: MockClock) -> None:
    bench = Bench(life, lambda _request: says(Serving.SERVING))

    assert bench.service is bench.rest.services[0]


async def test_checks_end_with_the_stack(life: Life, autojump_clock: MockClock) -> None:
    own = life.child("endpoint")
    bench = Bench(own, lambda _request: says(Serving.SERVING))
    await trio.sleep(0.1)
    own.close()
    await trio.sleep(10)

    assert len(bench.rest.requests) == 1


async def test_an_endpoint_that_does_not_speak_http2_is_not_checked(
    life: Life, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench(life, lambda _request: says(Serving.SERVING), speaks_http2=False)

    await trio.sleep(10)

    assert (bench.rest.requests, bench.health.status) == ([], Status.OPEN)
    assert "need `client.protocol: h2`" in caplog.text
