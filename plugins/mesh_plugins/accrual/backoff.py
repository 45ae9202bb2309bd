"""How long to wait, again and again: endless schedules of seconds. Source: finagle-core, Backoff.scala."""

from collections.abc import Callable, Iterator
from random import Random


def constant(seconds: float) -> Iterator[float]:
    """Yield `seconds` for ever."""
    while True:
        yield seconds


def equal_jittered(first: float, longest: float, source: Random) -> Iterator[float]:
    """Yield `first`, then a half that doubles plus a random part of it; from where that would exceed it on, `longest`."""
    yield first
    half = first
    while (pause := half + source.uniform(0.0, half)) < longest:
        yield pause
        half = min(half * 2, longest)
    while True:
        yield longest


def decorrelated_jittered(first: float, longest: float, source: Random) -> Iterator[float]:
    """Yield `first`, then a random time between the previous one and three times that, at most `longest`."""
    pause = first
    while True:
        yield pause
        pause += source.uniform(0.0, max(min(pause * 3, longest) - pause, 0.0))


Schedule = Callable[[], Iterator[float]]
"""Begins a schedule anew."""
