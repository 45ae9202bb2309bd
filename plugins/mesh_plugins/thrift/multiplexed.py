"""One connection to an endpoint that speaks Thrift, as a session of several calls at a time, each known by its sequence id.

Theory of operation. A call gets an id of the session's own, writes its message and waits in its caller's task; the one task
that reads wakes it with the reply that bears its id, whichever comes first. A second task writes, a third keeps the time. A
call that is given up, or too late, is taken back if nothing of it was sent; else its place stays taken until its reply comes,
which is dropped. Too many of those end the session with its last call, and with others in its place the pool goes on. An id
that no call has means that replies cannot be told apart any more: the connection ends, and with it every call that was sent.
Ids are not used again until all others were.
"""

import math
from collections import deque
from collections.abc import Callable

import trio
from trio import lowlevel

from mesh import (
    Connection,
    IdleTimeout,
    Life,
    Limits,
    Session,
    UpstreamBroken,
    UpstreamProtocolError,
    within,
)
from mesh_plugins.connections.alarm import Alarm
from mesh_plugins.connections.gone import GONE
from mesh_plugins.connections.outgoing import Outgoing
from mesh_plugins.connections.pending import Call, Pending
from mesh_plugins.thrift.asking import Refusals, ask
from mesh_plugins.thrift.framing import new_messages
from mesh_plugins.thrift.incoming import check_name, fitted, reply_in
from mesh_plugins.thrift.message import Message, ThriftReply, ThriftRequest, nothing
from mesh_plugins.thrift.outgoing import outgoing_call
from mesh_plugins.thrift.peer import Peer
from mesh_plugins.thrift.walking import Bounds
from mesh_plugins.thrift.wire import ONEWAY, Malformed

LAST_ID = (1 << 31) - 1
UNSENT_FRAMES = 4  # of the largest size, that may wait for an endpoint to read; beyond them it is given up
STALLED = 1 << 40  # taken off the capacity while the endpoint does not read
SILENT = 256  # one-way calls whose replies are passed over: servers answer those whose method they do not know


class MultiplexedSession(Session):
    """A session over one connection; see the module. Raises `UpstreamBroken`, `IdleTimeout`, and what an expiry says.

    State: `_pending`, the calls that wait, of which `_one_ways` wait to be written; `_entering`, how many are on their way
    there; `_given_up`, the ids of calls that nobody waits for and that are not answered; `_is_upgraded`, None while the
    endpoint is still to be asked; `_end`, what ended the session.
    """

    __slots__ = (
        "_alarm",
        "_bounds",
        "_clock",
        "_connection",
        "_end",
        "_entering",
        "_given_up",
        "_heard",
        "_idle_seconds",
        "_is_upgraded",
        "_last_id",
        "_messages",
        "_one_ways",
        "_opened",
        "_outgoing",
        "_peer",
        "_pending",
        "_piece_seconds",
        "_refusals",
        "_scope",
        "_silent",
    )

    def __init__(self, connection: Connection, life: Life, peer: Peer, limits: Limits, refusals: Refusals) -> None:
        super().__init__(capacity=peer.calls)
        self._connection = connection
        self._peer = peer
        self._bounds = Bounds.of(limits)
        self._messages = new_messages(peer.encoding, self._bounds, is_framed=peer.is_framed)
        self._refusals = refusals
        self._clock: Callable[[], float] = trio.lowlevel.current_clock().current_time
        self._outgoing = Outgoing(connection, limits.thrift_max_frame_bytes * UNSENT_FRAMES, self._clock)
        self._outgoing.on_sent = self._sent
        self._outgoing.on_full = self._stall
        self._outgoing.on_room = self._go_on
        self._outgoing.on_excess = self._give_up
        self._pending: Pending[Call[ThriftRequest, ThriftReply]] = Pending()
        self._one_ways: set[int] = set()
        self._given_up: set[int] = set()
        self._silent: deque[int] = deque(maxlen=SILENT)
        self._entering = self._last_id = 0
        self._idle_seconds = limits.stream_idle_timeout_s
        self._piece_seconds = limits.header_deadline_s
        self._heard = self._clock()
        self._is_upgraded: bool | None = None if peer.upgrades and not refusals.has(connection.peer) else False
        self._opened = trio.Event()
        self._end: tuple[type[UpstreamBroken], str] | None = None
        self._alarm = Alarm(self._clock, self._look)
        self._scope = life.spawn(f"thrift session with {connection.peer}", self._run)

    async def __call__(self, request: ThriftRequest, /) -> ThriftReply:  # type: ignore[override]  # Thrift only
        context = request.context
        expiry, now = context.expiry, self._clock()
        if expiry is not None and expiry.at <= now:
            self.on_change(self)  # nothing was sent, so there is room as before
            raise expiry.error()
        self.capacity -= 1
        seqid = await self._enter(request)
        until = self._clock() + self._idle_seconds
        if expiry is not None and expiry.at < until:
            until = expiry.at
        call: Call[ThriftRequest, ThriftReply] = Call(request, seqid, until)
        self._pending[seqid] = call
        if request.head.kind == ONEWAY:
            self._one_ways.add(seqid)
        if until < self._pending.due:
            self._pending.due = until
            self._alarm.by(until)
        reply: ThriftReply = await lowlevel.wait_task_rescheduled(lambda _raise_cancel: self._abandon(call))
        try:
            reply = await fitted(reply, request, self._peer, self._bounds)
        except Malformed as error:
            raise UpstreamProtocolError(f"{self._connection.peer}: {error}", reply_begun=True) from error
        context.made(reply)
        return reply

    async def _enter(self, request: ThriftRequest) -> int:
        """Give a call to the writer, as the endpoint wants it; return its id. Gives its place back if it fails."""
        self._entering += 1
        try:
            if self._is_upgraded is None and self._end is None:
                await within(request.context.expiry, self._opened.wait)
            seqid = self._next_id()
            data = await outgoing_call(request, seqid, self._peer, self._bounds, is_upgraded=bool(self._is_upgraded))
            if self._end is None:
                self._outgoing.add(data, seqid)
            if self._end is not None:
                raise self._error(is_unsent=True)
        except BaseException:
            self._entering -= 1
            self._release()
            raise
        self._entering -= 1
        return seqid

    def _next_id(self) -> int:
        seqid = self._last_id
        while True:
            seqid = seqid + 1 if seqid < LAST_ID else 1
            if seqid not in self._pending and seqid not in self._given_up:
                self._last_id = seqid
                return seqid

    def is_usable(self) -> bool:
        return not (self.closed or self.leaving or self._connection.hung_up)

    def is_idle(self) -> bool:
        return not (self._pending or self._entering)

    def close(self) -> None:
        self._finish(UpstreamBroken, "was closed")

    def _release(self) -> None:
        """Give back the place of a call."""
        if self.closed:
            return
        self.capacity += 1
        if self.leaving:
            self._leave()
        elif not self.pooled or not self._pending:  # else nobody waits for it
            self.on_change(self)

    def _abandon(self, call: Call[ThriftRequest, ThriftReply]) -> lowlevel.Abort:
        """Nobody waits for a call any more: its task was cancelled."""
        self._discard(call)
        return lowlevel.Abort.SUCCEEDED

    def _discard(self, call: Call[ThriftRequest, ThriftReply]) -> None:
        seqid = call.tag
        del self._pending[seqid]
        if self._outgoing.holds(seqid):
            self._outgoing.take_back(seqid)
            self._one_ways.discard(seqid)
            self._release()
        elif seqid in self._one_ways:
            self._one_ways.remove(seqid)
            self._silent.append(seqid)
            self._release()
        else:
            self._given_up.add(seqid)
            self._retire_if_useless()

    def _retire_if_useless(self) -> None:
        """Take no more calls if too many places are taken by calls that may never be answered; end with the last one."""
        if self.leaving:
            self._leave()
        elif len(self._given_up) > self._peer.calls // 2:
            self.leaving = True
            self.on_change(self)
            self._leave()
        elif not self._pending:
            self.on_change(self)  # whoever wants to end the session need not wait for what was given up

    def _leave(self) -> None:
        if self.is_idle():
            self._finish(UpstreamBroken, "was drained")

    async def _run(self) -> None:
        """Read, write and keep the time until the connection ends."""
        try:
            if await self._is_open():
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._write)
                    nursery.start_soon(self._alarm.run)
                    await self._read()
                    nursery.cancel_scope.cancel()
        finally:
            self._finish(UpstreamBroken, "was closed")

    async def _is_open(self) -> bool:
        """Ask what the endpoint speaks, if that is to be asked; return whether it can be spoken to."""
        if self._is_upgraded is None:
            connection = self._connection
            connection.deadline = self._due()
            try:
                self._is_upgraded = await ask(connection, self._messages, self._peer, self._due, self._refusals)
            except UpstreamBroken as error:
                self._finish(type(error), f"was lost: {error}")
                return False
            except (trio.TooSlowError, trio.ClosedResourceError):
                self._finish(UpstreamBroken, "was silent when the endpoint was asked whether it speaks TTwitter")
                return False
            connection.deadline = math.inf
            self._opened.set()
        return True

    def _due(self) -> float:
        return self._clock() + (self._piece_seconds if self._messages.count() else self._idle_seconds)

    async def _write(self) -> None:
        try:
            await self._outgoing.run()
        except GONE as error:
            if not self._connection.hung_up:  # else what the endpoint said before is still to be read
                self._finish(UpstreamBroken, f"broke: {error}")

    async def _read(self) -> None:
        connection, messages = self._connection, self._messages
        try:
            while data := await connection.receive_some():
                self._heard = self._clock()
                message = messages.arrived(data)
                while message is not None or messages.is_paused:
                    if message is None:
                        await lowlevel.checkpoint()
                    else:
                        self._take(message)
                    message = messages.take()
                if messages.count():
                    self._alarm.by(self._heard + self._piece_seconds)
            self._finish(UpstreamBroken, "was closed by the endpoint")
        except GONE as error:
            self._finish(UpstreamBroken, f"broke: {error}")
        except Malformed as error:
            self._finish(UpstreamProtocolError, f"made no sense: {error}")

    def _take(self, message: Message) -> None:
        """Hand a reply to the call that waits for it. Raises `Malformed` for one that nobody asked for."""
        reply = reply_in(message, self._peer.encoding, self._bounds, is_upgraded=bool(self._is_upgraded))
        seqid = reply.head.seqid
        call = self._pending.get(seqid)
        if call is None or seqid in self._one_ways or self._outgoing.holds(seqid):
            self._drop(seqid)
            return
        check_name(reply.head, call.request.head)
        del self._pending[seqid]
        call.answer(reply)
        self._release()

    def _drop(self, seqid: int) -> None:
        """Pass over a reply that nobody waits for."""
        if seqid in self._given_up:
            self._given_up.remove(seqid)
            self._release()
        elif seqid not in self._silent:
            raise Malformed(f"a reply with the sequence id {seqid}, which no open call has")

    def _sent(self) -> None:
        """One-way calls are over when they have been written."""
        if self._one_ways:
            for seqid in [seqid for seqid in self._one_ways if not self._outgoing.holds(seqid)]:
                self._one_ways.remove(seqid)
                self._silent.append(seqid)
                call = self._pending.pop(seqid)
                call.answer(nothing(call.request))
                self._release()

    def _finish(self, kind: type[UpstreamBroken], why: str) -> None:
        """End the session, and every call that waits."""
        if self._end is not None:
            return
        self._end = kind, f"the connection to {self._connection.peer} {why}"
        self.closed = True
        self.capacity = 0
        self.on_change(self)
        calls = list(self._pending.values())
        self._pending.clear()
        for call in calls:
            call.fail(self._error(is_unsent=self._outgoing.holds(call.tag)))
        self._opened.set()
        self._connection.close()
        self._scope.cancel()

    def _error(self, *, is_unsent: bool) -> UpstreamBroken:
        """Return what the end of the session means to a call, which may be repeated if nothing of it was sent."""
        kind, text = self._end or (UpstreamBroken, "the connection was closed")
        return kind(text, retryable=is_unsent, reply_begun=not is_unsent and self._messages.count() > 0)

    def _stall(self) -> None:
        """The endpoint does not read: it gets no more calls until it does."""
        self.capacity -= STALLED
        self._alarm.by(self._due())

    def _go_on(self) -> None:
        if not self.closed:
            self.capacity += STALLED
            self.on_change(self)

    def _give_up(self) -> None:
        self._finish(UpstreamBroken, "takes nothing any more")

    def _look(self, now: float) -> float:
        """Do what is due; return when to look again."""
        idle = self._idle_seconds
        for call in self._pending.late(now):
            if self._end is not None:
                return math.inf  # one of them was the last, or told that the connection is dead
            error = call.lateness(self._connection.peer, now, idle)
            if isinstance(error, IdleTimeout):
                self._silence(call, error, now)
            else:
                self._discard(call)
                call.fail(error)
        if self._outgoing.since + idle <= now:
            self._give_up()
        rest = self._heard + self._piece_seconds if self._messages.count() else math.inf
        if rest <= now:
            self._finish(UpstreamBroken, "stopped in the middle of a message")
        return min(self._pending.due, self._outgoing.since + idle, rest)

    def _silence(self, call: Call[ThriftRequest, ThriftReply], error: IdleTimeout, now: float) -> None:
        """A call has no answer for as long as nothing may come; if nothing came at all, the connection is dead."""
        sent, again = call.until - self._idle_seconds, self._heard + self._idle_seconds
        if self._messages.count() and again > now:  # a long reply is coming, in front of its own or as its own
            call.until = again
            self._pending.due = min(self._pending.due, again)
            return
        self._discard(call)
        call.fail(error)
        if self._heard <= sent:
            self._finish(UpstreamBroken, f"is dead: nothing came for {self._idle_seconds:g} s")
