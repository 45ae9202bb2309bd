"""Deciding whether a trace is recorded, by the rate that a request asks for.

Source: linkerd protocol/http, LinkerdHeaders.scala (`Sample`); router/core, Sampler.scala.
"""

import random

from mesh import TraceId

SAMPLE = b"l5d-sample"
STEPS = 10_000
LONGEST = 32  # digits of a rate


def sample_rate(text: bytes | None) -> float | None:
    """Return the rate that a request asks for, at least 0 and at most 1; None if it asks for none that can be read."""
    if text is None or len(text) > LONGEST or b"_" in text:
        return None
    try:
        rate = float(text)
    except ValueError:
        return None
    return None if rate != rate else min(max(rate, 0.0), 1.0)


class Sampler:
    """Decides by the trace's id, so that a process decides the same of all calls of one trace, and another one on its own."""

    __slots__ = ("_salt",)

    def __init__(self, source: random.Random) -> None:
        self._salt = source.getrandbits(64)

    def __call__(self, trace: TraceId, rate: float) -> bool:
        """Return whether a trace is among those of a rate."""
        return (trace.trace ^ self._salt) % STEPS < rate * STEPS
