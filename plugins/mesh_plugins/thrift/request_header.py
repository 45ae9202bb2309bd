"""What came beside a call, made use of: its trace, its deadline, its dtab. A call without a header costs 0.1 µs.

Contexts that are not known here are passed on as they are. A server that does not trust its clients believes none of it, and
passes none of it on, but for the destination, which is what the call is addressed to.
Source: finagle-thrift, TTwitterServerFilter.scala; finagle-core, context/Deadline.scala.
"""

import random
import time
from collections.abc import Awaitable, Iterator

import trio

from mesh import (
    SPAN_SINKS,
    AnyService,
    Make,
    Module,
    Param,
    Params,
    bind,
    new_traces,
    span_ids,
)
from mesh_plugins.filters.deadlines import Deadlines
from mesh_plugins.finagle.contexts import DEADLINE, read_deadline
from mesh_plugins.scopes import server_scope
from mesh_plugins.thrift.delegations import Delegations
from mesh_plugins.thrift.header import RequestHeader
from mesh_plugins.thrift.message import ThriftReply, ThriftRequest

TRUSTS = Param(True, "trusts headers")
"""Whether a server believes what its clients say beside their calls."""
BEGINS_TRACES = Param(False, "begins traces")
"""Whether the endpoints of a client are told of traces, so that calls without one get one; so they do if spans are recorded."""


class HeaderReader:
    """Gives a call the trace, the expiry and the override that came beside it.

    Raises `DeadlineExceeded` if the deadline has passed, and `BadRequestContext` for an override that cannot be read.
    """

    __slots__ = ("_deadlines", "_delegations", "_spans", "_trusts")

    def __init__(self, deadlines: Deadlines, spans: Iterator[bytes], *, trusts: bool = True) -> None:
        self._deadlines = deadlines
        self._spans = spans
        self._trusts = trusts
        self._delegations = Delegations()

    def __call__(self, request: ThriftRequest, service: AnyService, /) -> Awaitable[ThriftReply]:
        if request.header is not None:
            self._read(request, request.header)
        return service(request)

    def _read(self, request: ThriftRequest, header: RequestHeader) -> None:
        context = request.context
        if not self._trusts:
            request.header = RequestHeader(dest=header.dest)
            return
        if header.trace is not None:
            context.trace = header.trace.child(next(self._spans))
        if header.delegations:
            context.local_dtab = self._delegations.read(header.delegations)
        packed = header.context(DEADLINE)
        times = None if packed is None else read_deadline(packed)
        if times is not None:
            self._deadlines.apply(context, *times)


class TraceIds:
    """Makes each attempt a span of its own, below the call's; a call without a trace begins one with its first attempt."""

    __slots__ = ("_begin", "_ids")

    def __init__(self, source: random.Random) -> None:
        self._ids = span_ids(source)
        self._begin = new_traces(source).__next__

    def __call__(self, request: ThriftRequest, service: AnyService, /) -> Awaitable[ThriftReply]:
        context = request.context
        if context.trace is None:
            context.trace = self._begin()
        context.span = context.trace.child(next(self._ids))
        return service(request)


def _request_header(params: Params, rest: Make) -> AnyService:
    scope = server_scope(params)
    clock = trio.lowlevel.current_clock().current_time
    rejected = scope.counter("admission_control", "deadline", "rejected")
    deadlines = Deadlines(rejected, scope.histogram("transit_latency_ms"), clock, time.time_ns)
    reader = HeaderReader(deadlines, span_ids(random.Random()), trusts=params[TRUSTS])
    return bind(reader, rest(params), "request_header")


def _trace_ids(params: Params, rest: Make) -> AnyService:
    is_traced = params[BEGINS_TRACES] or params[SPAN_SINKS]
    return bind(TraceIds(random.Random()), rest(params), "trace_ids") if is_traced else rest(params)


REQUEST_HEADER = Module(
    "request_header",
    _request_header,
    above=("router",),
    below=("errors",),
    why="the binding needs the override, and work that is late is not begun",
    section="server",
)
TRACE_IDS = Module(
    "trace_ids", _trace_ids, below=("binding",), why="a retry is another call, and a span of its own", section="client"
)
