"""Where a task waits until another one wakes it: an event for one, at a fifth of its price.

Theory of operation. A wait needs a place, whose trap takes longer to make than the wait itself, so places are kept for the
next wait, whoever's it is. A place knows who waits there only while somebody does: nothing is left to the collector of cycles.
"""

from collections.abc import Awaitable

from trio import lowlevel

from mesh import WOKEN, Trap, new_trap, until_woken

MOST_KEPT = 1024  # places that wait for nobody, some 0.4 KiB each; after a burst, there is no use for more


class Parking:
    """Room for one task. It may be woken for nothing: whoever parks looks at what it waits for, and parks again."""

    __slots__ = ("_place", "task")

    _place: "_Place"

    def __init__(self) -> None:
        self.task: lowlevel.Task | None = None

    def wait(self) -> Awaitable[None]:
        """Wait until `wake` is called; what was called before does not count. Cancelling is safe. To be awaited at once."""
        self._place = place = _free.pop() if _free else _Place()
        place.parking = self
        self.task = lowlevel.current_task()
        return until_woken(place.trap)

    def wake(self) -> None:
        """Wake whoever waits, if somebody does."""
        task = self.task
        if task is not None:
            self.task = None
            self._place.leave()
            lowlevel.reschedule(task, WOKEN)


class _Place:
    """Where a task waits. State: for which parking, None while it is free."""

    __slots__ = ("parking", "trap")

    def __init__(self) -> None:
        self.parking: Parking | None = None
        self.trap: Trap = new_trap(self._abandon)

    def leave(self) -> None:
        """Be free for the next wait."""
        self.parking = None
        if len(_free) < MOST_KEPT:
            _free.append(self)

    def _abandon(self) -> None:
        """The task that waits was cancelled."""
        if self.parking is not None:
            self.parking.task = None
        self.leave()


_free: list[_Place] = []
"""The places of the process where nobody waits."""
