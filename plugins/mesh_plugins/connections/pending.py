"""Calls of one session that wait for their answers, which come in any order."""

import math
from typing import Any, Generic, TypeVar

from trio import lowlevel

from mesh import Expiry, IdleTimeout, MeshError, Reply, Request

Req = TypeVar("Req", bound=Request)
Rep = TypeVar("Rep", bound=Reply)
W = TypeVar("W", bound="Waiting")


class Waiting:
    """A call that waits. `tag` is what its answer is known by.

    `until` is when it has taken too long, for `expiry` or, without one, for want of an answer.
    """

    __slots__ = ("expiry", "tag", "until")

    def __init__(self, tag: int, until: float, expiry: Expiry | None) -> None:
        self.tag = tag
        self.until = until
        self.expiry = expiry

    def lateness(self, peer: str, now: float, idle_seconds: float) -> MeshError:
        """Return the error for a call that is too late."""
        if self.expiry is not None and self.expiry.at <= now:
            return self.expiry.error()
        return IdleTimeout(f"{peer} has not answered for {idle_seconds:g} s")


class Call(Waiting, Generic[Req, Rep]):
    """A call as an outcome for the task that is woken with it; made by that task."""

    __slots__ = ("_error", "_reply", "_task", "request")

    _reply: Rep  # once it is answered

    def __init__(self, request: Req, tag: int, until: float) -> None:
        super().__init__(tag, until, request.context.expiry)
        self.request = request
        self._task = lowlevel.current_task()
        self._error: MeshError | None = None

    def unwrap(self) -> Rep:
        """Return the answer, or raise what came instead; for the task that waits."""
        if self._error is not None:
            raise self._error
        return self._reply

    def answer(self, reply: Rep) -> None:
        """Wake the task with the answer."""
        self._reply = reply
        self._wake()

    def fail(self, error: MeshError) -> None:
        """Wake the task with an error, which is its own."""
        self._error = error
        self._wake()

    def _wake(self) -> None:
        outcome: Any = self  # not an `outcome.Outcome`, which is a closed union: one for each call costs 1 µs
        lowlevel.reschedule(self._task, outcome)


class Pending(dict[int, W]):
    """The calls that wait, by their tags. `due` is when the first of them may have taken too long, or earlier."""

    __slots__ = ("due",)

    def __init__(self) -> None:
        super().__init__()
        self.due = math.inf

    def late(self, now: float) -> list[W]:
        """Return the calls that have taken too long, and find out when the next will have."""
        if now < self.due:
            return []
        late = [call for call in self.values() if call.until <= now]
        self.due = min((call.until for call in self.values() if call.until > now), default=math.inf)
        return late
