"""What came beside a call, made use of: its trace, its deadline, its dtab. A call without a header costs 0.1 µs.

Contexts that are not known here are passed on as they are. A server that does not trust its clients believes none of it, and
passes none of it on, but for the destination, which is what the call is addressed to.
Source: finagle-thrift, TTwitterServerFilter.scala; finagle-core, context/Deadline.scala.
"""

import random
import struct
import time
from collections.abc import Awaitable, Callable, Iterator

import trio

from mesh import (
    METRICS,
    SERVER_LABEL,
    AnyService,
    BadRequestContext,
    Counter,
    DeadlineExceeded,
    Dtab,
    Expiry,
    Make,
    Module,
    NameSyntaxError,
    Param,
    Params,
    bind,
    new_traces,
    sooner,
    span_ids,
)
from mesh_plugins.thrift.header import DEADLINE_CONTEXT, Contexts, RequestHeader
from mesh_plugins.thrift.message import ThriftReply, ThriftRequest
from mesh_plugins.thrift.outgoing import DEADLINE, NANOSECONDS

MEMO = 256  # overrides remembered, read once each; cleared when full
LONGEST = 8192  # bytes of an override that is read at all
NO_DEADLINE = (1 << 63) - 1

Clock = Callable[[], float]
WallClock = Callable[[], int]
"""Returns ns since 1970."""

TRUSTS = Param(True, "trusts headers")
"""Whether a server believes what its clients say beside their calls."""
BEGINS_TRACES = Param(False, "begins traces")
"""Whether the endpoints of a client are told of traces, so that calls without one get one."""


class HeaderReader:
    """Gives a call the trace, the expiry and the override that came beside it.

    Raises `DeadlineExceeded` if the deadline has passed, and `BadRequestContext` for an override that cannot be read.
    """

    __slots__ = ("_clock", "_memo", "_rejected", "_spans", "_trusts", "_wall_clock")

    def __init__(
        self, rejected: Counter, spans: Iterator[bytes], clock: Clock, wall_clock: WallClock, *, trusts: bool = True
    ) -> None:
        self._rejected = rejected
        self._spans = spans
        self._clock = clock
        self._wall_clock = wall_clock
        self._trusts = trusts
        self._memo: dict[tuple[tuple[bytes, bytes], ...], Dtab] = {}

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
            context.local_dtab = self._dtab(header.delegations)
        packed = header.context(DEADLINE_CONTEXT)
        if packed is not None:
            self._bound(request, packed)

    def _bound(self, request: ThriftRequest, packed: bytes) -> None:
        try:
            stamp, deadline = DEADLINE.unpack(packed)
        except struct.error:
            return
        if deadline == NO_DEADLINE:
            return
        left = (deadline - max(self._wall_clock(), stamp)) / NANOSECONDS  # a sender's clock may be ahead
        if left < 0.0:
            self._rejected.value += 1
            raise DeadlineExceeded(
                f"the deadline of the request had passed {-left:.3f} s before it arrived, so nothing was done for it "
                "(unless the clocks of the hosts are not in step)"
            )
        message = f"the deadline of the request has passed, {left:.3f} s after it arrived"
        ours = Expiry(self._clock() + left, DeadlineExceeded, message, stays=True)
        request.context.expiry = sooner(request.context.expiry, ours)

    def _dtab(self, delegations: Contexts) -> Dtab:
        key = tuple(delegations)
        dtab = self._memo.get(key)
        if dtab is None:
            text = ";".join(f"{src.decode('latin-1')}=>{dst.decode('latin-1')}" for src, dst in delegations)
            if len(text) > LONGEST:
                raise BadRequestContext(f"a dtab override of {len(text)} bytes is longer than {LONGEST}")
            try:
                dtab = Dtab.read(text)
            except NameSyntaxError as error:
                raise BadRequestContext(str(error)) from error
            if len(self._memo) >= MEMO:
                self._memo.clear()
            self._memo[key] = dtab
        return dtab


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
    scope = params[METRICS].scope("server", params[SERVER_LABEL], label=True).scope("admission_control")
    clock = trio.lowlevel.current_clock().current_time
    rejected = scope.counter("deadline", "rejected")
    reader = HeaderReader(rejected, span_ids(random.Random()), clock, time.time_ns, trusts=params[TRUSTS])
    return bind(reader, rest(params), "request_header")


def _trace_ids(params: Params, rest: Make) -> AnyService:
    return bind(TraceIds(random.Random()), rest(params), "trace_ids") if params[BEGINS_TRACES] else rest(params)


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
