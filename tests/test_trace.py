"""Trace ids."""

import random
from itertools import islice

import pytest

from mesh.trace import TraceId, new_calls, new_traces, span_ids


def test_a_span_without_a_parent_is_its_own() -> None:
    root = TraceId.of(3)

    assert (root.span, root.parent, root.trace, root.high) == (3, None, 3, None)
    assert root.packed.hex() == "0000000000000003" * 3 + "0" * 16


def test_a_child_has_its_callers_span_for_a_parent_and_its_trace() -> None:
    child = TraceId.of(3, 2, 1, high=10).decided(True).child(bytes(7) + b"\x04")

    assert (child.span, child.parent, child.trace, child.high, child.sampled) == (4, 3, 1, 10, True)


def test_nothing_is_decided_until_somebody_decides() -> None:
    root = TraceId.of(1)

    assert [root.sampled, root.decided(True).sampled, root.decided(True).decided(False).sampled] == [None, True, False]


def test_debugging_means_recording() -> None:
    root = TraceId.of(1, flags=1)

    assert (root.is_debug, root.sampled) == (True, True)


def test_bytes_of_another_length_are_no_id() -> None:
    with pytest.raises(ValueError, match="Expected 32 or 40 bytes, was: 24"):
        TraceId.unpack(bytes(24))


def test_texts_have_as_many_digits_as_the_id() -> None:
    assert (TraceId.of(3, 2, 1).trace_hex, TraceId.of(3, 2, 1, high=10).trace_hex) == (
        "0000000000000001",
        "000000000000000a0000000000000001",
    )
    assert (TraceId.of(3, 2, 1).span_hex, TraceId.of(3, 2, 1).parent_hex, TraceId.of(3).parent_hex) == (
        "0000000000000003",
        "0000000000000002",
        "",
    )


def test_ids_are_equal_by_their_bytes() -> None:
    assert TraceId.of(3, 2, 1) == TraceId.of(3, 2, 1)
    assert len({TraceId.of(3, 2, 1), TraceId.of(3, 2, 1), TraceId.of(4, 2, 1)}) == 2
    assert TraceId.of(1) != b"1"
    assert str(TraceId.of(2, 1)) == "0000000000000001"
    assert repr(TraceId.of(2, 1)) == "TraceId(0000000000000001.0000000000000002<:0000000000000001)"


def test_spans_are_random_and_never_end() -> None:
    spans = list(islice(span_ids(random.Random(7)), 2000))

    assert {len(span) for span in spans} == {8}
    assert len(set(spans)) == 2000
    assert list(islice(span_ids(random.Random(7)), 2000)) == spans


def test_traces_begin_with_64_bits_or_with_the_time_and_128() -> None:
    (narrow,) = islice(new_traces(random.Random(7)), 1)
    (wide,) = islice(new_traces(random.Random(7), lambda: 1465510280.9), 1)

    assert (narrow.parent, narrow.high, narrow.trace == narrow.span) == (None, None, True)
    assert wide.trace_hex.startswith("5759e988")
    assert (len(wide.trace_hex), wide.trace == wide.span) == (32, True)


def test_calls_are_made_by_traces_that_begin() -> None:
    calls = new_calls(random.Random(7), 3)

    assert len({trace.trace for trace, _call in calls}) == 3
    assert [(trace.parent, trace.span) for trace, _call in calls] == [(None, trace.trace) for trace, _call in calls]
    assert [call for _trace, call in calls] == [trace.child(call.packed[:8]) for trace, call in calls]


def test_calls_of_traces_of_128_bits_tell_the_same_time() -> None:
    ((trace, call),) = new_calls(random.Random(7), 1, lambda: 1465510280.9)

    assert trace.trace_hex.startswith("5759e988")
    assert call == trace.child(call.packed[:8])
