"""Spans: what is told of a call."""

from mesh.params import Params
from mesh.span import SPAN_SINKS, Span, SpanKind


def test_nobody_is_told_of_spans_unless_somebody_asks() -> None:
    assert Params()[SPAN_SINKS] == ()


def test_what_is_not_known_of_a_call_is_left_open() -> None:
    span = Span(SpanKind.CLIENT, None, 1.0, 0.5, "http")

    assert (span.path, span.bound, span.endpoint, span.is_success) == (None, None, None, None)
    assert (span.status, span.flags, span.method) == (0, "", b"")
