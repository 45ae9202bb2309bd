"""Tells telemeters of every request and of every attempt, once its last byte has gone or it has failed.

Nothing is built where no telemeter wants to know; otherwise a request pays 3 µs, and as much for each attempt, besides what
the telemeter does.
"""

import logging
import time
from collections.abc import Callable

import trio

from mesh import (
    ROUTER_LABEL,
    SERVER_LABEL,
    SPAN_SINKS,
    AnyService,
    HttpReply,
    HttpRequest,
    Make,
    Module,
    Params,
    Reply,
    Request,
    Span,
    SpanKind,
    SpanSink,
    bind,
)

logger = logging.getLogger(__name__)

Begin = Callable[[Request], Span]
"""Returns the span of a request, as far as it is known when it comes."""


class Spans:
    """Makes a span of each request, by `begin`, and tells every sink of it when it has ended. A sink that raises is logged."""

    __slots__ = ("_begin", "_sinks")

    def __init__(self, sinks: tuple[SpanSink, ...], begin: Begin) -> None:
        self._sinks = sinks
        self._begin = begin

    async def __call__(self, request: Request, service: AnyService, /) -> Reply:
        span = self._begin(request)
        started = trio.current_time()
        try:
            reply: Reply = await service(request)
        except BaseException:
            span.is_success = False
            self._end(span, request, started)
            raise
        if isinstance(reply, HttpReply):
            span.status = reply.status

        def end() -> None:
            span.is_success = reply.outcome
            if reply.outcome is None and span.status:
                span.is_success = span.status < 500
            self._end(span, request, started)

        reply.on_close(end)
        return reply

    def _end(self, span: Span, request: Request, started: float) -> None:
        context = request.context
        span.method = span.method or _method(request)  # which some protocols know once the call was named
        span.seconds = trio.current_time() - started
        span.started = time.time() - span.seconds
        span.trace = context.trace if span.kind is SpanKind.SERVER else context.span
        span.path, span.bound, span.endpoint = context.path, context.bound, context.endpoint
        span.flags, span.attempt = context.flags, context.attempt
        for sink in self._sinks:
            try:
                sink(span)
            except Exception:
                logger.exception("a telemeter raised when it was told of a request")


def _begun(kind: SpanKind, router: str, source: str, server: str, request: Request) -> Span:
    target = request.target if isinstance(request, HttpRequest) else b""
    return Span(kind, None, 0.0, 0.0, router, source, server, method=_method(request), target=target)


def _method(request: Request) -> bytes:
    method: bytes = getattr(request, "method", b"")  # as protocols that have one call it
    return method


def _of_requests(params: Params, rest: Make) -> AnyService:
    router, server = params[ROUTER_LABEL], params[SERVER_LABEL]

    def begin(request: Request) -> Span:
        return _begun(SpanKind.SERVER, router, request.context.peer, server, request)

    return _wrapped(params, rest, begin, "spans")


def _of_attempts(params: Params, rest: Make) -> AnyService:
    router = params[ROUTER_LABEL]

    def begin(request: Request) -> Span:
        return _begun(SpanKind.CLIENT, router, "", "", request)

    return _wrapped(params, rest, begin, "attempt_spans")


def _wrapped(params: Params, rest: Make, begin: Begin, role: str) -> AnyService:
    sinks = params[SPAN_SINKS]
    return bind(Spans(sinks, begin), rest(params), role) if sinks else rest(params)


SPANS = Module(
    "spans",
    _of_requests,
    above=("server_stats", "errors"),
    why="tells of the replies that errors become",
    section="server",
    records=True,
)
ATTEMPT_SPANS = Module(
    "attempt_spans",
    _of_attempts,
    above=("pool",),
    why="each attempt is a span of its own",
    section="endpoint",
    records=True,
)
