"""Finagle's cases of trace ids, and of the fields that carry them.

Answered otherwise on purpose: `x-b3-sampled` is written as `1`, as linkerd and B3 itself have it, not as `true`, and not at
all beside `x-b3-flags`; a `0` in the single field `b3` means that the trace is not recorded, where Finagle loses that, and a
decision counts without ids, too. An id that is none begins a trace, where Finagle takes the span's or the parent's for it.
"""

import pathlib
from typing import Any

import pytest
import yaml

from mesh import Fields, TraceId
from mesh_plugins.propagators.b3 import B3Config, b3
from mesh_plugins.propagators.digits import read_span, read_trace

FILES = [
    yaml.safe_load((pathlib.Path(__file__).parent / name).read_text())["groups"]
    for name in ("finagle.yaml", "neighbours.yaml")
]
B3S_OWN = {b"true": b"1", b"false": b"0"}


def cases(group: str) -> pytest.MarkDecorator:
    published = [case for groups in FILES for case in groups.get(group, ())]
    return pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in published])


def _number(text: str | None) -> int | None:
    return None if text is None else int(str(text), 16)


def _id(given: dict[str, Any]) -> TraceId:
    numbers = [_number(given.get(name)) for name in ("span", "parent", "trace")]
    trace = TraceId.of(numbers[0] or 0, *numbers[1:], high=_number(given.get("high")), flags=given.get("flags", 0))
    return trace if given.get("sampled") is None else trace.decided(given["sampled"])


def _facts(trace: TraceId) -> dict[str, Any]:
    return {
        "trace": f"{trace.trace:016x}",
        "parent": f"{trace.span if trace.parent is None else trace.parent:016x}",
        "span": trace.span_hex,
        "explicit_parent": trace.parent_hex or None,
        "sampled": trace.sampled,
        "trace_id_high": None if trace.high is None else f"{trace.high:016x}",
    }


def _expected(case: dict[str, Any]) -> dict[str, Any]:
    return {name: case["expect"][name] for name in _facts(TraceId.of(1))}


def _fields(pairs: list[list[str]]) -> Fields:
    return [(name.lower().encode(), str(value).encode()) for name, value in pairs]


@cases("span_id_parse")
def test_a_span_is_read_from_digits(case: dict[str, Any]) -> None:
    found = read_span(str(case["given"]["in"]).encode())

    assert found == _number(case["expect"])


@cases("trace_id_128_parse")
def test_a_trace_is_read_from_digits(case: dict[str, Any]) -> None:
    expect = case["expect"]

    assert read_trace(case["given"]["in"].encode()) == (_number(expect["high"]), _number(expect["low"]))


@cases("trace_serialize")
def test_an_id_is_packed_as_finagle_packs_it(case: dict[str, Any]) -> None:
    assert _id(case["given"]).packed.hex() == case["expect"]


@cases("trace_deserialize")
def test_an_id_is_unpacked_as_finagle_unpacks_it(case: dict[str, Any]) -> None:
    packed = bytes.fromhex(case["given"]["hex"])
    if "error" in case["expect"]:
        with pytest.raises(ValueError, match=case["expect"]["error"]):
            TraceId.unpack(packed)
        return

    trace = TraceId.unpack(packed)

    assert _facts(trace) == _expected(case)
    assert trace.flags == case["expect"]["flags"]


@cases("b3_client_headers")
def test_an_id_is_written_into_five_fields(case: dict[str, Any]) -> None:
    before = _fields(case["given"].get("headers", []))

    written = b3(B3Config()).read(before).headers + b3(B3Config()).write(_id(case["given"]))

    expected = [(name, B3S_OWN.get(value, value)) for name, value in _fields(case.get("here", case["expect"]))]
    assert sorted(written) == sorted(expected)


@cases("b3_single_header")
def test_one_field_says_what_five_would(case: dict[str, Any]) -> None:
    alone = b3(B3Config()).read(_fields(case["given"]["headers"]))
    several = b3(B3Config()).read(_fields(case["expect"]))

    says_no = case["given"]["headers"][0][1].rpartition("-")[2] == "0"
    assert (alone.trace and alone.trace.packed[:24]) == (several.trace and several.trace.packed[:24])
    assert alone.sampled is (False if says_no else several.sampled)


@cases("b3_server_read")
def test_five_fields_are_read(case: dict[str, Any]) -> None:
    carried = b3(B3Config()).read(_fields(case["given"]["headers"]))

    if case["expect"].get("new_trace_started"):
        assert (carried.trace, carried.sampled) == (None, case["expect"]["sampled"])
    else:
        assert carried.trace is not None
        assert _facts(carried.trace) == _expected(case)
