"""Traces in the log."""

import logging
from random import Random
from typing import Any

import pytest

from mesh import Path, Span, SpanKind, TraceId
from mesh_plugins.telemeters.tracelog import Tracelog, TracelogConfig, line


def a_span(trace: TraceId | None, **more: Any) -> Span:
    return Span(SpanKind.SERVER, trace, 0.0, 0.0125, "out", path=Path.read("/svc/web"), status=200, **more)


def written(config: TracelogConfig, caplog: pytest.LogCaptureFixture, *spans: Span) -> list[str]:
    caplog.set_level(logging.DEBUG, "mesh_plugins.telemeters.tracelog")
    sink = Tracelog(config, Random(7)).span_sink()
    assert sink is not None
    for span in spans:
        sink(span)
    return [f"{record.levelname} {record.getMessage()}" for record in caplog.records]


def test_a_span_is_a_line_of_the_level(caplog: pytest.LogCaptureFixture) -> None:
    span = a_span(TraceId.of(2, 1, 1), method=b"GET", target=b"/a")

    (text,) = written(TracelogConfig(level="warning"), caplog, span)

    ids = f"trace={1:016x} span={2:016x} parent={1:016x}"
    assert text == f"WARNING {ids} server GET /a router=out service=/svc/web status=200 attempt=0 ms=12.500"


def test_what_was_decided_about_a_trace_counts_more_than_the_rate(caplog: pytest.LogCaptureFixture) -> None:
    yes, no = (a_span(TraceId.of(1).decided(sampled)) for sampled in (True, False))

    assert len(written(TracelogConfig(0.0), caplog, yes, no)) == 1


def test_without_a_decision_the_rate_decides_for_whole_traces(caplog: pytest.LogCaptureFixture) -> None:
    source = Random(1)
    traces = [TraceId.of(source.getrandbits(64)) for _ in range(1000)]

    lines = written(TracelogConfig(0.5), caplog, *(a_span(trace) for trace in traces for _call in range(2)))

    assert 800 < len(lines) < 1200
    assert len(set(lines)) == len(lines) / 2


def test_a_span_without_a_trace_is_not_written(caplog: pytest.LogCaptureFixture) -> None:
    assert written(TracelogConfig(), caplog, a_span(None)) == []


def test_a_level_that_is_not_logged_is_not_worked_out(caplog: pytest.LogCaptureFixture) -> None:
    assert written(TracelogConfig(level="TRACE"), caplog, a_span(TraceId.of(1))) == []


def test_no_request_writes_lines_of_its_own() -> None:
    text = line(a_span(TraceId.of(1), method=b"GET", target=b"/\n2026 INFO all is well"))

    assert "\n" not in text
    assert "/\\x0a2026\\x20INFO" in text


def test_a_level_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no level LOUD"):
        TracelogConfig(level="LOUD")
