"""The filters that read what a call carries beside its payload, and that write it for each attempt.

Source: finagle-core, context/*.scala; finagle-mux, transport/Message.scala; linkerd router/mux, MuxEncodeResidual.scala.
"""

import random
import time
from collections.abc import Awaitable, Iterator

import trio

from mesh import (
    WILDCARD,
    AnyService,
    Dtab,
    Make,
    Module,
    Param,
    Params,
    TraceId,
    bind,
    new_traces,
    span_ids,
)
from mesh_plugins.filters.deadlines import Deadlines
from mesh_plugins.finagle.contexts import DEADLINE, RETRIES, TRACE, read_deadline
from mesh_plugins.mux.message import MuxReply, MuxRequest
from mesh_plugins.scopes import server_scope

TRUSTS_CONTEXTS = Param(True, "trusts contexts")
"""Whether clients may say which trace a call belongs to, how long it has, how it is routed, and anything else beside it."""


class ReadContexts:
    """Reads the trace, the deadline and the override of a call. Raises `DeadlineExceeded`. Costs 1 µs."""

    __slots__ = ("_deadlines",)

    def __init__(self, deadlines: Deadlines) -> None:
        self._deadlines = deadlines

    def __call__(self, request: MuxRequest, service: AnyService, /) -> Awaitable[MuxReply]:
        context, found = request.context, request.contexts
        kept = None
        for place, (name, value) in enumerate(found):
            if name == TRACE:
                if len(value) in TRACE_SIZES:
                    context.trace = TraceId(value)
            elif name == DEADLINE:
                request.deadline = value
            elif name != RETRIES:
                if kept is None:
                    kept = []
                kept.append(found[place])
        request.contexts = [] if kept is None else kept
        if request.deadline is not None:
            self._enforce(request, request.deadline)
        if request.dtab is not None and len(request.dtab):
            context.local_dtab = request.dtab
        return service(request)

    def _enforce(self, request: MuxRequest, value: bytes) -> None:
        times = read_deadline(value)
        if times is None:
            request.deadline = None
        else:
            self._deadlines.apply(request.context, *times)


TRACE_SIZES = frozenset({32, 40})


def forget_contexts(request: MuxRequest, service: AnyService) -> Awaitable[MuxReply]:
    """Hand a call on with its payload and its destination alone: strangers may say no more."""
    request.contexts = []
    request.dtab = None
    return service(request)


class WriteContexts:
    """Gives each attempt its own span, below that of the call, and the residual path for its destination. Costs 1.5 µs.

    Delegations with `*` are left out: a server made with Finagle ends the connection, all calls on it, when it reads one.
    """

    __slots__ = ("_ids", "_traces")

    def __init__(self, source: random.Random) -> None:
        self._ids: Iterator[bytes] = span_ids(source)
        self._traces = new_traces(source)

    def __call__(self, request: MuxRequest, service: AnyService, /) -> Awaitable[MuxReply]:
        context = request.context
        trace = context.trace
        if trace is None:
            context.trace = trace = next(self._traces)
        context.span = trace.child(next(self._ids))
        request.destination = context.bound.residual
        if context.local_dtab is not None:
            request.dtab = sendable(context.local_dtab)
        return service(request)


def sendable(dtab: Dtab) -> Dtab | None:
    """Return the delegations that any server can read; None if there are none."""
    plain = tuple(dentry for dentry in dtab if WILDCARD not in dentry.prefix.elems)
    if len(plain) == len(dtab):
        return dtab
    return Dtab(plain) if plain else None


def _read(params: Params, rest: Make) -> AnyService:
    below = rest(params)
    if not params[TRUSTS_CONTEXTS]:
        return bind(forget_contexts, below, "contexts")
    scope = server_scope(params)
    clock = trio.lowlevel.current_clock().current_time
    rejected = scope.counter("admission_control", "deadline", "rejected")
    deadlines = Deadlines(rejected, scope.histogram("transit_latency_ms"), clock, time.time_ns)
    return bind(ReadContexts(deadlines), below, "contexts")


def _write(params: Params, rest: Make) -> AnyService:
    return bind(WriteContexts(random.Random()), rest(params), "attempt_contexts")


CONTEXTS = Module(
    "contexts",
    _read,
    above=("router",),
    below=("errors",),
    why="the binding needs the override of the call, and work that is late is not begun",
    section="server",
)
ATTEMPT_CONTEXTS = Module(
    "attempt_contexts",
    _write,
    below=("binding",),
    why="a retry is another call, a span of its own, and may lead to another bound name",
    section="client",
)
