"""The pool: the sessions with one endpoint, for every protocol; the leaf of an endpoint stack.

Theory of operation. `_free` holds the sessions that can take a call, the one used last at the end, which is used next, so
that the others can go idle. A call that finds none opens one, or waits when `max_size` are open or being opened. Whoever
waits is served in order, with a session that has room again, or with a place in which to open one: both are handed over
while the waiter still sleeps (`promised`, `_opening`), so that nobody who comes later takes them. Nobody waits while there
is room. When connecting fails, the endpoint is said to be busy at once, and a background task goes on trying; the first
connection that succeeds, whoever opens it, makes the endpoint open again. All state changes between awaits.
"""

from collections import deque
from collections.abc import Awaitable

import attrs
import trio

from mesh.codec import SESSION, NewSession, Session
from mesh.connecting import CONNECTOR, Connector
from mesh.endpoint import ENDPOINT, HEALTH, Endpoint, Health
from mesh.errors import ConnectFailed, MeshError, Overloaded, Unavailable
from mesh.expiry import within
from mesh.filtering import known
from mesh.introducing import INTRODUCES, introducing
from mesh.life import LIFE, Life
from mesh.message import Reply, Request
from mesh.params import Params
from mesh.pool_limits import POOL_LIMITS, POOL_STATS, PoolLimits, PoolStats
from mesh.reachability import Reachability
from mesh.reaper import Reaper
from mesh.service import AnyService
from mesh.transport import Connection


@attrs.define(eq=False)
class _Waiter:
    """A call that waits: for a session, for a place to open one in (`session` stays None), or to be told `error`."""

    woken: trio.Event = attrs.field(factory=trio.Event)
    session: Session | None = None
    error: MeshError | None = None


@attrs.define(eq=False)
class Pool:
    """Keeps the sessions with one endpoint; a service."""

    endpoint: Endpoint
    new_session: NewSession
    connector: Connector
    limits: PoolLimits
    stats: PoolStats
    health: Health
    life: Life
    _free: list[Session] = attrs.field(factory=list, init=False)
    _open: dict[Session, float] = attrs.field(factory=dict, init=False)  # to when something last changed on it
    _opening: int = attrs.field(default=0, init=False)  # places taken for sessions that are not open yet
    _calls: int = attrs.field(init=False)  # at a time, that a new session is expected to take
    _waiters: deque[_Waiter] = attrs.field(factory=deque, init=False)
    _reach: Reachability = attrs.field(init=False)
    _reaper: Reaper = attrs.field(init=False)

    @_calls.default
    def _expected_calls(self) -> int:
        return self.limits.calls_per_session

    @_reach.default
    def _new_reach(self) -> Reachability:
        counts, refuses = self.stats.reach, self.limits.fail_fast
        return Reachability(self.endpoint, self.health, self.life, counts, self._open_one, refuses=refuses)

    @_reaper.default
    def _new_reaper(self) -> Reaper:
        name = f"idle and old connections to {self.endpoint}"
        return Reaper(self._open, self.limits, self.stats, self.life, name, self._drop, self._withdraw)

    def __call__(self, request: Request, /) -> Awaitable[Reply]:
        session = self._take()
        return self._when_obtained(request) if session is None else session(request)

    async def _when_obtained(self, request: Request) -> Reply:
        stats = self.stats
        if stats.pending >= self.limits.max_pending:
            stats.pending_overflow += 1
            raise Overloaded(f"{self.endpoint}: more than {self.limits.max_pending} requests wait for a connection")
        stats.pending += 1
        started = trio.current_time()
        try:
            session = await within(request.context.expiry, self._obtain)
        finally:
            stats.pending -= 1
            stats.acquired((trio.current_time() - started) * 1e3)
        return await session(request)

    def _take(self) -> Session | None:
        """Return a free session for a call that is made before the next await; None if there is none."""
        free = self._free
        while free:
            session = free[-1]
            room = session.capacity - session.promised
            if room <= 1:
                free.pop()
                session.pooled = False
                self.stats.cached -= 1
                if room < 1:  # the endpoint has lowered its limit; the session is offered again when it has room
                    continue
            if session.is_usable():
                return session
            self._drop(session)
        return None

    async def _obtain(self) -> Session:
        """Wait for a session or open one, when none is free; the call must be made before the next await."""
        again = False
        while True:
            if self._has_place(len(self._waiters)):
                self._reach.check()
                self._take_place()
                return await self._connect()
            session = await self._wait(self._queue(again))
            if session is None:
                return await self._connect()
            if session.capacity > 0:
                if session.is_usable():
                    return session
                self._drop(session)
            other = self._take()
            if other is not None:
                return other
            again = True

    def _queue(self, again: bool) -> _Waiter:
        """Queue up; first, if what was waited for had gone bad meanwhile."""
        waiter = _Waiter()
        if again:
            self._waiters.appendleft(waiter)
            return waiter
        if self._is_shut_out():
            self.stats.connections_overflow += 1
            raise Overloaded(self._shut_out())
        soon = self._opening * (self._calls - 1)  # these wait for no connection to become free
        if len(self._waiters) >= self.limits.max_waiters + soon:
            self.stats.too_many_waiters += 1
            raise Overloaded(f"{self.endpoint}: too many requests wait for one of {self.limits.max_size} connections")
        self._waiters.append(waiter)
        self.stats.waited += 1
        return waiter

    async def _wait(self, waiter: _Waiter) -> Session | None:
        """Return the session that the waiter was given, or None if it was given a place. Raises what it was told."""
        self.stats.waiters += 1
        try:
            await waiter.woken.wait()
            await trio.lowlevel.checkpoint_if_cancelled()  # rather pass the session on than break a call on it
        except BaseException:
            self._decline(waiter)
            raise
        finally:
            self.stats.waiters -= 1
        if waiter.error is not None:
            raise waiter.error
        if waiter.session is not None:
            waiter.session.promised -= 1
        return waiter.session

    def _decline(self, waiter: _Waiter) -> None:
        """Give what a cancelled waiter was given to the next one."""
        if not waiter.woken.is_set():
            self._waiters.remove(waiter)
        elif waiter.session is not None:
            waiter.session.promised -= 1
            self._changed(waiter.session)
        elif waiter.error is None:
            self._leave_place()
            self._admit()

    def _has_place(self, ahead: int) -> bool:
        """Return whether a session may be opened for a call that comes after so many that wait."""
        limits, stats = self.limits, self.stats
        if ahead < self._opening * (self._calls - 1):
            return False  # those that are being opened will have room for it
        if len(self._open) + self._opening >= limits.max_size:
            return False
        return stats.size + stats.opening < limits.max_connections

    def _take_place(self) -> None:
        self._opening += 1
        self.stats.opening += 1

    def _leave_place(self) -> None:
        self._opening -= 1
        self.stats.opening -= 1

    def _admit(self) -> None:
        """Let those who wait open sessions, as far as there are places."""
        while self._waiters and self._has_place(len(self._waiters) - 1):
            self._take_place()
            self._waiters.popleft().woken.set()
        if self._waiters and self._is_shut_out():
            self.stats.connections_overflow += len(self._waiters)
            self._dismiss(Overloaded, self._shut_out())

    def _is_shut_out(self) -> bool:
        """Return whether the client's connections to other endpoints leave none to this one, nor one to wait for."""
        return not (self._open or self._opening or self._has_place(0))

    def _shut_out(self) -> str:
        return f"{self.endpoint}: the client has its {self.limits.max_connections} connections, all to other endpoints"

    def _dismiss(self, error: type[Unavailable], message: str) -> None:
        """Raise an error in every call that waits."""
        while self._waiters:
            waiter = self._waiters.popleft()
            waiter.error = error(message)
            waiter.woken.set()

    async def _connect(self) -> Session:
        """Return a new session, in the place that the caller has taken; with room for one call at least."""
        started = trio.current_time()
        try:
            if self.life.closed:
                raise Unavailable(f"{self.endpoint}: its connections are shut down")
            session = self._begin(await self.connector(self.endpoint))
        except BaseException as error:
            self._leave_place()
            if not self.life.closed:
                self._not_connected(error, started)
            self._admit()
            raise
        self._leave_place()
        self._open[session] = now = trio.current_time()
        self._calls = max(1, session.capacity)
        self.stats.size += 1
        self.stats.connects += 1
        self.stats.connected((now - started) * 1e3)
        self._reach.succeeded()
        self._reaper.opened(session, now)
        session.promised += 1  # the caller's place
        self._offer(session)
        session.promised -= 1
        if self._waiters:
            self._admit()
        return session

    def _not_connected(self, error: BaseException, started: float) -> None:
        """Take note of what ended an attempt to connect, and tell those who wait for its session."""
        if not isinstance(error, MeshError):
            self._reach.given_up()
            return
        if not isinstance(error, Overloaded):  # which is our doing, not the endpoint's
            self.stats.failed((trio.current_time() - started) * 1e3)
            self._reach.failed(error)
        if not self._open:  # else each who waits would try, and fail, in turn
            self._dismiss(Overloaded if isinstance(error, Overloaded) else ConnectFailed, str(error))

    def _begin(self, connection: Connection) -> Session:
        connection.account(self.stats.traffic)
        try:
            session = self.new_session(connection, self.life)
            if session.closed or self.life.closed:
                raise ConnectFailed(f"{self.endpoint}: the connection was closed as soon as it was open")
        except BaseException:
            connection.close()
            raise
        session.on_change = self._changed
        known(type(session).__call__, "the endpoint")
        return session

    def _changed(self, session: Session) -> None:
        """Take note that a session has room again or has closed."""
        if session.closed or session.leaving:
            self._forget(session)
        elif self.life.closed:
            if session.is_idle():
                session.close()
        elif self._reaper.retired and session in self._reaper.retired:
            self._reaper.has_ended(session)
        else:
            self._offer(session)
            if self._reaper.watches_idling:
                self._open[session] = now = trio.current_time()
                self._reaper.idled(now)

    def _offer(self, session: Session) -> None:
        """Give the room that a session has to those who wait, and what is left to those who come."""
        room = session.capacity - session.promised
        while room > 0 and self._waiters:
            waiter = self._waiters.popleft()
            waiter.session = session
            waiter.woken.set()
            session.promised += 1
            room -= 1
        if room > 0 and not session.pooled:
            session.pooled = True
            self._free.append(session)
            self.stats.cached += 1

    def _drop(self, session: Session) -> None:
        """Close a session and forget it, even if it was closed before and nobody was told."""
        session.close()
        self._forget(session)

    def _forget(self, session: Session) -> None:
        self._withdraw(session)
        if self._open.pop(session, None) is not None:
            self._reaper.forget(session)
            self.stats.size -= 1
            self._admit()

    async def _open_one(self) -> bool:
        """Open a session for nobody in particular; return false, and do nothing, if there is no place for it."""
        if not self._has_place(len(self._waiters)):
            return False
        self._take_place()
        self._changed(await self._connect())
        return True

    def _withdraw(self, session: Session) -> None:
        """Take a session out of the choice."""
        if session.pooled:
            session.pooled = False
            self._free.remove(session)
            self.stats.cached -= 1

    def close(self) -> None:
        """Close the free sessions now and the others when their calls end; calls that wait fail."""
        for session in list(self._free):
            if session.is_idle():
                session.close()
        self._dismiss(Unavailable, f"{self.endpoint}: its connections are shut down")


def pool(params: Params) -> AnyService:
    """Build the pool of the endpoint in `params`; the leaf of every endpoint stack."""
    new_session, life = params[SESSION], params[LIFE]
    if new_session is None:
        raise LookupError("a pool needs the client side of a codec")
    introduction, limits = params[INTRODUCES], params[POOL_LIMITS]
    if introduction is not None:
        new_session = introducing(new_session, introduction)
        limits = attrs.evolve(limits, calls_per_session=1)
    built = Pool(params[ENDPOINT], new_session, params[CONNECTOR], limits, params[POOL_STATS], params[HEALTH], life)
    life.on_close(built.close)
    known(Pool._when_obtained, "the pool, for a connection")
    return built.__call__
