"""Tells the next hop which trace a request belongs to; each attempt is a span of its own.

0.9 µs a request. Source: linkerd router/core, TraceInitializer.scala (`ClientFilter`).
"""

import random
from collections.abc import Awaitable

from mesh import AnyService, HttpReply, HttpRequest, Make, Module, Params, Propagator, TraceId, bind, span_ids, without
from mesh_plugins.http.request_fields import PROPAGATOR


class TraceFields:
    """Writes the id of a span below the request's own. A request without a trace is left as it is."""

    __slots__ = ("_ids", "_write")

    def __init__(self, propagator: Propagator, source: random.Random) -> None:
        self._ids = span_ids(source)
        self._write = propagator.write

    def __call__(self, request: HttpRequest, service: AnyService, /) -> Awaitable[HttpReply]:
        context = request.context
        trace = context.trace
        if trace is not None:
            if context.span is not None:  # an attempt before this one has left its own
                written = frozenset(name for name, _value in self._write(context.span))
                request.headers = without(request.headers, *written)
            packed = trace.packed
            context.span = span = TraceId(next(self._ids) + packed[:8] + packed[16:])  # `child`, without its call
            request.headers += self._write(span)
        return service(request)


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
