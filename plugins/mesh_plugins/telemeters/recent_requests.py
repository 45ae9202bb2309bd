"""The telemeter `io.l5d.recentRequests`: the last requests, for the admin page `/requests`.

Source: linkerd 1.7.5, RecentRequestsTracer.scala.
"""

import json
import random
from collections import deque
from collections.abc import Mapping
from typing import Any

import attrs

from mesh import Metrics, MetricsPage, Span, SpanKind, SpanSink, key

TYPE = "application/json"
PATH = "/requests.json"
CAPACITY = 10
MOST = 10_000  # 1.5 kB each


@attrs.frozen
class RecentRequestsConfig:
    """Keeps the last requests, and where each of them went."""

    sample_rate: float = key("The share of requests that are looked at, from 0.0 to 1.0.", least=0.0, most=1.0)
    capacity: int = key("How many are kept, the last ones.", CAPACITY, least=1, most=MOST)


class RecentRequests:
    """The telemeter. State: the last requests that were drawn, at most as many as the capacity."""

    __slots__ = ("_draw", "_kept", "_rate")

    def __init__(self, config: RecentRequestsConfig, source: random.Random | None = None) -> None:
        self._rate = config.sample_rate
        self._kept: deque[Span] = deque(maxlen=config.capacity)
        self._draw = (source or random.Random()).random

    def pages(self) -> tuple[MetricsPage, ...]:
        def render(_metrics: Metrics, _headers: Mapping[str, str]) -> bytes:
            return json.dumps([_shown(span) for span in reversed(self._kept)]).encode()

        return (MetricsPage(PATH, "the last requests, newest first", TYPE, render, is_summed=False),)

    def span_sink(self) -> SpanSink | None:
        return self._take

    def _take(self, span: Span) -> None:
        if span.kind is SpanKind.SERVER and self._draw() < self._rate:
            self._kept.append(span)


def _shown(span: Span) -> dict[str, Any]:
    return {
        "timestamp": int(span.started * 1e3),
        "source": span.source,
        "server": span.server,
        "router": span.router,
        "logicalName": "" if span.path is None else span.path.show(),
        "concreteName": "" if span.bound is None else span.bound.id.show(),
        "destination": "" if span.endpoint is None else str(span.endpoint),
        "durationMs": round(span.seconds * 1e3, 3),
        "method": span.method.decode("latin-1"),
        "status": span.status,
        "attempts": span.attempt + 1,
        "outcome": _outcome(span),
    }


def _outcome(span: Span) -> str:
    if span.is_success and not span.flags:
        return "success"
    return span.flags or "failure"
