"""Counts calls by their method and their status, as they end for the client.

Under `grpc/<package.Service>/<Method>` of the router: `requests`, `status/<NAME>`, and the histogram `duration_ms`, to the last
byte. A method gets a place of its own when an endpoint has answered a call of it with any status but `UNIMPLEMENTED`, so that
nobody can fill the metrics with methods that they invent; the others are counted as `other`.
"""

import time

import attrs
import trio

from mesh import METRICS as ROUTER_METRICS
from mesh import (
    OTHER,
    AnyService,
    ClientGone,
    Counter,
    HttpReply,
    HttpRequest,
    Make,
    Metrics,
    Module,
    Params,
    bind,
    field,
)
from mesh_plugins.grpc.content import is_grpc
from mesh_plugins.grpc.status import Code, read_status

SCOPE = "grpc"


@attrs.frozen
class GrpcStatsConfig:
    """Counts calls by their method and their status."""


class MethodStats:
    """The metrics of one method."""

    __slots__ = ("_scope", "_statuses", "duration", "requests")

    def __init__(self, scope: Metrics) -> None:
        self._scope = scope.scope("status")
        self._statuses: dict[Code, Counter] = {}
        self.requests = scope.counter("requests")
        self.duration = scope.histogram("duration_ms")

    def ended(self, code: Code, seconds: float) -> None:
        """Count a call that came to its end."""
        self.requests.value += 1
        self.duration.add(seconds * 1e3)
        counter = self._statuses.get(code)
        if counter is None:
            counter = self._statuses[code] = self._scope.counter(code.name)
        counter.value += 1


class Methods:
    """The filter of one router's servers; they share its metrics. Costs 2 µs a call."""

    __slots__ = ("_known", "_metrics", "_other")

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics.scope(SCOPE)
        self._known: dict[bytes, MethodStats] = {}
        self._other: MethodStats | None = None

    async def __call__(self, request: HttpRequest, service: AnyService, /) -> HttpReply:
        if request.method != b"POST" or not is_grpc(request.headers):
            passed: HttpReply = await service(request)
            return passed
        started, target = time.perf_counter(), request.target
        try:
            reply: HttpReply = await service(request)
        except trio.Cancelled:
            self._find(target).ended(Code.CANCELLED, time.perf_counter() - started)
            raise
        if reply.whole:
            self._ended(request, target, reply, started)
        else:
            reply.on_close(lambda: self._ended(request, target, reply, started))
        return reply

    def _ended(self, request: HttpRequest, target: bytes, reply: HttpReply, started: float) -> None:
        code = read_status(reply.body.trailers)
        if code is None:
            code = read_status(reply.headers)
        if code is None:
            code = Code.CANCELLED if reply.closed and not reply.whole else Code.UNKNOWN
        if request.context.flags.startswith(ClientGone.flag):
            code = Code.CANCELLED
        stats = self._known.get(target)
        if stats is None:
            own = code is not Code.UNIMPLEMENTED and field(reply.headers, b"l5d-err") is None
            stats = self._make(target) if own else self._find(target)
        stats.ended(code, time.perf_counter() - started)

    def _find(self, target: bytes) -> MethodStats:
        """Return the metrics of a method that is known; of all others together."""
        found = self._known.get(target)
        if found is not None:
            return found
        if self._other is None:
            self._other = MethodStats(self._metrics.scope(OTHER, label=True))
        return self._other

    def _make(self, target: bytes) -> MethodStats:
        scope = self._metrics.scope(target.decode("latin-1").removeprefix("/"), label=True)
        if scope.name == OTHER:
            return self._find(target)
        made = self._known[target] = MethodStats(scope)
        return made


def grpc_stats(_config: GrpcStatsConfig) -> Module:
    """Return the module of the kind `io.l5d.grpcStats`."""

    def wrap(params: Params, rest: Make) -> AnyService:
        return bind(Methods(params[ROUTER_METRICS]), rest(params), "grpc_stats")

    return Module(
        "grpc_stats",
        wrap,
        above=("grpc_endings", "errors"),
        why="counts calls with the status that their client is told",
        records=True,
    )
