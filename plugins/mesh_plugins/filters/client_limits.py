"""Limits what one client, all its endpoints together, takes on at a time: attempts, and the repeats among them.

Its connections, and the requests that wait for one, are counted and limited by its pools, and shown here with the rest.
Source: Envoy, circuit breakers of a cluster.
"""

import attrs

from mesh import (
    OTHER,
    POOL_LIMITS,
    POOL_STATS,
    AnyService,
    Make,
    MeshError,
    Metrics,
    Module,
    Overloaded,
    Param,
    Params,
    PoolStats,
    Reply,
    Request,
    bind,
)
from mesh_plugins.scopes import client_scope

UNLIMITED = 2**31 - 1


@attrs.frozen
class AttemptLimits:
    """How many attempts may be in progress, and how many of those may be repeats."""

    attempts: int = UNLIMITED
    repeats: int = UNLIMITED


ATTEMPT_LIMITS = Param(AttemptLimits(), "attempt limits")


class RepeatRefused(Overloaded):
    """The client has as many repeats in progress as it may; nothing was sent."""


def stands(before: Reply | MeshError, now: Reply | MeshError) -> bool:
    """Return whether the answer that a request had before is still its answer, as the repeat was refused.

    A reply is closed by then: only one that is in memory can still be given.
    """
    return isinstance(now, RepeatRefused) and (isinstance(before, MeshError) or before.whole)


class ClientLimits:
    """The filter of one client. State: the attempts in progress and the repeats among them; it changes between awaits."""

    __slots__ = ("_limits", "attempts", "attempts_overflow", "repeats", "repeats_overflow")

    def __init__(self, limits: AttemptLimits) -> None:
        self._limits = limits
        self.attempts = self.repeats = 0
        self.attempts_overflow = self.repeats_overflow = 0

    async def __call__(self, request: Request, service: AnyService, /) -> Reply:
        repeat = request.context.attempt > 0
        if self.attempts >= self._limits.attempts:
            self.attempts_overflow += 1
            raise Overloaded(f"more than {self._limits.attempts} requests to this client at a time")
        if repeat and self.repeats >= self._limits.repeats:
            self.repeats_overflow += 1
            raise RepeatRefused(f"more than {self._limits.repeats} repeated requests to this client at a time")
        self.attempts += 1
        self.repeats += repeat
        try:
            reply: Reply = await service(request)
        except BaseException:
            self._release(repeat)
            raise
        if reply.whole:
            self._release(repeat)
        else:
            reply.on_close(lambda: self._release(repeat))
        return reply

    def _release(self, repeat: bool) -> None:
        self.attempts -= 1
        self.repeats -= repeat


def client_limits(params: Params, rest: Make) -> AnyService:
    """Wrap the rest of a client stack; nothing is added without a limit on attempts or repeats."""
    limits, pool = params[ATTEMPT_LIMITS], params[POOL_LIMITS]
    is_limited = limits != AttemptLimits()
    limiter = ClientLimits(limits)
    if is_limited or min(pool.max_connections, pool.max_pending) < UNLIMITED:
        scope = client_scope(params)
        if scope.name != OTHER:
            _show(limiter, params[POOL_STATS], scope.scope("circuit_breakers"))
    below = rest(params)
    return bind(limiter, below) if is_limited else below


def _show(limiter: ClientLimits, pool: PoolStats, scope: Metrics) -> None:
    scope.gauge("requests", fn=lambda: limiter.attempts)
    scope.gauge("retries", fn=lambda: limiter.repeats)
    scope.gauge("pending_requests", fn=lambda: pool.pending)
    scope.counter("requests_overflow", fn=lambda: limiter.attempts_overflow)
    scope.counter("retries_overflow", fn=lambda: limiter.repeats_overflow)
    scope.counter("pending_requests_overflow", fn=lambda: pool.pending_overflow)
    scope.counter("connections_overflow", fn=lambda: pool.connections_overflow)


CLIENT_LIMITS = Module(
    "client_limits",
    client_limits,
    above=("balancer",),
    below=("client_scope", "requeues"),
    why="each repeat counts, and shows what the pools of the client share",
    section="client",
)
