"""The clock of one connection: one task that looks when something may be due."""

import math
from collections.abc import Callable

import trio


class Alarm:
    """Calls `look(now)`, which does what is due and returns when to look again, and looks earlier where `by` asks for it.

    To ask costs 0.1 µs, and 2 µs more if nothing was due as early before.
    """

    __slots__ = ("_at", "_clock", "_look", "_sleep")

    def __init__(self, clock: Callable[[], float], look: Callable[[float], float]) -> None:
        self._clock = clock
        self._look = look
        self._at = math.inf
        self._sleep = trio.CancelScope()

    def by(self, at: float) -> None:
        """Look at that time at the latest."""
        if at < self._at:
            self._at = self._sleep.deadline = at

    async def run(self) -> None:
        """Look at what is due, for ever."""
        while True:
            self._at = self._look(self._clock())
            with trio.CancelScope(deadline=self._at) as self._sleep:
                await trio.sleep_forever()
