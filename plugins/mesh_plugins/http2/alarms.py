"""One clock for the waits of all streams: connections are told when something of theirs may have taken too long.

Theory of operation. A stream that waits notes until when, and its connection makes sure that it is looked at by then. That
costs a comparison, where a cancel scope for each wait costs 5 µs: the moments of one connection mostly come in order, so that
the alarm seldom has to be moved. One task sleeps until the earliest alarm of all connections.
"""

import logging
import math
from typing import Protocol

import trio
from trio import lowlevel

logger = logging.getLogger(__name__)

MIN_PAUSE_SECONDS = 0.005  # alarms closer together than this ring together


class Alarmed(Protocol):
    """Whoever is told."""

    def on_alarm(self, now: float) -> float:
        """Do what is due, and return when to look again; infinity for never. It must neither await nor raise."""


class Alarms:
    """The alarms of one `trio.run`; its task ends with the run. State: when whom to tell."""

    def __init__(self) -> None:
        self._due: dict[Alarmed, float] = {}
        self._next = math.inf
        self._sleep = trio.CancelScope()

    def set(self, who: Alarmed, at: float) -> None:
        """Tell `who` at `at`, or before."""
        if at < self._due.get(who, math.inf):
            self._due[who] = at
            if at < self._next:
                self._next = at
                self._sleep.deadline = at

    def drop(self, who: Alarmed) -> None:
        """Tell `who` nothing more."""
        self._due.pop(who, None)

    async def run(self) -> None:
        """Tell everybody in time, for ever."""
        while True:
            with trio.CancelScope(deadline=self._next) as self._sleep:
                await trio.sleep_forever()
            now = trio.current_time()
            for who, at in list(self._due.items()):
                if at <= now and self._due.pop(who, None) is not None:
                    self._ring(who, now)
            self._next = max(min(self._due.values(), default=math.inf), now + MIN_PAUSE_SECONDS)

    def _ring(self, who: Alarmed, now: float) -> None:
        try:
            at = who.on_alarm(now)
        except Exception:  # which would otherwise end the run, as whatever a system task raises
            logger.exception("what to do in time raised")
        else:
            if at < self._due.get(who, math.inf):
                self._due[who] = at


_current: lowlevel.RunVar[Alarms] = lowlevel.RunVar("mesh_plugins.http2.alarms")


def current() -> Alarms:
    """Return the alarms of this run, starting them if there are none."""
    try:
        return _current.get()
    except LookupError:
        alarms = Alarms()
        _current.set(alarms)
        lowlevel.spawn_system_task(alarms.run, name="alarms of streams")
        return alarms
