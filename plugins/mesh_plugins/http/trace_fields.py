"""Tells the next hop which trace a request belongs to; each attempt is a span of its own.

1 µs a request. One that belongs to none begins a trace here, with its first attempt.
Source: linkerd router/core, TraceInitializer.scala (`ClientFilter`).
"""

import random
import time
from collections.abc import Awaitable, Callable

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
    new_calls,
    span_ids,
    without,
)
from mesh_plugins.http.request_fields import PROPAGATOR

AT_ONCE = 64  # traces that are begun together, which takes each half the time


class TraceFields:
    """Writes the id of a span below the request's own. State: the traces that are ready for the requests to come."""

    __slots__ = ("_at_once", "_begun", "_ids", "_now", "_source", "_write")

    def __init__(self, propagator: Propagator, source: random.Random) -> None:
        self._source = source
        self._ids = span_ids(source)
        self._write = propagator.write
        # Wide ones tell the time.
        self._now: Callable[[], float] | None = time.time if propagator.is_wide else None
        self._at_once = 1 if propagator.is_wide else AT_ONCE
        self._begun: list[tuple[TraceId, TraceId, Fields]] = []

    def __call__(self, request: HttpRequest, service: AnyService, /) -> Awaitable[HttpReply]:
        context = request.context
        trace = context.trace
        if trace is None:
            begun = self._begun or self._begin()
            context.trace, context.span, fields = begun.pop()
            request.headers += fields
        else:
            if context.span is not None:  # an attempt before this one has left its own
                written = frozenset(name for name, _value in self._write(context.span))
                request.headers = without(request.headers, *written)
            context.span = span = trace.child(next(self._ids))
            request.headers += self._write(span)
        return service(request)

    def _begin(self) -> list[tuple[TraceId, TraceId, Fields]]:
        """Make some more traces: the id of a request, that of its first attempt, and how the latter travels."""
        write = self._write
        self._begun = [(trace, span, write(span)) for trace, span in new_calls(self._source, self._at_once, self._now)]
        return self._begun


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
