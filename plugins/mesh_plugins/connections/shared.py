"""Sessions that carry several calls at a time over one connection, each known by its tag.

Theory of operation. A call is sent, and waits in its caller's task; the one task that reads wakes it with its answer, in
whichever order they come. A second task writes (`Outgoing`), a third keeps the time: that of the calls too, which takes a look
at all that are open whenever the first may be due, and no timer for any of them. The three end together, and with them every
open call.

A call that is given up, or too late, is taken back if nothing of it was sent; else its place stays taken until its answer
comes, which is dropped. Too many of those make the session useless bit by bit: it then takes no more calls, and ends with the
last that somebody waits for. The pool goes on with others in its place.
"""

import logging
import math
from collections.abc import Awaitable, Callable
from typing import Generic

import trio

from mesh import (
    Connection,
    Expiry,
    Life,
    Limits,
    RemoteProtocolError,
    Session,
    UpstreamBroken,
    UpstreamProtocolError,
    within,
)
from mesh_plugins.connections.alarm import Alarm
from mesh_plugins.connections.calls import Call, Calls, Rep, Req
from mesh_plugins.connections.gone import GONE
from mesh_plugins.connections.outgoing import Outgoing
from mesh_plugins.connections.pending import Pending

logger = logging.getLogger(__name__)

STALLED = 1 << 40  # taken off the capacity while the endpoint does not read


class SharedSession(Session, Generic[Req, Rep]):
    """A session over one connection; see the module. Raises `UpstreamBroken`, `IdleTimeout`, and what an expiry says.

    A protocol says how a call is made, read, and taken back. State: `_pending`, the calls that wait for answers; `_entering`,
    how many are on their way there; `_given_up`, those that nobody waits for and that are not answered; `_is_open` from the
    time on when calls can be sent; `_heard`, when something came last; `_end`, what ended the session; `_is_answering`, whether
    a part of an answer had come by then, which is known only of a call that was the only one.
    """

    __slots__ = (
        "_alarm",
        "_calls",
        "_clock",
        "_connection",
        "_end",
        "_entering",
        "_given_up",
        "_heard",
        "_idle_seconds",
        "_is_answering",
        "_is_open",
        "_most_given_up",
        "_opened",
        "_outgoing",
        "_pending",
        "_piece_seconds",
        "_scope",
    )

    def __init__(self, connection: Connection, life: Life, outgoing: Outgoing, limits: Limits, capacity: int) -> None:
        super().__init__(capacity)
        self._connection = connection
        self._clock: Callable[[], float] = trio.lowlevel.current_clock().current_time
        self._outgoing = outgoing
        outgoing.on_full = self._stall
        outgoing.on_room = self._go_on
        outgoing.on_excess = self._look_soon
        self._calls: Calls[Req, Rep] = Calls(self._give_up)
        self._pending: Pending[Req, Rep] = Pending()
        self._given_up: dict[int, Call[Req, Rep]] = {}
        self._most_given_up = capacity // 2
        self._entering = 0
        self._idle_seconds = limits.stream_idle_timeout_s
        self._piece_seconds = limits.header_deadline_s
        self._heard = self._clock()
        self._is_open = False
        self._opened = trio.Event()
        self._is_answering = False
        self._end: tuple[type[UpstreamBroken], str] | None = None
        self._alarm = Alarm(self._clock, self._look)
        self._scope = life.spawn(f"session with {connection.peer}", self._run)

    async def _read(self) -> None:
        """Do what the endpoint says, to its end. Raises what reading raises, and `RemoteProtocolError`."""
        raise NotImplementedError

    def _has_part(self) -> bool:
        """Return whether a message has begun to come and is not whole."""
        raise NotImplementedError

    def _take_back(self, call: Call[Req, Rep], why: str) -> bool:
        """Let an endpoint not answer a call, as far as that can be; return whether it certainly will not."""
        raise NotImplementedError

    def _drained(self) -> None:
        """The session took no more calls, and all that was to be sent has been."""
        self._finish(UpstreamBroken, "was drained")

    async def _enter(self, expiry: Expiry | None) -> None:
        """Wait until calls can be sent. Raises if none can be any more."""
        if not (self._is_open or self.closed or self.leaving):
            self._entering += 1
            try:
                await within(expiry, self._opened.wait)
            finally:
                self._entering -= 1
        if not self._is_open or self.leaving or self._connection.hung_up:
            raise self._error(is_unsent=True)

    def _send(self, call: Call[Req, Rep], data: bytes, now: float) -> Awaitable[Rep]:
        """Send a call; return what waits for its answer, to be awaited at once."""
        tag, until, expiry, pending = call.tag, now + self._idle_seconds, call.expiry, self._pending
        if expiry is not None and expiry.at < until:
            until = expiry.at
        call.until = until
        pending[tag] = call
        self._outgoing.add(data, tag)
        if until < pending.due:
            pending.due = until
            self._alarm.by(until)
        return call.wait()

    def _free(self, call: Call[Req, Rep]) -> None:
        """A call is over: give its place back."""
        self._calls.give_back(call)
        if self.closed:
            return
        if self.leaving:
            self._end_if_idle()
            return
        self.capacity += 1
        if not self.pooled or not self._pending:  # else nobody waits for it
            self.on_change(self)

    def _give_up(self, call: Call[Req, Rep]) -> None:
        """Nobody waits for a call any more: its task was cancelled."""
        self._discard(call, "the caller gave up")

    def _discard(self, call: Call[Req, Rep], why: str) -> None:
        del self._pending[call.tag]
        if self._take_back(call, why):
            self._free(call)
            return
        self._given_up[call.tag] = call
        if self.leaving:
            self._end_if_idle()
        elif len(self._given_up) > self._most_given_up:
            self._leave()
        elif not self._pending:
            self.on_change(self)  # whoever wants to end the session need not wait for what was given up

    def is_usable(self) -> bool:
        """Return whether it takes calls; an endpoint that hung up may still answer those that it has got."""
        return not (self.closed or self.leaving or (self._connection.hung_up and self.is_idle()))

    def is_idle(self) -> bool:
        return not (self._pending or self._entering)

    def close(self) -> None:
        self._finish(UpstreamBroken, "was closed")

    def _leave(self) -> None:
        """Take no more calls, and end with the last that is open."""
        if not (self.leaving or self.closed):
            self.leaving = True
            self.capacity = 0
            self.on_change(self)
        self._end_if_idle()

    def _end_if_idle(self) -> None:
        if self.is_idle():
            self._outgoing.end()

    def _finish(self, kind: type[UpstreamBroken], why: str) -> None:
        """End the session, and every call that waits."""
        if self._end is not None:
            return
        self._end = kind, why
        self.closed = True
        self.capacity = 0
        self._is_open = False
        self.on_change(self)
        calls = list(self._pending.values())
        self._is_answering = len(calls) == 1 and not self._given_up and self._has_part()
        self._pending.clear()
        for call in calls:
            call.fail(self._error(is_unsent=self._outgoing.holds(call.tag)))
        self._opened.set()
        self._connection.close()
        self._scope.cancel()

    def _error(self, *, is_unsent: bool) -> UpstreamBroken:
        """Return what the end of the session means to a call, which may be repeated if nothing of it was sent."""
        kind, why = self._end or (UpstreamBroken, "takes no more calls")
        begun = not is_unsent and self._is_answering
        return kind(f"the connection to {self._connection.peer} {why}", retryable=is_unsent, reply_begun=begun)

    async def _run(self) -> None:
        """Read, write and keep the time until the connection ends."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._write)
                nursery.start_soon(self._alarm.run)
                try:
                    await self._read()
                    self._finish(UpstreamBroken, "was closed by the endpoint")
                except GONE as error:
                    self._finish(UpstreamBroken, f"broke: {error}")
                except RemoteProtocolError as error:
                    logger.debug("%s breaks the protocol: %s", self._connection.peer, error)
                    self._finish(UpstreamProtocolError, f"made no sense: {error}")
        finally:
            self._finish(UpstreamBroken, "was closed")

    async def _write(self) -> None:
        try:
            await self._outgoing.run()
            self._drained()
        except GONE as error:
            if not self._connection.hung_up:  # else what the endpoint said before is still to be read
                self._finish(UpstreamBroken, f"broke: {error}")

    def _stall(self) -> None:
        """The endpoint does not read: it gets no more calls until it does."""
        self.capacity -= STALLED
        self._alarm.by(self._clock() + self._idle_seconds)

    def _go_on(self) -> None:
        if self.is_usable():
            self.capacity += STALLED
            self.on_change(self)

    def _look_soon(self) -> None:
        """Too much waits to be sent: end the session, but not before the call that has added it waits, too."""
        self._alarm.by(self._clock())

    def _look(self, now: float) -> float:
        """Do what is due; return when to look again."""
        outgoing, pending, idle = self._outgoing, self._pending, self._idle_seconds
        for call in pending.late(now):
            if self._end is None:  # one of them may tell that the connection is dead
                self._too_late(call, now)
        if outgoing.since + idle <= now or outgoing.is_excessive:
            self._finish(UpstreamBroken, "takes nothing any more")
        elif self._cut_at() <= now:
            self._finish(UpstreamBroken, f"stopped in the middle of a message for {self._piece_seconds:g} s")
        return min(pending.due, outgoing.since + idle, self._cut_at())

    def _too_late(self, call: Call[Req, Rep], now: float) -> None:
        self._discard(call, "too late")
        call.fail(call.lateness(self._connection.peer, now, self._idle_seconds))

    def _cut_at(self) -> float:
        """Return until when more must come of the message that has begun."""
        return self._heard + self._piece_seconds if self._has_part() else math.inf
