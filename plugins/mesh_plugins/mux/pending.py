"""Calls of one session that wait for their answers."""

import math
from typing import Any

from trio import lowlevel

from mesh import Expiry, IdleTimeout, MeshError
from mesh_plugins.mux.message import MuxReply, MuxRequest

NONE = MuxReply()


class Call:
    """A call that waits, as an outcome for the task that is woken with it.

    `until` is when it has taken too long, for `expiry` or, without one, for `idle_seconds`. `is_plain`: it
    was sent as a `Treq`.
    """

    __slots__ = ("_error", "_reply", "_task", "expiry", "is_plain", "request", "tag", "until")

    def __init__(self, request: MuxRequest, tag: int, until: float, *, is_plain: bool) -> None:
        self.request = request
        self.tag = tag
        self.until = until
        self.expiry: Expiry | None = request.context.expiry
        self.is_plain = is_plain
        self._task = lowlevel.current_task()
        self._reply = NONE
        self._error: MeshError | None = None

    def unwrap(self) -> MuxReply:
        """Return the answer, or raise what came instead; for the task that waits."""
        if self._error is not None:
            raise self._error
        return self._reply

    def answer(self, reply: MuxReply) -> None:
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

    def lateness(self, peer: str, now: float, idle_seconds: float) -> MeshError:
        """Return the error for a call that is too late."""
        if self.expiry is not None and self.expiry.at <= now:
            return self.expiry.error()
        return IdleTimeout(f"{peer} has not answered for {idle_seconds:g} s")


class Pending(dict[int, Call]):
    """The calls that wait, by their tags. `due` is when the first of them may have taken too long, or earlier."""

    __slots__ = ("due",)

    def __init__(self) -> None:
        super().__init__()
        self.due = math.inf

    def late(self, now: float) -> list[Call]:
        """Return the calls that have taken too long, and find out when the next will have."""
        if now < self.due:
            return []
        late = [call for call in self.values() if call.until <= now]
        self.due = min((call.until for call in self.values() if call.until > now), default=math.inf)
        return late
