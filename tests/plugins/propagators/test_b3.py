"""Trace ids in Zipkin's fields."""

import pytest

from mesh import Fields, TraceId
from mesh_plugins.propagators.b3 import B3Config, b3

HOST = (b"host", b"web")
ID = TraceId.of(0xDEF, 2, 0xABC)
TRACE, SPAN, PARENT = b"0000000000000abc", b"0000000000000def", b"0000000000000002"


@pytest.mark.parametrize("single", [False, True], ids=["five", "one"])
@pytest.mark.parametrize(
    "trace",
    [
        ID.decided(True),
        ID.decided(False),
        TraceId.of(0xDEF, 2, 0xABC, high=7, flags=1),
        TraceId.of(0xDEF, None, 0xABC),
    ],
    ids=["sampled", "not sampled", "debug, 128 bits", "undecided, without a parent"],
)
def test_what_is_written_is_read_again(trace: TraceId, single: bool) -> None:
    propagator = b3(B3Config(single=single))

    carried = propagator.read([HOST, *propagator.write(trace)])

    assert (carried.trace, carried.headers) == (trace, [HOST])


def test_five_fields_say_what_is_known_and_no_more() -> None:
    write = b3(B3Config()).write

    assert write(ID) == [(b"x-b3-spanid", SPAN), (b"x-b3-traceid", TRACE), (b"x-b3-parentspanid", PARENT)]
    assert write(ID.decided(False))[-1] == (b"x-b3-sampled", b"0")
    assert write(TraceId.of(1, flags=1)) == [
        (b"x-b3-spanid", b"0000000000000001"),
        (b"x-b3-traceid", b"0000000000000001"),
        (b"x-b3-flags", b"1"),
    ]


def test_one_field_says_the_same() -> None:
    write = b3(B3Config(single=True)).write

    assert write(ID) == [(b"b3", TRACE + b"-" + SPAN)]
    assert write(ID.decided(True)) == [(b"b3", b"-".join([TRACE, SPAN, b"1", PARENT]))]
    assert write(TraceId.of(0xDEF, None, 0xABC, flags=1)) == [(b"b3", TRACE + b"-" + SPAN + b"-d")]


@pytest.mark.parametrize("single", [b"1", b"0", b"d"])
def test_a_decision_alone_is_kept_for_the_trace_that_begins(single: bytes) -> None:
    carried = b3(B3Config()).read([(b"b3", single)])

    assert (carried.trace, carried.sampled) == (None, single != b"0")


@pytest.mark.parametrize(
    ("headers", "sampled"),
    [
        ([(b"x-b3-traceid", b"1")], None),
        ([(b"x-b3-traceid", b"1"), (b"x-b3-sampled", b"True")], True),
        ([(b"x-b3-spanid", b"1"), (b"x-b3-sampled", b"0")], False),
        ([(b"x-b3-traceid", b"x"), (b"x-b3-spanid", b"1"), (b"x-b3-flags", b"1")], True),
        ([(b"x-b3-sampled", b"maybe")], None),
        ([(b"b3", b"junk-junk")], None),
        ([(b"b3", b"1-2-3-4-5")], None),
        ([(b"b3", b"x")], None),
    ],
)
def test_half_an_id_is_none_but_its_decision_counts(headers: Fields, sampled: bool | None) -> None:
    carried = b3(B3Config()).read([HOST, *headers])

    assert (carried.trace, carried.sampled, carried.headers) == (None, sampled, [HOST])


@pytest.mark.parametrize(
    ("flags", "is_debug"), [(b"7", True), (b"1", True), (b"6", False), (b"-1", False), (b"d", False)]
)
def test_finagles_other_flags_stand_beside_the_one_that_counts(flags: bytes, is_debug: bool) -> None:
    carried = b3(B3Config()).read([(b"x-b3-traceid", b"1"), (b"x-b3-spanid", b"1"), (b"x-b3-flags", flags)])

    assert carried.trace == TraceId.of(1, flags=1 if is_debug else 0)


def test_the_single_field_is_the_stronger_one_if_it_can_be_read() -> None:
    several: Fields = [(b"x-b3-traceid", b"1"), (b"x-b3-spanid", b"1")]

    stronger = b3(B3Config()).read([*several, (b"b3", TRACE + b"-" + SPAN)])
    weaker = b3(B3Config()).read([*several, (b"b3", b"junk")])

    assert (stronger.trace, weaker.trace) == (TraceId.of(0xDEF, None, 0xABC), TraceId.of(1))


def test_linkerds_own_field_travels_no_further() -> None:
    assert b3(B3Config()).read([(b"l5d-ctx-trace", b"x"), HOST]).headers == [HOST]
