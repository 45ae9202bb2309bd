"""The telemeter `io.l5d.tracelog`: a line in the log for every span of the traces that are recorded.

Source: linkerd 1.7.5, TracelogInitializer.scala; whether a trace is recorded is decided as in router/core, Sampler.scala.
"""

import logging
import random

import attrs

from mesh import MetricsPage, Span, SpanSink, TraceId, key
from mesh_plugins.access_log.escaping import word
from mesh_plugins.http.sampling import Sampler

logger = logging.getLogger(__name__)

LEVELS = {
    "ALL": 1,
    "TRACE": 5,
    "DEBUG": logging.DEBUG,
    "INFO": logging.INFO,
    "WARNING": logging.WARNING,
    "ERROR": logging.ERROR,
    "CRITICAL": logging.CRITICAL,
    "FATAL": logging.CRITICAL,
}


@attrs.frozen
class TracelogConfig:
    """Writes traces into the log. Raises `ValueError` for a level that there is not."""

    sample_rate: float = key(
        "The share of traces that are written, from 0.0 to 1.0, of those that nobody has decided about.",
        1.0,
        least=0.0,
        most=1.0,
    )
    level: str = key("The level of the lines: `TRACE`, `DEBUG`, `INFO`, `WARNING`, `ERROR` or `CRITICAL`.", "INFO")

    def __attrs_post_init__(self) -> None:
        if self.level.upper() not in LEVELS:
            raise ValueError(f"level: there is no level {self.level}; there are: {', '.join(LEVELS)}")


class Tracelog:
    """The telemeter; it adds no page."""

    __slots__ = ("_level", "_rate", "_sampler")

    def __init__(self, config: TracelogConfig, source: random.Random | None = None) -> None:
        self._rate = config.sample_rate
        self._level = LEVELS[config.level.upper()]
        self._sampler = Sampler(source or random.Random())

    def pages(self) -> tuple[MetricsPage, ...]:
        return ()

    def span_sink(self) -> SpanSink | None:
        return self._write

    def _write(self, span: Span) -> None:
        if logger.isEnabledFor(self._level) and self._is_recorded(span.trace):
            logger.log(self._level, "%s", line(span))

    def _is_recorded(self, trace: TraceId | None) -> bool:
        if trace is None:
            return False
        decided = trace.sampled
        return self._sampler(trace, self._rate) if decided is None else decided


def line(span: Span) -> str:
    """Return a span as a line: ids, what was asked, where it went, and what became of it; nothing in it is a line end."""
    trace = span.trace
    ids = "-" if trace is None else f"{trace.trace_hex} span={trace.span_hex} parent={trace.parent_hex or '-'}"
    facts = {
        "router": span.router,
        "source": span.source,
        "server": span.server,
        "service": "" if span.path is None else span.path.show(),
        "client": "" if span.bound is None else span.bound.id.show(),
        "residual": "" if span.bound is None else span.bound.residual.show(),
        "endpoint": "" if span.endpoint is None else str(span.endpoint),
        "status": str(span.status or ""),
        "attempt": str(span.attempt),
        "ms": f"{span.seconds * 1e3:.3f}",
        "flags": span.flags,
    }
    shown = " ".join(f"{name}={word(value.encode())}" for name, value in facts.items() if value)
    return f"trace={ids} {span.kind.value} {word(span.method)} {word(span.target)} {shown}"
