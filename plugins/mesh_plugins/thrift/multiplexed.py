"""One connection to an endpoint that speaks Thrift, as a session of several calls at a time, each known by its sequence id.

Theory of operation. See `connections.shared`. A call gets an id of the session's own, and those are not used again until all
others were. With `upgrades`, the first calls wait until the endpoint has said whether it speaks TTwitter. A one-way call is
over when it is written. A reply with an id that no call has means that replies cannot be told apart any more: the connection
ends, and with it every call that was sent.
"""

import math
from collections import deque

import trio
from trio import lowlevel

from mesh import Connection, Life, Limits, UpstreamBroken, UpstreamProtocolError
from mesh_plugins.connections.calls import Call
from mesh_plugins.connections.outgoing import Outgoing
from mesh_plugins.connections.shared import SharedSession
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
SILENT = 256  # one-way calls whose replies are passed over: servers answer those whose method they do not know

ThriftCall = Call[ThriftRequest, ThriftReply]


class MultiplexedSession(SharedSession[ThriftRequest, ThriftReply]):
    """A session over one connection; see the module.

    State: `_is_upgraded` once the endpoint has said that it speaks TTwitter; `_one_ways`, those of the calls that wait to be
    written only; `_silent`, the last of those that were.
    """

    __slots__ = (
        "_bounds",
        "_is_upgraded",
        "_last_id",
        "_messages",
        "_one_ways",
        "_peer",
        "_refusals",
        "_silent",
    )

    def __init__(self, connection: Connection, life: Life, peer: Peer, limits: Limits, refusals: Refusals) -> None:
        clock = lowlevel.current_clock().current_time
        outgoing = Outgoing(connection, limits.thrift_max_frame_bytes * UNSENT_FRAMES, clock)
        super().__init__(connection, life, outgoing, limits, peer.calls)
        self._peer = peer
        self._bounds = Bounds.of(limits)
        self._messages = new_messages(peer.encoding, self._bounds, is_framed=peer.is_framed)
        self._refusals = refusals
        outgoing.on_sent = self._sent
        self._one_ways: set[int] = set()
        self._silent: deque[int] = deque(maxlen=SILENT)
        self._last_id = 0
        self._is_upgraded = False
        self._is_open = not peer.upgrades or refusals.has(connection.peer)

    async def __call__(self, request: ThriftRequest, /) -> ThriftReply:  # type: ignore[override]  # Thrift only
        context = request.context
        expiry = context.expiry
        if expiry is not None and expiry.at <= self._clock():
            self.on_change(self)  # nothing was sent, so there is room as before
            raise expiry.error()
        self.capacity -= 1
        call = self._calls.take()
        call.request, call.expiry = request, expiry
        try:
            data = await self._encode(call)
        except BaseException:
            self._free(call)
            raise
        if request.head.kind == ONEWAY:
            self._one_ways.add(call.tag)
        reply = await self._send(call, data, self._clock())
        try:
            reply = await fitted(reply, request, self._peer, self._bounds)
        except Malformed as error:
            raise UpstreamProtocolError(f"{self._connection.peer}: {error}", reply_begun=True) from error
        context.made(reply)
        return reply

    async def _encode(self, call: ThriftCall) -> bytes:
        """Give a call its id, and return it as the endpoint wants it. Raises if it cannot be sent any more."""
        self._entering += 1
        try:
            if not self._is_open or self.leaving or self._connection.hung_up:
                await self._enter(call.expiry)
            call.tag = self._next_id()
            data = await outgoing_call(call.request, call.tag, self._peer, self._bounds, is_upgraded=self._is_upgraded)
        finally:
            self._entering -= 1
        if self._end is not None:
            raise self._error(is_unsent=True)
        return data

    def _next_id(self) -> int:
        seqid = self._last_id
        while True:
            seqid = seqid + 1 if seqid < LAST_ID else 1
            if seqid not in self._pending and seqid not in self._given_up:
                self._last_id = seqid
                return seqid

    def _take_back(self, call: ThriftCall, why: str) -> bool:
        seqid, outgoing = call.tag, self._outgoing
        is_unsent = outgoing.holds(seqid)
        outgoing.take_back(seqid)
        if seqid not in self._one_ways:
            return is_unsent
        self._one_ways.remove(seqid)
        if not is_unsent:
            self._silent.append(seqid)
        return True

    def _has_part(self) -> bool:
        return self._messages.count() > 0

    async def _read(self) -> None:
        connection, messages = self._connection, self._messages
        if not self._is_open and not await self._has_asked():
            return
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
                self._alarm.by(self._cut_at())

    async def _has_asked(self) -> bool:
        """Ask what the endpoint speaks; return whether it can be spoken to."""
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
        self._is_open = True
        self._opened.set()
        return True

    def _due(self) -> float:
        return self._clock() + (self._piece_seconds if self._messages.count() else self._idle_seconds)

    def _take(self, message: Message) -> None:
        """Hand a reply to the call that waits for it. Raises `Malformed` for one that nobody asked for."""
        reply = reply_in(message, self._peer.encoding, self._bounds, is_upgraded=self._is_upgraded)
        seqid = reply.head.seqid
        call = self._pending.get(seqid)
        if call is None or seqid in self._one_ways or self._outgoing.holds(seqid):
            self._drop(seqid)
            return
        check_name(reply.head, call.request.head)
        del self._pending[seqid]
        call.answer(reply)
        self._free(call)

    def _drop(self, seqid: int) -> None:
        """Pass over a reply that nobody waits for."""
        call = self._given_up.pop(seqid, None)
        if call is not None:
            self._free(call)
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
                self._free(call)

    def _too_late(self, call: ThriftCall, now: float) -> None:
        """If nothing came for as long as nothing may, and a call has no answer for that, the connection is dead."""
        idle, expiry = self._idle_seconds, call.expiry
        sent, again = call.until - idle, self._heard + idle
        is_silent = expiry is None or expiry.at > now
        if is_silent and self._has_part() and again > now:  # a long reply is coming, in front of its own or as its own
            call.until = again
            self._pending.due = min(self._pending.due, again)
            return
        super()._too_late(call, now)
        if is_silent and self._heard <= sent:
            self._finish(UpstreamBroken, f"is dead: nothing came for {idle:g} s")
