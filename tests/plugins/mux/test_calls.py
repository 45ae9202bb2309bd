"""Calls and answers on the wire; tests/conformance/mux has Finagle's."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh import BadRequestContext, Dtab, Path, TraceId
from mesh_plugins.finagle.contexts import TRACE
from mesh_plugins.mux.calls import (
    decode_answered,
    decode_dispatch,
    decode_dispatched,
    decode_request,
    encode_answer,
    encode_dispatch,
    encode_request,
)
from mesh_plugins.mux.message import MuxReply, MuxRequest
from mesh_plugins.mux.wire import RDISPATCH, Undecodable

CONTEXTS = st.lists(st.tuples(st.binary(max_size=300), st.binary(max_size=300)), max_size=5)
PATHS = st.lists(st.binary(min_size=1, max_size=10), max_size=4).map(lambda elems: Path(tuple(elems)))
DTABS = st.sampled_from([None, Dtab.read("/a=>/b"), Dtab.read("/a/*=>/b | /c;/x=>/y & /z")])


def raw(hexadecimal: str) -> bytes:
    return bytes.fromhex(hexadecimal)


def decode(data: bytes) -> MuxRequest:
    return decode_dispatch(data) if data[:1] == b"\x02" else decode_request(data)


@given(CONTEXTS, PATHS, DTABS, st.binary(max_size=100))
def test_a_call_is_read_as_it_was_written(
    contexts: list[tuple[bytes, bytes]], destination: Path, dtab: Dtab | None, payload: bytes
) -> None:
    request = decode_dispatch(encode_dispatch(5, [], contexts, destination, dtab, payload)[4:])

    assert (request.contexts, request.destination, request.dtab) == (contexts, destination, dtab)
    assert request.body.buffered == payload


@given(st.binary(max_size=60))
def test_any_bytes_are_a_call_or_refused(data: bytes) -> None:
    for kind in (b"\x01", b"\x02"):
        with contextlib.suppress(Undecodable, BadRequestContext):
            assert decode(kind + b"\x00\x00\x05" + data).body.buffered is not None


@given(st.binary(max_size=60))
def test_any_bytes_are_an_answer_or_refused(data: bytes) -> None:
    for read in (decode_dispatched, decode_answered):
        with contextlib.suppress(Undecodable):
            assert read(b"\xfe\x00\x00\x05" + data).whole


@pytest.mark.parametrize(
    "data",
    [
        "02000002ffff",
        "020000020001ffff6162",
        "0200000200010001610000",
        "02000002000000042f737663ffff00022f61",
        "0200000200000000000100022f61",
        "0200000200000000000100022f6100092f62",
        "020000020000ffff",
        "01000002",
        "01000002ff",
        "010000020101",
        "01000002010117",
        "0100000201011700",
    ],
)
def test_a_call_whose_lengths_do_not_fit_is_refused(data: str) -> None:
    with pytest.raises(Undecodable) as refused:
        decode(raw(data))

    assert refused.value.tag == 2


@pytest.mark.parametrize(
    "data", ["020000020000000473766721 0000", "02000002000000052ffffec328 0000", "0200000200000000000100022f2100022f62"]
)
def test_a_destination_or_an_override_that_is_no_path_is_the_callers_fault(data: str) -> None:
    with pytest.raises(BadRequestContext):
        decode(raw(data))


def test_a_destination_and_an_override_have_their_limits() -> None:
    long = Path((b"x" * 9000,))

    for frame in (
        encode_dispatch(2, [], [], long, None, b""),
        encode_dispatch(2, [], [], Path(), Dtab.read(f"/a=>/{'x' * 9000}"), b""),
    ):
        with pytest.raises(BadRequestContext, match="longer than 8192"):
            decode_dispatch(frame[4:])


def test_a_plain_call_has_a_trace_and_a_payload() -> None:
    trace = TraceId.of(1, 2, 3, flags=1)

    request = decode_request(encode_request(5, trace, b"hi")[4:])

    assert (request.is_plain, request.contexts, request.body.buffered) == (True, [(TRACE, trace.packed)], b"hi")


def test_a_plain_call_may_have_no_trace() -> None:
    assert decode_request(encode_request(5, None, b"hi")[4:]).contexts == []


@given(CONTEXTS, st.sampled_from([0, 1]), st.binary(max_size=100))
def test_an_answer_is_read_as_it_was_written(contexts: list[tuple[bytes, bytes]], status: int, payload: bytes) -> None:
    frame = encode_answer(RDISPATCH, 5, MuxReply(status, payload, contexts).pack())[4:]

    reply = decode_dispatched(frame)

    assert (reply.status, reply.contexts, reply.body.buffered) == (status, contexts, payload)


def test_an_answer_that_nobody_changed_is_passed_on_as_it_came() -> None:
    frame = raw("fe000005 00 0001 0001 61 0001 62 6869")

    assert encode_answer(RDISPATCH, 7, decode_dispatched(frame).pack()) == raw("0000000f fe000007") + frame[4:]


@pytest.mark.parametrize("data", ["fe000005", "fe00000503", "fe00000500ffff", "fe000005000001ffff", "fe00000500000100"])
def test_an_answer_that_makes_no_sense_is_refused(data: str) -> None:
    with pytest.raises(Undecodable):
        decode_dispatched(raw(data))
