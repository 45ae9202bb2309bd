"""Deciding by a rate."""

import random

import pytest

from mesh import TraceId
from mesh_plugins.http.sampling import Sampler, sample_rate


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        (b"0", 0.0),
        (b"1", 1.0),
        (b"0.25", 0.25),
        (b"-3", 0.0),
        (b"7e3", 1.0),
        (b"yes", None),
        (b"nan", None),
        (b"1_0", None),
        (b"", None),
        (b"0" * 99, None),
        (None, None),
    ],
)
def test_a_rate_is_read_and_brought_between_0_and_1(text: bytes | None, rate: float | None) -> None:
    assert sample_rate(text) == rate


def test_a_share_of_traces_is_chosen_by_their_ids() -> None:
    source = random.Random(7)
    traces = [TraceId.of(source.getrandbits(64)) for _number in range(4000)]
    sampler = Sampler(source)

    assert {sampler(trace, 1.0) for trace in traces} == {True}
    assert {sampler(trace, 0.0) for trace in traces} == {False}
    assert sum(sampler(trace, 0.25) for trace in traces) == pytest.approx(1000, rel=0.1)
    assert all(sampler(trace, 0.25) == sampler(trace.child(bytes(8)), 0.25) for trace in traces)
