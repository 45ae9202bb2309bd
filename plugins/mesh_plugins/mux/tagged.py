"""The calls that one session has open, each with its tag, used for one call after the other.

Theory of operation. A tag, the call that has it, and the trap that its task waits with, are made together and kept together,
which takes 11,000 instructions less for a call than to make all of them for each. A task is told its answer itself: when it
runs, the call may be another's already.
"""

from collections.abc import Callable, Generator
from types import coroutine
from typing import Any

from trio import lowlevel

from mesh import MeshError, Trap, new_trap
from mesh_plugins.connections.pending import Waiting
from mesh_plugins.mux.message import MuxReply, MuxRequest
from mesh_plugins.mux.tags import Tags

MOST_KEPT = 256  # calls that are kept for the next ones, some 0.5 KiB each; after a burst, there is no use for more


class _Failed:
    """What a task is told whose call has failed."""

    __slots__ = ("_error",)

    def __init__(self, error: MeshError) -> None:
        self._error = error

    def unwrap(self) -> None:
        try:
            raise self._error
        finally:
            del self  # which the error would hold, as below


class Call(Waiting):
    """A call that waits. `request` is there until it is answered; `is_plain`: it was sent as a `Treq`."""

    __slots__ = ("_task", "_trap", "is_plain", "request")

    def __init__(self, tag: int, abandon: "Callable[[Call], None]") -> None:
        super().__init__(tag, 0.0, None)
        self._task: Any = None
        self._trap: Trap = new_trap(lambda: abandon(self))
        self.request: MuxRequest | None = None
        self.is_plain = False

    @coroutine
    def wait(self) -> Generator[Trap, Any, MuxReply]:
        """Wait until the call is answered, and return the answer, or raise what it failed with."""
        self._task = lowlevel.current_task()
        told = yield self._trap
        if type(told) is MuxReply:
            return told
        try:
            reply: MuxReply = told.unwrap()
            return reply
        finally:
            del told  # an error would hold the frame that holds it: garbage of 70 objects for each cancelled call

    def answer(self, reply: MuxReply) -> None:
        """Wake the task that waits with the answer."""
        told: Any = reply  # not an `outcome.Outcome`, which is a closed union: one for each call costs 1 µs
        lowlevel.reschedule(self._task, told)

    def fail(self, error: MeshError) -> None:
        """Wake the task that waits with an error, which is its own."""
        told: Any = _Failed(error)
        lowlevel.reschedule(self._task, told)


class Calls:
    """Gives out calls, the one that came back last first. `abandon` is called with one whose task was cancelled."""

    __slots__ = ("_abandon", "_free", "_tags")

    def __init__(self, abandon: Callable[[Call], None]) -> None:
        self._abandon = abandon
        self._free: list[Call] = []
        self._tags = Tags()

    def take(self) -> Call:
        """Return a call that nobody has. Raises `LookupError` if no tag is left."""
        return self._free.pop() if self._free else Call(self._tags.take(), self._abandon)

    def give_back(self, call: Call) -> None:
        """Let a call be taken again; whoever has it gives it back once."""
        call.request = None
        if len(self._free) < MOST_KEPT:
            self._free.append(call)
        else:
            self._tags.give_back(call.tag)
