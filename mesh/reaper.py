"""Closes the sessions of a pool that are idle for too long, or too old.

Theory of operation. One task sleeps until the first session is due, closes what is due, and ends when nothing can become due
any more; it is started again by what makes something due. A session that is due by its age while a call is open is
retired: it takes no further call, and is closed when its last one ends.
Source: finagle-core, service/ExpiringService.scala and pool/WatermarkPool.scala.
"""

import math
from collections.abc import Callable, Mapping

import attrs
import trio

from mesh.codec import Session
from mesh.life import Life
from mesh.pool_limits import PoolLimits, PoolStats


@attrs.define(eq=False)
class Reaper:
    """The reaper of one pool. `sessions` are the pool's open ones, to when something last changed on each.

    `drop` closes a session, `withdraw` takes one out of the choice. State: when each session was opened, if that matters,
    and `retired`, those that take no further call; it changes only between awaits.
    """

    sessions: Mapping[Session, float]
    limits: PoolLimits
    stats: PoolStats
    life: Life
    name: str
    drop: Callable[[Session], None]
    withdraw: Callable[[Session], None]
    watches_idling: bool = attrs.field(init=False)
    _ages: bool = attrs.field(init=False)
    _born: dict[Session, float] = attrs.field(factory=dict, init=False)
    retired: set[Session] = attrs.field(factory=set, init=False)
    _running: bool = attrs.field(default=False, init=False)
    _sleep: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)

    @watches_idling.default
    def _has_idle_limit(self) -> bool:
        return min(self.limits.idle_seconds, self.limits.session_idle_seconds) != math.inf

    @_ages.default
    def _has_age_limit(self) -> bool:
        return self.limits.session_life_seconds != math.inf

    def opened(self, session: Session, now: float) -> None:
        """Take note of a new session."""
        if self._ages:
            self._born[session] = now
            self._wake_by(now + self.limits.session_life_seconds)

    def idled(self, now: float) -> None:
        """Take note that a session has room again, if idling is watched."""
        self._wake_by(now + self._idle_seconds())

    def forget(self, session: Session) -> None:
        """Take note that a session was closed."""
        if self._ages:
            self._born.pop(session, None)
            self.retired.discard(session)

    def has_ended(self, session: Session) -> None:
        """Take note that a call has ended on a retired session: with the last one it is closed."""
        if session.is_idle():
            self.stats.expired_lifetime += 1
            self.drop(session)

    def _wake_by(self, due: float) -> None:
        """Have the task look at the sessions at `due`, or before."""
        if self._running:
            if due < self._sleep.deadline:  # rarely; to move it takes 1.6 µs
                self._sleep.deadline = due
        elif due < math.inf and not self.life.closed:
            self._running = True
            self.life.start(self.name, self._run)

    async def _run(self) -> None:
        self._running = True  # also when this task is started again, after an error
        try:
            due = self._reap(trio.current_time())
            while due < math.inf:
                with trio.CancelScope(deadline=due) as self._sleep:
                    await trio.sleep_forever()
                due = self._reap(trio.current_time())
        finally:
            self._running = False

    def _reap(self, now: float) -> float:
        """Close what is due; return when the next session will be."""
        first = math.inf
        for session in sorted(self.sessions, key=self.sessions.__getitem__):  # the one used longest ago goes first
            is_idle = session.is_idle() and not session.promised
            old_at = self._old_at(session)
            idle_at = self._idle_at(session) if is_idle else math.inf
            if old_at <= now:
                self._retire(session, is_idle=is_idle)
            elif idle_at <= now:
                self.stats.expired_idle += 1
                self.drop(session)
            else:
                first = min(first, old_at, idle_at)
        return first

    def _old_at(self, session: Session) -> float:
        if not self._ages or session in self.retired:
            return math.inf
        return self._born.get(session, math.inf) + self.limits.session_life_seconds

    def _idle_at(self, session: Session) -> float:
        """Return when a session, idle now, will have been idle for too long."""
        return self.sessions[session] + self._idle_seconds()

    def _idle_seconds(self) -> float:
        limits = self.limits
        if len(self.sessions) > limits.min_size:
            return min(limits.session_idle_seconds, limits.idle_seconds)
        return limits.session_idle_seconds

    def _retire(self, session: Session, *, is_idle: bool) -> None:
        if is_idle:
            self.stats.expired_lifetime += 1
            self.drop(session)
        else:
            self.retired.add(session)
            self.withdraw(session)
