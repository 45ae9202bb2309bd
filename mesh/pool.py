"""The pool: the sessions with one endpoint, for every protocol; the leaf of an endpoint stack.

Theory of operation. `_free` holds the sessions that can take a call, the one used last at the end, which is used next, so
that the others can go idle. A call that finds none opens one, or waits when `max_size` are open. A session that has room
again goes to the first waiter, else back to `_free`. When connecting fails, the endpoint is said to be busy at once, and a
background task goes on trying; the first connection that succeeds, whoever opens it, makes the endpoint open again.
All state changes between awaits.
"""

import math
import random
from collections import deque
from collections.abc import Callable

import attrs
import trio

from mesh.codec import SESSION, NewSession, Session
from mesh.endpoint import ENDPOINT, HEALTH, Endpoint, Health, Status
from mesh.errors import ConnectFailed, MeshError, Overloaded
from mesh.life import LIFE, Life
from mesh.message import Reply, Request
from mesh.params import Param, Params
from mesh.service import AnyService
from mesh.stack import known
from mesh.transport import CONNECTOR, Connector

RECONNECT_SECONDS = (0.25, 16.0)  # first and longest pause between background attempts; doubled and jittered


@attrs.frozen
class PoolLimits:
    """How many sessions a pool keeps; counts are per endpoint. The defaults are linkerd's."""

    min_size: int = 0
    max_size: int = 2**31 - 1
    idle_seconds: float = math.inf
    max_waiters: int = 2**31 - 1


@attrs.define(eq=False)
class PoolStats:
    """What the pools of one client have done, added up; whoever owns it shows it as metrics.

    `size` counts open sessions, `cached` the free ones, `waiters` the calls that wait; the rest only grow. `connected`
    and `failed` are called with the milliseconds that an attempt took.
    """

    size: int = 0
    cached: int = 0
    waiters: int = 0
    waited: int = 0
    too_many_waiters: int = 0
    connects: int = 0
    connected: Callable[[float], None] = lambda _ms: None
    failed: Callable[[float], None] = lambda _ms: None


POOL_LIMITS = Param(PoolLimits(), "pool limits")
POOL_STATS = Param(PoolStats(), "pool stats")


@attrs.define(eq=False)
class _Waiter:
    """A call that waits for a session, or for the permission to open one (`session` stays None)."""

    woken: trio.Event = attrs.field(factory=trio.Event)
    session: Session | None = None


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
    _open: dict[Session, float] = attrs.field(factory=dict, init=False)  # to when it became free
    _opening: int = attrs.field(default=0, init=False)
    _waiters: deque[_Waiter] = attrs.field(factory=deque, init=False)
    _reconnecting: bool = attrs.field(default=False, init=False)
    _reaping: bool = attrs.field(default=False, init=False)

    async def __call__(self, request: Request, /) -> Reply:
        free = self._free
        while free:
            session = free[-1]
            if not session.is_usable():
                session.close()  # which takes it out of `_free`
                continue
            if session.capacity == 1:
                free.pop()
                session.pooled = False
                self.stats.cached -= 1
            return await session(request)
        return await (await self._obtain())(request)

    async def _obtain(self) -> Session:
        """Return a session with room for the caller's call, which must be made before the next await."""
        while True:
            if len(self._open) + self._opening < self.limits.max_size:
                return await self._connect()
            session = await self._wait()
            if session is not None and session.is_usable():
                return session
            if session is not None:
                session.close()

    async def _wait(self) -> Session | None:
        if len(self._waiters) >= self.limits.max_waiters:
            self.stats.too_many_waiters += 1
            raise Overloaded(f"{self.endpoint}: too many requests wait for one of {self.limits.max_size} connections")
        waiter = _Waiter()
        self._waiters.append(waiter)
        self.stats.waiters += 1
        self.stats.waited += 1
        try:
            await waiter.woken.wait()
        except BaseException:
            if waiter.woken.is_set():
                self._pass_on(waiter.session)
            else:
                self._waiters.remove(waiter)
            raise
        finally:
            self.stats.waiters -= 1
        return waiter.session

    def _pass_on(self, session: Session | None) -> None:
        """Give what a cancelled waiter was given to the next one."""
        if session is not None:
            self._changed(session)
        elif self._waiters:
            self._waiters.popleft().woken.set()

    async def _connect(self) -> Session:
        self._opening += 1
        started = trio.current_time()
        try:
            connection = await self.connector(self.endpoint)
        except MeshError:
            self.stats.failed((trio.current_time() - started) * 1e3)
            self._lost()
            raise
        finally:
            self._opening -= 1
            if self._waiters and len(self._open) + self._opening < self.limits.max_size - 1:
                self._waiters.popleft().woken.set()
        self.stats.connected((trio.current_time() - started) * 1e3)
        self.stats.connects += 1
        self.health.say("connect", Status.OPEN)
        session = self.new_session(connection, self.life)
        session.on_change = self._changed
        self._open[session] = math.inf
        self.stats.size += 1
        return session

    def _changed(self, session: Session) -> None:
        """Take note that a session has room again or has closed."""
        if session.closed:
            if self._open.pop(session, None) is not None:
                self.stats.size -= 1
                if session.pooled:
                    self._free.remove(session)
                    self.stats.cached -= 1
                if self._waiters:
                    self._waiters.popleft().woken.set()
        elif self.life.closed:
            session.close()
        elif self._waiters:
            waiter = self._waiters.popleft()
            waiter.session = session
            waiter.woken.set()
        elif not session.pooled:
            session.pooled = True
            self._free.append(session)
            self.stats.cached += 1
            if self.limits.idle_seconds is not math.inf:
                self._open[session] = trio.current_time()
                self._reap()

    def _lost(self) -> None:
        """Keep balancers away from the endpoint until somebody has connected to it again."""
        self.health.say("connect", Status.BUSY)
        if not self._reconnecting and not self.life.closed:
            self._reconnecting = True
            self.life.start(f"reconnect {self.endpoint}", self._reconnect)

    async def _reconnect(self) -> None:
        pause, longest = RECONNECT_SECONDS
        try:
            while self.health.reasons.get("connect"):
                await trio.sleep(pause * random.uniform(0.5, 1.0))
                pause = min(pause * 2, longest)
                if not self.health.reasons.get("connect"):
                    return
                try:
                    session = await self._connect()
                except ConnectFailed:
                    continue
                self._changed(session)
        finally:
            self._reconnecting = False

    def _reap(self) -> None:
        if not self._reaping:
            self._reaping = True
            self.life.start(f"idle connections to {self.endpoint}", self._reap_idle)

    async def _reap_idle(self) -> None:
        """Close sessions that have been free for too long, down to the smallest number; ends when none is left above it."""
        try:
            while self._free and len(self._open) > self.limits.min_size:
                oldest = min(self._free, key=self._open.__getitem__)
                due = self._open[oldest] + self.limits.idle_seconds
                if due > trio.current_time():
                    await trio.sleep_until(due)
                elif oldest.pooled:
                    oldest.close()
        finally:
            self._reaping = False

    def close(self) -> None:
        """Close the free sessions now and the others when their calls end."""
        for session in list(self._free):
            session.close()


def pool(params: Params) -> AnyService:
    """Build the pool of the endpoint in `params`; the leaf of every endpoint stack."""
    new_session, life = params[SESSION], params[LIFE]
    if new_session is None:
        raise LookupError("a pool needs the client side of a codec")
    built = Pool(
        params[ENDPOINT], new_session, params[CONNECTOR], params[POOL_LIMITS], params[POOL_STATS], params[HEALTH], life
    )
    life.on_close(built.close)
    known(Pool.__call__, "the endpoint")
    return built.__call__
