"""Trace ids as the W3C has them."""

import pytest

from mesh import Fields, TraceId
from mesh_plugins.propagators.w3c import W3cConfig, w3c

GOOD = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
STATE = (b"tracestate", b"rojo=00f067aa0ba902b7")


def test_a_parent_is_read_and_its_state_travels_on() -> None:
    carried = w3c(W3cConfig()).read([(b"traceparent", GOOD), STATE])

    assert carried.trace is not None
    assert carried.trace.trace_hex == "0af7651916cd43dd8448eb211c80319c"
    assert (carried.trace.span_hex, carried.trace.sampled) == ("b7ad6b7169203331", True)
    assert carried.headers == [STATE]


@pytest.mark.parametrize(
    "trace",
    [TraceId.of(3, 2, 1, high=10).decided(True), TraceId.of(3, 2, 1, high=0).decided(False)],
    ids=["sampled", "not sampled"],
)
def test_what_is_written_is_read_again_less_the_parents_parent(trace: TraceId) -> None:
    (field,) = w3c(W3cConfig()).write(trace)

    read = w3c(W3cConfig()).read([field]).trace

    assert read is not None
    assert (read.span, read.parent, read.trace_hex, read.sampled) == (3, None, trace.trace_hex, trace.sampled)


def test_an_id_of_64_bits_is_filled_up_with_zeros() -> None:
    assert w3c(W3cConfig()).write(TraceId.of(3, 2, 1)) == [
        (b"traceparent", b"00-00000000000000000000000000000001-0000000000000003-00")
    ]


@pytest.mark.parametrize(
    "text",
    [
        b"",
        GOOD[:-1],
        GOOD.upper(),
        b"ff" + GOOD[2:],
        GOOD + b"-more",
        b"01" + GOOD[2:] + b"more",
        b"00-" + b"0" * 32 + b"-b7ad6b7169203331-01",
        b"00-0af7651916cd43dd8448eb211c80319c-" + b"0" * 16 + b"-01",
    ],
)
def test_what_is_no_parent_says_nothing_and_its_state_ends(text: bytes) -> None:
    carried = w3c(W3cConfig()).read([(b"traceparent", text), STATE])

    assert (carried.trace, carried.headers) == (None, [])


def test_two_parents_are_none() -> None:
    headers: Fields = [(b"traceparent", GOOD), (b"traceparent", GOOD)]

    assert w3c(W3cConfig()).read(headers).trace is None


def test_a_version_to_come_is_read_as_far_as_this_one_goes() -> None:
    carried = w3c(W3cConfig()).read([(b"traceparent", b"cc" + GOOD[2:] + b"-what-the-future-brings")])

    assert carried.trace is not None
    assert carried.trace.span_hex == "b7ad6b7169203331"
