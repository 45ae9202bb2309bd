"""The passing of time for all histograms of a process, so that none of them asks for the time when it counts.

Time is cut into slices. A histogram counts into its present slice; when the slice is over, the rotation tells every
histogram that counted lately to close it. What is summarised is the present slice and the last few closed ones.
"""

import time
from collections.abc import Callable
from typing import Protocol

import trio

SLICE_SECONDS = 10.0
SLICES = 6  # the present one included, so that a summary covers the last 50 to 60 seconds
BATCH = 100  # closing a slice takes up to 30 µs: so many hold the loop for 3 ms at most


class Sliced(Protocol):
    """What counts into slices."""

    def close_slice(self) -> bool:
        """End the present slice, if it holds anything, and return whether any slice that still counts is left."""
        ...


class Rotation:
    """Cuts time into slices for everything that joined it. `clock` gives seconds and never goes back.

    Somebody must run `run`, or call `advance`, at least every `SLICE_SECONDS`: a slice that is closed late is taken for
    the last that could have been. The mutable state is who joined; it changes only between awaits.
    """

    __slots__ = ("_clock", "_due", "_joined", "number")

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._due: set[Sliced] = set()
        self._joined: set[Sliced] = set()
        self.number = self._now()

    @property
    def oldest(self) -> int:
        """The number of the oldest slice that still counts."""
        return self.number - SLICES + 1

    def join(self, member: Sliced) -> None:
        """Have `member` close its slices, until it says that it has none left. Idempotent."""
        self._joined.add(member)

    def advance(self) -> None:
        """Close the slices that are over, of every member."""
        self._begin()
        while self._due:
            self._close_batch()

    async def run(self) -> None:
        """Close slices when they are over, a batch at a time, for ever."""
        while True:
            await trio.sleep(SLICE_SECONDS - self._clock() % SLICE_SECONDS)
            self._begin()
            while self._due:
                self._close_batch()
                await trio.lowlevel.checkpoint()

    def _now(self) -> int:
        return int(self._clock() // SLICE_SECONDS)

    def _begin(self) -> None:
        """Start the next slice if it is time; whoever the last round did not come to has its slice closed in this one."""
        now = self._now()
        if now != self.number:
            self.number = now
            self._due |= self._joined
            self._joined = set()

    def _close_batch(self) -> None:
        for _ in range(min(BATCH, len(self._due))):
            member = self._due.pop()
            if member.close_slice():
                self._joined.add(member)
