"""Trace ids in linkerd's fields."""

from base64 import b64encode

import pytest

from mesh import Fields, TraceId
from mesh_plugins.propagators.l5d import L5dConfig, NoneConfig, l5d, none

HOST = (b"host", b"web")


@pytest.mark.parametrize("trace", [TraceId.of(3, 2, 1), TraceId.of(3, 2, 1, high=10).decided(True)], ids=["64", "128"])
def test_what_is_written_is_read_again(trace: TraceId) -> None:
    carried = l5d(L5dConfig()).read([HOST, *l5d(L5dConfig()).write(trace)])

    assert (carried.trace, carried.headers) == (trace, [HOST])


def test_the_bytes_are_finagles_in_base64_and_the_root_is_told_beside_it() -> None:
    fields = l5d(L5dConfig()).write(TraceId.of(3, 2, 1).decided(True))

    packed = bytes.fromhex("0000000000000003000000000000000200000000000000010000000000000006")
    assert fields == [(b"l5d-ctx-trace", b64encode(packed)), (b"l5d-reqid", b"0000000000000001")]


def test_missing_padding_is_no_mistake() -> None:
    text = b64encode(TraceId.of(1).packed).rstrip(b"=")

    assert l5d(L5dConfig()).read([(b"l5d-ctx-trace", text)]).trace == TraceId.of(1)


@pytest.mark.parametrize("text", [b"", b"!", b64encode(bytes(24)), b"A" * 57, b"\xff" * 44])
def test_what_is_no_id_says_nothing_and_goes_no_further(text: bytes) -> None:
    headers: Fields = [(b"l5d-ctx-trace", text), HOST, (b"l5d-reqid", b"mine")]

    carried = l5d(L5dConfig()).read(headers)

    assert (carried.trace, carried.headers) == (None, [HOST])


def test_the_kind_none_propagates_nothing() -> None:
    none(NoneConfig())

    assert NoneConfig() == NoneConfig()
