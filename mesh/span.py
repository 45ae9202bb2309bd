"""Spans: what a trace, or a list of requests, is told of each call that has ended.

There are two sorts: a request as its server saw it, and each attempt to have it answered by an endpoint. Nothing is built for
them, and nothing costs anything, unless a telemeter wants to be told (`SPAN_SINKS`).
"""

from collections.abc import Callable
from enum import Enum
from typing import Any

import attrs

from mesh.params import Param
from mesh.trace import TraceId


class SpanKind(Enum):
    """Which side of a call a span was seen from."""

    SERVER = "server"
    CLIENT = "client"


@attrs.define(eq=False)
class Span:
    """One call that has ended: its last byte has gone, or it failed.

    `trace` is the span's own id, None where no trace is kept. `started` is seconds since 1970. `source` is the peer of a
    server's span, `server` the address that it came to; both are empty for an attempt. `path` is the logical name, `bound` the
    bound one, `endpoint` where it went: each None if the call did not get so far. `method`, `target` and `status` are the
    protocol's, empty and 0 where it has none, or there was no reply. `flags` say why it failed, as in `Context`; `is_success`
    is what became of it, None if nobody can tell.
    """

    kind: SpanKind
    trace: TraceId | None
    started: float
    seconds: float
    router: str
    source: str = ""
    server: str = ""
    path: Any = None
    bound: Any = None
    endpoint: Any = None
    method: bytes = b""
    target: bytes = b""
    status: int = 0
    attempt: int = 0
    flags: str = ""
    is_success: bool | None = None


SpanSink = Callable[[Span], None]
"""Is told of a span when it has ended; does not await, and keeps the span as long as it likes."""

SPAN_SINKS: Param[tuple[SpanSink, ...]] = Param((), "span sinks")
"""Who is told of spans: nobody, unless the stack file has a telemeter that wants them."""
