"""Tells the next hop which trace a request belongs to; each attempt is a span of its own.

1 µs a request. One that belongs to none begins a trace here, with its first attempt.
Source: linkerd router/core, TraceInitializer.scala (`ClientFilter`).
"""

import random
import time
from collections.abc import Awaitable, Iterator
from itertools import chain, islice, repeat

from mesh import (
    AnyService,
    Fields,
    HttpReply,
    HttpRequest,
    Make,
    Module,
    Params,
    Propagator,
    TraceId,
    bind,
    new_traces,
    span_ids,
    without,
)
from mesh_plugins.http.request_fields import PROPAGATOR

AT_ONCE = 64  # traces that are begun together, which takes each half the time


class TraceFields:
    """Writes the id of a span below the request's own."""

    __slots__ = ("_begun", "_ids", "_write")

    def __init__(self, propagator: Propagator, source: random.Random) -> None:
        self._ids = span_ids(source)
        self._write = propagator.write
        self._begun = _begun(propagator, source)

    def __call__(self, request: HttpRequest, service: AnyService, /) -> Awaitable[HttpReply]:
        context = request.context
        trace = context.trace
        if trace is None:
            context.trace, context.span, fields = next(self._begun)
            request.headers += fields
        else:
            if context.span is not None:  # an attempt before this one has left its own
                written = frozenset(name for name, _value in self._write(context.span))
                request.headers = without(request.headers, *written)
            context.span = span = trace.child(next(self._ids))
            request.headers += self._write(span)
        return service(request)


def _begun(propagator: Propagator, source: random.Random) -> Iterator[tuple[TraceId, TraceId, Fields]]:
    """Return new traces, without end: the id of a request, that of its first attempt, and how the latter travels."""
    traces, ids = new_traces(source, time.time if propagator.is_wide else None), span_ids(source)
    at_once = 1 if propagator.is_wide else AT_ONCE  # wide ones tell the time
    return chain.from_iterable(_some(propagator, islice(traces, at_once), ids) for _ in repeat(None))


def _some(
    propagator: Propagator, traces: Iterator[TraceId], ids: Iterator[bytes]
) -> list[tuple[TraceId, TraceId, Fields]]:
    write, begun = propagator.write, []
    for trace in traces:
        span = trace.child(next(ids))
        begun.append((trace, span, write(span)))
    return begun


def _trace_fields(params: Params, rest: Make) -> AnyService:
    propagator = params[PROPAGATOR]
    if propagator is None:
        return rest(params)
    return bind(TraceFields(propagator, random.Random()), rest(params), "trace_fields")


TRACE_FIELDS = Module(
    "trace_fields",
    _trace_fields,
    below=("binding",),
    why="a retry is another call, and a span of its own",
    section="client",
)
