"""Where a task waits until another one wakes it: an event for one, at a third of its price (2 µs)."""

from collections.abc import Callable

from trio import lowlevel

from mesh import WOKEN


class Parking:
    """Room for one task. It may be woken for nothing: whoever parks looks at what it waits for, and parks again.

    `on_cancel` is called when the task that waits is cancelled, before it runs again and learns so.
    """

    __slots__ = ("_on_cancel", "task")

    def __init__(self, on_cancel: Callable[[], None] | None = None) -> None:
        self._on_cancel = on_cancel
        self.task: lowlevel.Task | None = None

    async def wait(self) -> None:
        """Wait until `wake` is called; what was called before does not count. Cancelling is safe."""
        self.task = lowlevel.current_task()
        await lowlevel.wait_task_rescheduled(self._abort)

    def wake(self) -> None:
        """Wake whoever waits, if somebody does."""
        task = self.task
        if task is not None:
            self.task = None
            lowlevel.reschedule(task, WOKEN)

    def _abort(self, _raise_cancel: Callable[[], None]) -> lowlevel.Abort:
        self.task = None
        if self._on_cancel is not None:
            self._on_cancel()
        return lowlevel.Abort.SUCCEEDED
