"""Limits how often requests pass: a token bucket for the router, or for each name, client or value of a header.

A bucket is one number, the time at which it will be full, so that a table of them is small and needs no task to fill them
(the generic cell rate algorithm of ATM, which is the same as a token bucket). Source of the fields of a refusal:
draft-ietf-httpapi-ratelimit-headers-03, as Envoy sends them; RFC 6585 section 4.
"""

import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Literal

import attrs
import trio

from mesh import (
    METRICS,
    WORKERS,
    AnyService,
    Counter,
    Fields,
    HttpReply,
    HttpRequest,
    Make,
    Module,
    Params,
    RateLimited,
    Reply,
    Request,
    bind,
    key,
)
from mesh_plugins.http.protocols import OF_HTTP

ROUNDING = 1e-9  # of a second: sums of floats must not refuse the last token of a full bucket


@attrs.frozen
class RateLimitConfig:
    """Lets so many requests pass in a time, and refuses more with 429. Raises `ValueError` for keys that do not go together."""

    requests: int = key("How many requests pass in `seconds`, in the long run.", least=1)
    seconds: float = key("The time in which they pass, in seconds.", 1.0, least=0.001)
    burst: int | None = key("How many may pass at once after a pause; as many as `requests` by default.", None, least=1)
    by: Literal["router", "name", "client", "header"] = key(
        "What has a bucket of its own: the `router` as a whole, each logical `name`, each `client` address, or each value of "
        "a `header`.",
        "router",
    )
    header: str = key(
        "The header whose values have buckets, for `by: header`; requests without it share one.", "", protocols=OF_HTTP
    )
    max_keys: int = key(
        "How many buckets there are at most; the one used longest ago makes room, and is full when it comes back.",
        10000,
        least=1,
    )
    show_always: bool = key("Every reply says what is left of its bucket, not only refusals.", False)

    def __attrs_post_init__(self) -> None:
        if (self.by == "header") != bool(self.header):
            raise ValueError("'header' names the header of `by: header`, and belongs to it alone")


class Buckets:
    """Token buckets by key. State: when each will be full, in the order of their last use; it changes between awaits."""

    __slots__ = ("_full_at", "_max_keys", "_pause", "_room", "burst")

    def __init__(self, requests: int, seconds: float, burst: int, max_keys: int) -> None:
        self.burst = burst
        self._pause = seconds / requests
        self._room = burst * self._pause + ROUNDING
        self._max_keys = max_keys
        self._full_at: OrderedDict[Hashable, float] = OrderedDict()

    def take(self, bucket: Hashable, now: float) -> float:
        """Take a token and return 0; if there is none, return after how many seconds there will be."""
        full_at = self._full_at
        then = full_at.get(bucket)
        if then is None:
            if len(full_at) >= self._max_keys:
                full_at.popitem(last=False)
            then = now
        else:
            full_at.move_to_end(bucket)
            then = max(then, now)
        after = then + self._pause
        if after - now > self._room:
            return after - now - self._room + ROUNDING
        full_at[bucket] = after
        return 0.0

    def left(self, bucket: Hashable, now: float) -> tuple[int, float]:
        """Return how many tokens are left in a bucket, and after how many seconds it will be full."""
        wait = max(self._full_at.get(bucket, now) - now, 0.0)
        return int((self._room - wait) / self._pause), wait

    def __len__(self) -> int:
        return len(self._full_at)


class RateLimit:
    """The filter; the stacks of one entry of a stack file share its buckets."""

    __slots__ = ("_buckets", "_clock", "_key_of", "_refused", "_show_always", "_what")

    def __init__(
        self,
        config: RateLimitConfig,
        buckets: Buckets,
        clock: Callable[[], float],
        refused: Counter,
    ) -> None:
        self._buckets = buckets
        self._clock = clock
        self._refused = refused
        self._show_always = config.show_always
        self._key_of = _key_of(config)
        self._what = f"more than {config.requests} requests in {config.seconds:g} s {_whose(config)}"

    def __call__(self, request: Request, service: AnyService, /) -> Awaitable[Reply]:
        now = self._clock()
        bucket = self._key_of(request)
        wait = self._buckets.take(bucket, now)
        if wait:
            raise self._refusal(bucket, now, wait)
        return self._shown(request, service, bucket) if self._show_always else service(request)

    def _refusal(self, bucket: Hashable, now: float, wait: float) -> RateLimited:
        self._refused.value += 1
        _left, reset = self._buckets.left(bucket, now)
        return RateLimited(
            f"{self._what}; try again in {math.ceil(wait)} s",
            limit=self._buckets.burst,
            retry_seconds=wait,
            reset_seconds=reset,
        )

    async def _shown(self, request: Request, service: AnyService, bucket: Hashable) -> Reply:
        reply: Reply = await service(request)
        if isinstance(reply, HttpReply):
            left, reset = self._buckets.left(bucket, self._clock())
            reply.headers = reply.headers + _fields(self._buckets.burst, left, reset)
        return reply


def _fields(limit: int, left: int, reset: float) -> Fields:
    return [
        (b"x-ratelimit-limit", b"%d" % limit),
        (b"x-ratelimit-remaining", b"%d" % left),
        (b"x-ratelimit-reset", b"%d" % math.ceil(reset)),
    ]


def _whose(config: RateLimitConfig) -> str:
    match config.by:
        case "router":
            return "through this router"
        case "name":
            return "for this name"
        case "client":
            return "from this client"
        case "header":
            return f"with this value of {config.header}"


def _key_of(config: RateLimitConfig) -> Callable[[Request], Hashable]:
    match config.by:
        case "router":
            return lambda _request: None
        case "name":
            return lambda request: request.context.path
        case "client":
            return lambda request: request.context.peer.rpartition(":")[0]
        case "header":
            name = config.header.lower().encode("latin-1")
            return lambda request: _value(request, name)


def _value(request: Request, name: bytes) -> bytes | None:
    if isinstance(request, HttpRequest):
        for field, value in request.headers:
            if field == name:
                return value
    return None


def rate_limit(config: RateLimitConfig) -> Module:
    """Return the module of one entry of a stack file, whose stacks share its buckets."""
    by_workers: dict[int, Buckets] = {}  # of one number in a process; made when that is known

    def wrap(params: Params, rest: Make) -> AnyService:
        workers = params[WORKERS]
        buckets = by_workers.get(workers)
        if buckets is None:
            burst = max(1, round((config.burst or config.requests) / workers))
            seconds = config.seconds * workers
            buckets = by_workers[workers] = Buckets(config.requests, seconds, burst, config.max_keys)
        clock = trio.lowlevel.current_clock().current_time
        refused = params[METRICS].scope("rate_limit").counter("refused")
        return bind(RateLimit(config, buckets, clock, refused), rest(params))

    return Module(
        "rate_limit",
        wrap,
        below=("errors", "router") if config.by == "name" else ("errors",),
        why="a refusal becomes a reply there, and a name is known only below the router",
    )
