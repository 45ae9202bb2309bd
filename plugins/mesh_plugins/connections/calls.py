"""The calls that one session has open, each known by its tag, and used for one call after the other.

Theory of operation. A call, and the trap that its task waits with, are made together and kept together, which takes 11,000
instructions less than to make both for each call. A task is told its answer itself: when it runs, the call may be another's
already.
"""

from collections.abc import Callable, Generator
from types import coroutine
from typing import Any, Generic, TypeVar

from outcome import Error
from trio import lowlevel

from mesh import Expiry, IdleTimeout, MeshError, Trap, new_trap

MOST_KEPT = 256  # calls that are kept for the next ones, some 0.5 KiB each; after a burst, there is no use for more

Req = TypeVar("Req")
Rep = TypeVar("Rep")

_NOTHING: Any = None  # what a call asks for that nobody has


class Call(Generic[Req, Rep]):
    """A call that waits. `tag` is what its answer is known by, `request` what is asked.

    `until` is when it has taken too long, for `expiry` or, without one, for want of an answer.
    """

    __slots__ = ("_task", "_trap", "expiry", "request", "tag", "until")

    def __init__(self, tag: int, abandon: "Callable[[Call[Req, Rep]], None]") -> None:
        self.tag = tag
        self.until = 0.0
        self.expiry: Expiry | None = None
        self.request: Req = _NOTHING
        self._task: Any = None
        self._trap: Trap = new_trap(lambda: abandon(self))

    @coroutine
    def wait(self) -> Generator[Trap, Any, Rep]:
        """Wait until the call is answered, and return the answer, or raise what it failed with."""
        self._task = lowlevel.current_task()
        told = yield self._trap
        if type(told) is not Error:
            answer: Rep = told
            return answer
        try:
            return told.unwrap()
        finally:
            del told  # an error would hold the frame that holds it: garbage of 70 objects for each cancelled call

    def answer(self, reply: Rep) -> None:
        """Wake the task that waits with the answer."""
        told: Any = reply  # not an `outcome.Value`: one for each call costs 1 µs
        lowlevel.reschedule(self._task, told)

    def fail(self, error: MeshError) -> None:
        """Wake the task that waits with an error, which is its own."""
        lowlevel.reschedule(self._task, Error(error))

    def lateness(self, peer: str, now: float, idle_seconds: float) -> MeshError:
        """Return the error for a call that is too late."""
        if self.expiry is not None and self.expiry.at <= now:
            return self.expiry.error()
        return IdleTimeout(f"{peer} has not answered for {idle_seconds:g} s")


class Calls(Generic[Req, Rep]):
    """Gives out calls, the one that came back last first. `abandon` is called with one whose task was cancelled.

    A call has the tag that it had before, 0 if it is new: whoever takes it gives it another.
    """

    __slots__ = ("_abandon", "_free")

    def __init__(self, abandon: Callable[[Call[Req, Rep]], None]) -> None:
        self._abandon = abandon
        self._free: list[Call[Req, Rep]] = []

    def take(self) -> Call[Req, Rep]:
        """Return a call that nobody has."""
        return self._free.pop() if self._free else self._new()

    def give_back(self, call: Call[Req, Rep]) -> None:
        """Let a call be taken again; whoever has it gives it back once."""
        call.request = _NOTHING
        if len(self._free) < MOST_KEPT:
            self._free.append(call)
        else:
            self._forget(call)

    def _new(self) -> Call[Req, Rep]:
        return Call(0, self._abandon)

    def _forget(self, call: Call[Req, Rep]) -> None:
        """A call is not kept: there are enough."""
