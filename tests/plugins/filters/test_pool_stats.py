"""What is shown of a client's pools."""

import pytest

from mesh import Metrics, PoolLimits, PoolStats
from mesh_plugins.filters.pool_stats import show_pool
from tests.plugins.rest import numbers


def test_what_the_pools_of_a_client_do_is_shown() -> None:
    metrics, pool = Metrics(), PoolStats()
    show_pool(pool, metrics, metrics.histogram("request_latency_ms"), PoolLimits())

    pool.connects, pool.size, pool.cached, pool.waiters, pool.waited, pool.too_many_waiters = 1, 2, 3, 4, 5, 6
    pool.connected(7.0)
    pool.failed(8.0)

    found = numbers(metrics)
    names = ("connects", "connections", "pool_size", "pool_cached", "pool_waiters")
    assert [found[name] for name in names] == [1, 2, 2, 3, 4]
    assert [found[f"pool_num_{name}"] for name in ("waited", "too_many_waiters")] == [5, 6]
    assert [found[f"{name}connect_latency_ms.max"] for name in ("", "failed_")] == [7.0, 8.0]


@pytest.mark.parametrize(
    ("limits", "more"),
    [
        (PoolLimits(fail_fast=True), {"failfast"}),
        (PoolLimits(session_idle_seconds=60), {"expired"}),
        (PoolLimits(session_life_seconds=60), {"expired"}),
    ],
)
def test_what_the_limits_do_not_ask_for_is_not_shown(limits: PoolLimits, more: set[str]) -> None:
    asked, plain = Metrics(), Metrics()

    show_pool(PoolStats(), asked, asked.histogram("request_latency_ms"), limits)
    show_pool(PoolStats(), plain, plain.histogram("request_latency_ms"), PoolLimits())

    assert {name.partition("/")[0] for name in numbers(asked).keys() - numbers(plain).keys()} == more
