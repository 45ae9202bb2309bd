"""What a client takes on at a time."""

import pytest

from mesh import (
    BOUND,
    METRICS,
    POOL_LIMITS,
    POOL_STATS,
    AddrBound,
    AnyService,
    BoundName,
    ConnectFailed,
    Fixed,
    HttpRequest,
    Metrics,
    Overloaded,
    Params,
    Path,
    PoolLimits,
    PoolStats,
    bind,
)
from mesh.testing import ManualClock, request
from mesh_plugins.filters.budget import BudgetLimits, RetryBudget
from mesh_plugins.filters.client_limits import ATTEMPT_LIMITS, AttemptLimits, client_limits
from mesh_plugins.filters.requeues import Requeues
from tests.plugins.rest import Rest, numbers, raising, streamed

SCOPE = "client/#/fs/web/circuit_breakers"


def limited(metrics: Metrics, rest: Rest, limits: AttemptLimits, pool: PoolLimits | None = None) -> AnyService:
    name = BoundName(Path.read("/#/fs/web"), Path(), Fixed(AddrBound(())))
    params = Params().put(METRICS, metrics).put(BOUND, name).put(ATTEMPT_LIMITS, limits)
    stats = PoolStats(pending_overflow=3, connections_overflow=2)
    return client_limits(params.put(POOL_LIMITS, pool or PoolLimits()).put(POOL_STATS, stats), rest)


def repeated() -> HttpRequest:
    asked = request()
    asked.context.attempt = 1
    return asked


def streaming() -> Rest:
    return Rest(lambda _request: streamed())


async def test_attempts_beyond_the_limit_are_refused_until_a_reply_is_closed() -> None:
    metrics = Metrics()
    service = limited(metrics, streaming(), AttemptLimits(attempts=1))
    first = await service(request())

    with pytest.raises(Overloaded, match="more than 1 requests to this client at a time"):
        await service(request())
    await first.aclose()
    await service(request())

    counts = numbers(metrics, SCOPE)
    assert (counts["requests"], counts["requests_overflow"], counts["retries_overflow"]) == (1, 1, 0)


async def test_repeats_have_a_limit_of_their_own() -> None:
    metrics = Metrics()
    service = limited(metrics, streaming(), AttemptLimits(repeats=1))
    await service(repeated())

    with pytest.raises(Overloaded, match="more than 1 repeated requests"):
        await service(repeated())
    await service(request())

    counts = numbers(metrics, SCOPE)
    assert (counts["requests"], counts["retries"], counts["retries_overflow"]) == (2, 1, 1)


async def test_without_repeats_none_is_sent() -> None:
    with pytest.raises(Overloaded):
        await limited(Metrics(), Rest(), AttemptLimits(repeats=0))(repeated())


async def test_a_failure_that_may_not_be_repeated_is_the_answer() -> None:
    refused, asked = ConnectFailed("refused"), request()
    repeating = bind(
        Requeues(RetryBudget(BudgetLimits(), ManualClock()), Metrics()),
        limited(Metrics(), Rest(raising(refused)), AttemptLimits(repeats=0)),
    )

    with pytest.raises(ConnectFailed) as raised:
        await repeating(asked)

    assert (raised.value, asked.context.attempt) == (refused, 0)


async def test_an_attempt_that_failed_counts_no_more() -> None:
    metrics = Metrics()
    service = limited(metrics, Rest(raising(ConnectFailed("refused"))), AttemptLimits(attempts=1))

    for _time in range(3):
        with pytest.raises(ConnectFailed):
            await service(repeated())

    assert (numbers(metrics, SCOPE)["requests"], numbers(metrics, SCOPE)["retries"]) == (0, 0)


async def test_what_the_pools_refused_is_shown_too_and_costs_nothing_here() -> None:
    metrics, rest = Metrics(), Rest()

    service = limited(metrics, rest, AttemptLimits(), PoolLimits(max_pending=1))

    assert rest.services == [service]
    counts = numbers(metrics, SCOPE)
    assert (counts["pending_requests_overflow"], counts["connections_overflow"]) == (3, 2)


async def test_without_limits_nothing_is_added() -> None:
    metrics, rest = Metrics(), Rest()

    service = limited(metrics, rest, AttemptLimits())

    assert (rest.services, dict(numbers(metrics, SCOPE))) == ([service], {})
