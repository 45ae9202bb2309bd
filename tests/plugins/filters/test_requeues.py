"""Which attempts are repeated, where, and how often."""

from collections.abc import Callable
from random import Random

import attrs
import pytest
import trio

from mesh import (
    BOUND,
    ENDPOINT,
    LIFE,
    METRICS,
    ONE_SHOT,
    Addr,
    AddrBound,
    AnyService,
    AttemptTimeout,
    BoundName,
    Buffered,
    ConnectFailed,
    Endpoint,
    HttpReply,
    HttpRequest,
    Life,
    MeshError,
    Metrics,
    Nacked,
    Overloaded,
    Params,
    Path,
    Reply,
    Request,
    Unavailable,
    UpstreamBroken,
    UpstreamProtocolError,
    Var,
)
from mesh.testing import ManualClock, Scripted, reply, request
from mesh_plugins.balancers.balancer import NEW_DISTRIBUTOR, balancer
from mesh_plugins.balancers.p2c import P2CConfig, p2c
from mesh_plugins.filters.budget import BudgetLimits, RetryBudget
from mesh_plugins.filters.requeues import (
    IS_NACK,
    MAX_CONNECTS,
    REPEATABLE,
    REQUEUE_BUDGET,
    Requeues,
    requeues,
)
from mesh_plugins.http.nack import is_nack
from mesh_plugins.http.protocol import is_repeatable
from tests.plugins.rest import Rest, numbers, streamed

REFUSED = ConnectFailed("refused")
BROKEN = UpstreamBroken("reset")


def nack() -> HttpReply:
    return reply(503, headers={"finagle-http-nack": "true"})


@attrs.define(eq=False)
class Alone:
    """The filter by itself, in front of scripted answers."""

    limits: BudgetLimits = attrs.field(factory=BudgetLimits)
    metrics: Metrics = attrs.field(factory=Metrics)
    clock: ManualClock = attrs.field(factory=ManualClock)
    requeues: Requeues = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        budget = RetryBudget(self.limits, self.clock)
        self.requeues = Requeues(budget, self.metrics, is_repeatable, is_nack)

    async def send(self, asked: HttpRequest, *answers: Reply | MeshError) -> tuple[Reply | MeshError, int]:
        """Return what came of a request, and in how many attempts."""
        service = Scripted(*answers)
        try:
            answered: Reply | MeshError = await self.requeues(asked, service)
        except MeshError as error:
            answered = error
        return answered, len(service.requests)

    @property
    def counts(self) -> dict[str, float]:
        return {name: number for name, number in numbers(self.metrics, "retries").items() if "." not in name}


@attrs.define(eq=False)
class Bench:
    """The filter above a balancer of some endpoints, whose answers the test gives by endpoint."""

    life: Life
    size: int
    rest: Rest = attrs.field(factory=Rest)
    addr: Var[Addr] = attrs.field(init=False)
    answers: Callable[[Endpoint], Reply] = attrs.field(default=lambda _endpoint: reply())
    service: AnyService = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        endpoints = tuple(Endpoint(f"10.0.{number // 250}.{number % 250}", 80) for number in range(self.size))
        self.addr = Var[Addr](AddrBound(endpoints))
        self.rest.answer = self._answer
        name = BoundName(Path.read("/#/fs/web"), Path(), self.addr)
        params = Params().put(LIFE, self.life).put(METRICS, Metrics()).put(BOUND, name)
        params = params.put(NEW_DISTRIBUTOR, p2c(P2CConfig(), Random(7))).put(REPEATABLE, is_repeatable)
        params = params.put(IS_NACK, is_nack).put(REQUEUE_BUDGET, BudgetLimits(1000))
        self.service = requeues(params, lambda below: balancer(below, self.rest))

    def _answer(self, _request: Request) -> Reply:
        return self.answers(self.asked[-1])

    @property
    def asked(self) -> list[Endpoint]:
        """The endpoints that attempts went to, in order."""
        return self.rest.asked(ENDPOINT)


def refused(_endpoint: Endpoint) -> Reply:
    raise REFUSED


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
async def test_a_connect_failure_is_repeated_whatever_the_method(method: str) -> None:
    bench = Alone()
    ok = reply()

    assert await bench.send(request(method), REFUSED, ok) == (ok, 2)
    assert bench.counts == {"requeues": 1, "budget_exhausted": 0, "request_limit": 0, "budget": 99}


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
async def test_a_nack_is_repeated_whatever_the_method_and_its_reply_closed(method: str) -> None:
    ok, refusal = reply(), nack()

    bench = Alone()

    assert await bench.send(request(method), refusal, ok) == (ok, 2)
    assert refusal.closed
    assert numbers(bench.metrics)["nacks"] == 1


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"])
async def test_a_connection_that_broke_before_the_reply_is_repeated_for_idempotent_methods(method: str) -> None:
    ok = reply()

    assert await Alone().send(request(method), BROKEN, ok) == (ok, 2)


@pytest.mark.parametrize("method", ["POST", "PATCH", "CONNECT", "get"])
async def test_a_connection_that_broke_is_not_repeated_for_other_methods(method: str) -> None:
    assert await Alone().send(request(method), BROKEN) == (BROKEN, 1)


async def test_a_connection_that_broke_before_anything_was_sent_is_repeated_whatever_the_method() -> None:
    ok = reply()

    assert await Alone().send(request("POST"), UpstreamBroken("closed", retryable=True), ok) == (ok, 2)


@pytest.mark.parametrize(
    "error",
    [
        UpstreamBroken("reset", reply_begun=True),
        UpstreamProtocolError("no reply", reply_begun=True),
        AttemptTimeout("too slow"),
        Overloaded("too many wait"),
        Unavailable("no endpoints"),
    ],
)
async def test_nothing_else_is_repeated(error: MeshError) -> None:
    bench = Alone()

    assert await bench.send(request(), error) == (error, 1)
    assert bench.counts == {"requeues": 0, "budget_exhausted": 0, "request_limit": 0, "budget": 100}


@pytest.mark.parametrize("status", [500, 503])
async def test_a_reply_is_passed_on_whatever_its_status(status: int) -> None:
    answered = reply(status, headers={"retry-after": "0"})

    assert await Alone().send(request(), answered) == (answered, 1)


async def test_a_cancelled_attempt_is_not_repeated() -> None:
    bench, service = Alone(), Scripted(lambda _request: trio.sleep_forever())

    with trio.move_on_after(0.0):
        await bench.requeues(request(), service)

    assert len(service.requests) == 1


async def test_a_body_in_memory_is_sent_again_as_a_whole() -> None:
    bodies: list[bytes | None] = []

    def break_off(asked: Request) -> Reply:
        bodies.append(asked.body.buffered)
        raise BROKEN

    service = Scripted(break_off, break_off, reply())

    await Alone().requeues(request("PUT", body=Buffered(b"all of it")), service)

    assert bodies == [b"all of it"] * 2


async def test_attempts_that_sent_bytes_are_three_at_most_whatever_the_budget() -> None:
    bench = Alone()

    assert await bench.send(request(), BROKEN, BROKEN, BROKEN) == (BROKEN, 3)
    assert bench.counts["request_limit"] == 1


async def test_nacks_and_broken_connections_count_together() -> None:
    answered, attempts = await Alone().send(request(), nack(), BROKEN, nack())

    assert (type(answered), attempts) == (Nacked, 3)


async def test_connect_failures_do_not_count_among_those() -> None:
    ok = reply()

    assert await Alone().send(request(), REFUSED, BROKEN, REFUSED, BROKEN, REFUSED, ok) == (ok, 6)


async def test_a_request_spends_a_fifth_of_the_budget_at_most() -> None:
    bench = Alone(BudgetLimits(1, 0.2, 10.0))

    assert await bench.send(request(), *[REFUSED] * 3) == (REFUSED, 3)
    assert bench.counts == {"requeues": 2, "budget_exhausted": 0, "request_limit": 1, "budget": 8}


async def test_without_a_budget_nothing_is_repeated() -> None:
    bench = Alone(BudgetLimits(0, 0.2))

    assert await bench.send(request(), REFUSED) == (REFUSED, 1)
    assert bench.counts["request_limit"] == 1


async def test_a_budget_that_others_spend_meanwhile_ends_the_repeats() -> None:
    bench = Alone(BudgetLimits(1, 0.2, 10.0))

    async def spend(_request: Request) -> Reply:
        while bench.counts["budget"]:
            await bench.send(request(), *[REFUSED] * 3)
        raise REFUSED

    with pytest.raises(ConnectFailed):
        await bench.requeues(request(), Scripted(REFUSED, spend))

    assert bench.counts["budget"] == 0
    assert bench.counts["budget_exhausted"] == 1


async def test_the_budget_earns_on_successes_alone() -> None:
    bench = Alone(BudgetLimits(0, 1.0))
    await bench.send(request(), AttemptTimeout("too slow"))
    assert bench.counts["budget"] == 0

    await bench.send(request(), reply())

    assert bench.counts["budget"] == 1


async def test_a_repeat_that_succeeds_earns_too() -> None:
    bench = Alone(BudgetLimits(1, 1.0, 1.0))

    await bench.send(request(), REFUSED, reply())

    assert bench.counts["budget"] == 1


async def test_how_often_requests_were_repeated_is_shown() -> None:
    bench = Alone()
    await bench.send(request(), reply())

    await bench.send(request(), REFUSED, BROKEN, reply())

    shown = numbers(bench.metrics, "retries")
    names = ("count", "max")
    assert [shown[f"requeues_per_request.{name}"] for name in names] == [1, 2]


async def test_each_attempt_is_numbered() -> None:
    asked, attempts = request(), list[int]()

    def note(again: HttpRequest) -> Reply:
        attempts.append(again.context.attempt)
        raise REFUSED

    await Alone().requeues(asked, Scripted(note, note, reply()))

    assert (attempts, asked.context.attempt) == ([0, 1], 2)


async def test_a_protocol_that_says_nothing_of_its_requests_has_none_repeated_that_may_have_been_begun() -> None:
    filter_ = Requeues(RetryBudget(BudgetLimits(), ManualClock()), Metrics())

    with pytest.raises(UpstreamBroken):
        await filter_(request(), Scripted(BROKEN))


async def test_a_repeat_goes_to_another_endpoint(life: Life) -> None:
    bench = Bench(life, 3)

    def once(endpoint: Endpoint) -> Reply:
        if len(bench.asked) < 3:
            raise BROKEN
        return reply()

    bench.answers = once

    await bench.service(request())

    assert len(set(bench.asked)) == 3


@pytest.mark.parametrize("size", [1, 2, 5])
async def test_connecting_is_tried_once_for_each_endpoint(life: Life, size: int) -> None:
    bench = Bench(life, size)
    bench.answers = refused

    with pytest.raises(ConnectFailed):
        await bench.service(request())

    assert (len(bench.asked), len(set(bench.asked))) == (size, size)


async def test_connecting_is_tried_so_often_and_no_more(life: Life) -> None:
    bench = Bench(life, 100)
    bench.answers = refused

    with pytest.raises(ConnectFailed):
        await bench.service(request())

    assert (len(bench.asked), len(set(bench.asked))) == (MAX_CONNECTS, MAX_CONNECTS)


async def test_an_endpoint_that_comes_meanwhile_is_tried_too(life: Life) -> None:
    bench = Bench(life, 1)
    new = Endpoint("10.0.0.99", 80)

    def replaced(endpoint: Endpoint) -> Reply:
        bench.addr.set(AddrBound((new,)))
        if endpoint != new:
            raise REFUSED
        return reply()

    bench.answers = replaced

    await bench.service(request())

    assert bench.asked[-1] == new


async def test_a_lone_endpoint_that_refuses_is_asked_again(life: Life) -> None:
    bench = Bench(life, 1)
    bench.answers = lambda _endpoint: nack()

    with pytest.raises(Nacked, match=r"^10\.0\.0\.0:80 refused the request$"):
        await bench.service(request())

    assert len(bench.asked) == 3


async def test_endpoints_that_went_end_the_repeats(life: Life) -> None:
    bench = Bench(life, 2)

    def vanish(_endpoint: Endpoint) -> Reply:
        bench.addr.set(AddrBound(()))
        raise REFUSED

    bench.answers = vanish

    with pytest.raises(ConnectFailed):
        await bench.service(request())

    assert len(bench.asked) == 1


async def test_the_budget_of_a_client_for_one_reply_is_not_shown(life: Life) -> None:
    metrics = Metrics()
    params = Params().put(LIFE, life).put(METRICS, metrics).put(ONE_SHOT, True)

    await requeues(params, Rest(lambda _request: streamed()))(request())

    assert "client/other/retries/budget" not in numbers(metrics)
