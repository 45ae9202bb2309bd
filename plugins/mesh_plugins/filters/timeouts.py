"""Timeouts of a request and of each attempt, to the head of the reply.

They start no timer and open no scope: the request carries the earliest moment that ends it, and whoever waits for it is
bounded by that. Source: finagle-core, TimeoutFilter.scala; linkerd router/core, TotalTimeout.scala.
"""

from collections.abc import Awaitable, Callable

import trio

from mesh import (
    ENDPOINT,
    PATH,
    AnyService,
    AttemptTimeout,
    Expiry,
    Make,
    Module,
    Param,
    Params,
    Reply,
    Request,
    TotalTimeout,
    bind,
)

Clock = Callable[[], float]
PassOn = Callable[[Request, float], None]
"""Says in a request until when (trio's clock) it is waited for."""

TOTAL_SECONDS: Param[float | None] = Param(None, "total timeout")
ATTEMPT_SECONDS: Param[float | None] = Param(None, "attempt timeout")


def _untold(_request: Request, _at: float) -> None:
    """Tell the next hop nothing."""


PASS_ON: Param[PassOn] = Param(_untold, "pass the deadline on")
"""How the next hop learns until when a request is waited for; the protocol knows."""


class Total:
    """Bounds a request, every attempt and the pauses between them included. Each attempt tells the next hop."""

    __slots__ = ("_clock", "_message", "_seconds")

    def __init__(self, seconds: float, name: str, clock: Clock) -> None:
        self._seconds = seconds
        self._clock = clock
        self._message = (
            f"exceeded {seconds:g} s to {name} while waiting for a response for the request, "
            "including retries (if applicable)"
        )

    def __call__(self, request: Request, service: AnyService, /) -> Awaitable[Reply]:
        context = request.context
        before, at = context.expiry, self._clock() + self._seconds
        if before is None or at < before.at:
            context.expiry = Expiry(at, TotalTimeout, self._message, before)
        return service(request)


class Attempt:
    """Bounds one attempt at one endpoint, from before it gets a connection. The next attempt has as long again."""

    __slots__ = ("_clock", "_message", "_pass_on", "_seconds")

    def __init__(self, seconds: float, name: str, clock: Clock, pass_on: PassOn) -> None:
        self._seconds = seconds
        self._clock = clock
        self._pass_on = pass_on
        what = "for an individual request, excluding retries"
        self._message = f"exceeded {seconds:g} s to {name} while waiting for a response {what}"

    async def __call__(self, request: Request, service: AnyService, /) -> Reply:
        context = request.context
        before, at = context.expiry, self._clock() + self._seconds
        if before is None or at < before.at:
            context.expiry = Expiry(at, AttemptTimeout, self._message, before)
        else:
            at = before.at
        self._pass_on(request, at)  # each time: an earlier attempt has left its own
        try:
            reply: Reply = await service(request)
            return reply
        finally:
            context.expiry = before


def total_timeout(params: Params, rest: Make) -> AnyService:
    """Wrap the rest of a path stack; nothing is added without a timeout."""
    seconds, below = params[TOTAL_SECONDS], rest(params)
    if seconds is None:
        return below
    clock = trio.lowlevel.current_clock().current_time
    return bind(Total(seconds, params[PATH].show(), clock), below)


def attempt_timeout(params: Params, rest: Make) -> AnyService:
    """Wrap the rest of an endpoint stack; nothing is added without a timeout."""
    seconds, below = params[ATTEMPT_SECONDS], rest(params)
    if seconds is None:
        return below
    clock = trio.lowlevel.current_clock().current_time
    return bind(Attempt(seconds, str(params[ENDPOINT]), clock, params[PASS_ON]), below)


TOTAL_TIMEOUT = Module(
    "total_timeout",
    total_timeout,
    above=("retries", "binding"),
    why="it bounds all attempts and the pauses between them",
    section="service",
)
ATTEMPT_TIMEOUT = Module(
    "attempt_timeout",
    attempt_timeout,
    above=("pool",),
    below=("client_stats", "accrual"),
    why="an attempt that takes too long is a failure of its endpoint, and waiting for a connection is part of it",
    section="endpoint",
)
