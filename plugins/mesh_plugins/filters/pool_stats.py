"""Statistics of a client's pools and connections, with Finagle's names."""

import math

from mesh import Histogram, Metrics, PoolLimits, PoolStats, ZeroFilledHistogram


def show_pool(pool: PoolStats, scope: Metrics, latency: Histogram, limits: PoolLimits) -> None:
    """Show what the pools of a client do among its metrics, as far as the limits ask for it.

    `latency` has a value of every attempt.
    """
    creation = scope.scope("service_creation")
    pool.acquired = creation.histogram(
        "service_acquisition_latency_ms", make=lambda rotation: ZeroFilledHistogram(rotation, latency)
    ).add
    pool.traffic.lasted = scope.histogram("connection_duration").add
    scope.counter("received_bytes", fn=lambda: pool.traffic.received)
    scope.counter("sent_bytes", fn=lambda: pool.traffic.sent)
    pool.connected = scope.histogram("connect_latency_ms").add
    pool.failed = scope.histogram("failed_connect_latency_ms").add
    scope.counter("connects", fn=lambda: pool.connects)
    scope.gauge("connections", fn=lambda: pool.size)
    scope.gauge("pool_size", fn=lambda: pool.size)
    scope.gauge("pool_cached", fn=lambda: pool.cached)
    scope.gauge("pool_waiters", fn=lambda: pool.waiters)
    scope.counter("pool_num_waited", fn=lambda: pool.waited)
    scope.counter("pool_num_too_many_waiters", fn=lambda: pool.too_many_waiters)
    if limits.fail_fast:
        _show_fail_fast(pool, scope)
    if min(limits.session_idle_seconds, limits.session_life_seconds) < math.inf:
        scope.scope("expired").counter("idle", fn=lambda: pool.expired_idle)
        scope.scope("expired").counter("lifetime", fn=lambda: pool.expired_lifetime)


def _show_fail_fast(pool: PoolStats, scope: Metrics) -> None:
    """Show what is known of connecting to a client's endpoints, added up."""
    reach, own = pool.reach, scope.scope("failfast")
    own.counter("marked_dead", fn=lambda: reach.marked_dead)
    own.counter("marked_available", fn=lambda: reach.marked_available)
    own.gauge("is_marked_dead", fn=lambda: len(reach.dead))
    own.gauge("unhealthy_for_ms", fn=lambda: sum(dead.seconds for dead in reach.dead) * 1e3)
    own.gauge("unhealthy_num_tries", fn=lambda: sum(dead.tries for dead in reach.dead))
