"""Where a task waits until another one wakes it: an event for one, at a third of its price (2 µs)."""

from collections.abc import Awaitable

from trio import lowlevel

from mesh import WOKEN, Trap, new_trap, until_woken


class Parking:
    """Room for one task. It may be woken for nothing: whoever parks looks at what it waits for, and parks again."""

    __slots__ = ("_trap", "task")

    def __init__(self) -> None:
        self._trap: Trap = None  # made at the first wait, for this one and those after it; many a place sees none
        self.task: lowlevel.Task | None = None

    def wait(self) -> Awaitable[None]:
        """Wait until `wake` is called; what was called before does not count. Cancelling is safe."""
        if self._trap is None:
            self._trap = new_trap(self._leave)
        self.task = lowlevel.current_task()
        return until_woken(self._trap)

    def wake(self) -> None:
        """Wake whoever waits, if somebody does."""
        task = self.task
        if task is not None:
            self.task = None
            lowlevel.reschedule(task, WOKEN)

    def _leave(self) -> None:
        self.task = None
