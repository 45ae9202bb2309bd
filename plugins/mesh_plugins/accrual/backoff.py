"""How long to wait, again and again: schedules of seconds. Source: finagle-core, Backoff.scala."""

from collections.abc import Callable, Iterator
from functools import partial
from random import Random

from mesh import Backoff

DEFAULT_BACKOFF = (5.0, 300.0)  # linkerd's: jittered, from 5 s to 300 s
AFTER_SCHEDULE = 300.0  # Finagle's pause once a schedule has ended


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


def schedule(backoff: Backoff | None, source: Random | None = None) -> Schedule:
    """Return the schedule that a stack file asks for; without one, linkerd's default."""
    drawn = source or Random()
    if backoff is None:
        return lambda: equal_jittered(*DEFAULT_BACKOFF, drawn)
    if backoff.kind == "constant":
        return partial(constant, backoff.ms / 1e3)
    return lambda: decorrelated_jittered((backoff.min_ms or 0) / 1e3, (backoff.max_ms or 0) / 1e3, drawn)


class Pauses:
    """The pauses of one endpoint: `take` returns the next one, `rewind` begins anew."""

    __slots__ = ("_left", "_schedule")

    def __init__(self, begin: Schedule) -> None:
        self._schedule = begin
        self._left = begin()

    def take(self) -> float:
        """Return the next pause in seconds; after the end of the schedule, 300."""
        return next(self._left, AFTER_SCHEDULE)

    def rewind(self) -> None:
        """Begin the schedule anew."""
        self._left = self._schedule()
