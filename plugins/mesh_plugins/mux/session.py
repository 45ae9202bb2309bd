"""One Mux connection to an endpoint, as a session: calls side by side, each known by its tag.

Theory of operation. A call writes its frame and waits in its caller's task; the one task that reads wakes it with the answer.
A second task writes (`Cutting`), a third keeps the time: the handshake's, the pings', and that of the calls, which needs a
look at all open calls whenever the first may be due, and no timer for any of them. A call that is given up, or too late, is
taken back if nothing of it was sent; else the endpoint is told (`Tdiscarded`), and the tag stays taken until it answers. The
three tasks end together, and with them every open call.

An endpoint that drains is obeyed at once: the pool sees the session as closed, the open calls are still answered, and the
connection ends with the last of them. An endpoint whose lease has run out is said to be busy until it grants another.
Source: finagle-mux, pushsession/MuxClientSession.scala, MuxClientNegotiatingSession.scala, ClientTracker.scala.
"""

import logging
import math
from collections.abc import Callable

import trio

from mesh import Connection, Expiry, Life, RemoteProtocolError, Session, UpstreamBroken, UpstreamProtocolError, within
from mesh_plugins.connections.alarm import Alarm
from mesh_plugins.connections.gone import GONE
from mesh_plugins.connections.pending import Pending
from mesh_plugins.mux import messages, wire
from mesh_plugins.mux.attempt import encode_attempt
from mesh_plugins.mux.calls import decode_answered, decode_dispatched
from mesh_plugins.mux.detector import Detector
from mesh_plugins.mux.fragments import MESSAGES_OF_THE_LARGEST_SIZE
from mesh_plugins.mux.handshake import MARKER_FRAME
from mesh_plugins.mux.incoming import Incoming
from mesh_plugins.mux.lease import Lease
from mesh_plugins.mux.message import MuxReply, MuxRequest, failed
from mesh_plugins.mux.outgoing import Cutting
from mesh_plugins.mux.shaking import Shaking
from mesh_plugins.mux.speaking import Speaking
from mesh_plugins.mux.tagged import Call, Calls
from mesh_plugins.mux.wire import RDISPATCH, RREQ, TAG_BITS, TAG_MASK, WORD, Undecodable, frame

logger = logging.getLogger(__name__)

HANDSHAKE_SECONDS = 4.0  # for an endpoint that accepts a connection and then says nothing: as long as for a ping
STALLED = 1 << 40  # taken off the capacity while the endpoint does not read


class MuxSession(Session):
    """A session over one connection; see the module. Raises `UpstreamBroken`, `IdleTimeout`, and what an expiry says.

    State: `_pending`, the calls that wait; `_waiting`, how many wait for the handshake; `_discarded`, the calls that
    nobody waits for and that are not answered, the rest of whose answers may still come in pieces; `_is_open` from the end of
    the handshake on, `_is_draining` once the endpoint asked for that, `_is_over` at the end. `_is_plain` once the endpoint
    turned out to know no `Tdispatch`, which `_is_known` rules out.
    """

    __slots__ = (
        "_alarm",
        "_calls",
        "_clock",
        "_connection",
        "_detector",
        "_discarded",
        "_heard",
        "_idle_seconds",
        "_incoming",
        "_is_draining",
        "_is_known",
        "_is_open",
        "_is_over",
        "_is_plain",
        "_lease",
        "_opened",
        "_outgoing",
        "_pending",
        "_scope",
        "_shake_by",
        "_shaking",
        "_speaking",
        "_waiting",
    )

    def __init__(self, connection: Connection, life: Life, speaking: Speaking) -> None:
        limits = speaking.limits
        super().__init__(capacity=min(limits.mux_max_pending, wire.LAST_TAG - wire.FIRST_TAG))
        self._connection = connection
        self._speaking = speaking
        self._idle_seconds = limits.stream_idle_timeout_s
        self._clock: Callable[[], float] = trio.lowlevel.current_clock().current_time
        self._outgoing = Cutting(connection, limits.mux_max_frame_bytes * MESSAGES_OF_THE_LARGEST_SIZE, self._clock)
        self._outgoing.on_full = self._stall
        self._outgoing.on_room = self._go_on
        self._outgoing.on_excess = self._look_soon
        self._incoming = Incoming(limits)
        self._pending: Pending[Call] = Pending()
        self._discarded: dict[int, Call] = {}
        self._waiting = 0
        self._calls = Calls(self._abandon)
        self._heard = now = self._clock()
        self._shake_by = now + HANDSHAKE_SECONDS
        self._detector = Detector(speaking.detection, now)
        self._is_open = self._is_over = self._is_plain = self._is_known = self._is_draining = False
        self._lease = Lease(speaking.health)
        self._shaking = Shaking()
        self._opened = trio.Event()
        self._alarm = Alarm(self._clock, self._look)
        self._outgoing.add(MARKER_FRAME)
        self._scope = life.spawn(f"mux session with {connection.peer}", self._run)

    async def __call__(self, request: MuxRequest, /) -> MuxReply:  # type: ignore[override]  # Mux only
        context = request.context
        expiry, now = context.expiry, self._clock()
        if expiry is not None and expiry.at <= now:
            self.on_change(self)  # nothing was sent, so there is room as before
            raise expiry.error()
        self.capacity -= 1
        if not self._is_open or self.closed or self._connection.hung_up:
            await self._wait_open(expiry)
            now = self._clock()
        until = now + self._idle_seconds
        if expiry is not None and expiry.at < until:
            until = expiry.at
        call = self._calls.take()
        tag, pending, is_plain = call.tag, self._pending, self._is_plain
        try:
            data = encode_attempt(request, tag, now, is_plain=is_plain)
        except BaseException:
            self._free(call)
            raise
        call.request, call.until, call.expiry, call.is_plain = request, until, expiry, is_plain
        pending[tag] = call
        self._outgoing.add(data, tag)
        if until < pending.due:
            pending.due = until
            self._alarm.by(until)
        reply = await call.wait()
        context.made(reply)
        return reply

    async def _wait_open(self, expiry: Expiry | None) -> None:
        """Wait until the handshake is over. Raises if the connection ended before that, or has ended by now."""
        try:
            if not (self.closed or self._connection.hung_up):
                self._waiting += 1
                try:
                    await within(expiry, self._opened.wait)
                finally:
                    self._waiting -= 1
            if not self._is_open or self._connection.hung_up or self.closed:
                raise UpstreamBroken(f"the connection to {self._connection.peer} takes no more calls", retryable=True)
        except BaseException:
            self._release()
            raise

    def is_usable(self) -> bool:
        return not self.closed

    def is_idle(self) -> bool:
        return not (self._pending or self._waiting)

    def close(self) -> None:
        self._finish(UpstreamBroken, "was closed")

    def _release(self) -> None:
        """Give back the place of a call."""
        if not self.closed:
            self.capacity += 1
            if not self.pooled or not self._pending:  # else nobody waits for it
                self.on_change(self)

    def _abandon(self, call: Call) -> None:
        """Nobody waits for a call any more: its task was cancelled."""
        self._discard(call, "the caller gave up")

    def _discard(self, call: Call, why: str) -> None:
        tag, outgoing = call.tag, self._outgoing
        del self._pending[tag]
        is_over = outgoing.holds(tag)
        if not is_over:
            outgoing.add(messages.Discarded(tag, why).encode())
            is_over = outgoing.cuts(tag)
        outgoing.take_back(tag)
        if is_over:  # the endpoint has not got it as a whole
            self._free(call)
            return
        self._discarded[tag] = call
        if len(self._discarded) > self._speaking.limits.mux_max_pending // 2:
            self._retire()  # an endpoint that never answers these would make the session useless bit by bit
        elif not self._pending:
            self._emptied()

    def _emptied(self) -> None:
        """Nobody waits any more: whoever wants to end the session need not wait for what was given up."""
        if self.closed:
            self._outgoing.end()
        else:
            self.on_change(self)

    def _free(self, call: Call) -> None:
        self._calls.give_back(call)
        self._release()
        if self.closed and not self._pending:
            self._outgoing.end()

    def _retire(self) -> None:
        """Take no more calls, and end with the last one."""
        if not self.closed:
            self.closed = True
            self.capacity = 0
            self.on_change(self)
        if not self._pending:
            self._outgoing.end()

    def _drain(self) -> None:
        """Take no more calls, as the endpoint asks."""
        self._speaking.draining.value += not self._is_draining
        self._is_draining = True
        self._retire()

    async def _run(self) -> None:
        """Read, write and keep the time until the connection ends."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._write)
                nursery.start_soon(self._alarm.run)
                await self._read()
                nursery.cancel_scope.cancel()
        finally:
            self._finish(UpstreamBroken, "was closed")

    async def _write(self) -> None:
        try:
            await self._outgoing.run()
            self._speaking.drained.value += self._is_draining
            self._finish(UpstreamBroken, "was drained")
        except GONE as error:
            if self._connection.hung_up:
                return  # what the endpoint said before is still to be read
            self._finish(UpstreamBroken, f"broke: {error}")

    async def _read(self) -> None:
        connection, incoming = self._connection, self._incoming
        try:
            while data := await connection.receive_some():
                self._heard = self._clock()
                for received in incoming.feed(data):
                    self._take(received)
                if incoming.is_within:
                    self._alarm.by(self._cut_at())
            self._finish(UpstreamBroken, "was closed by the endpoint")
        except GONE as error:
            self._finish(UpstreamBroken, f"broke: {error}")
        except RemoteProtocolError as error:
            logger.debug("%s breaks the protocol: %s", connection.peer, error)
            self._finish(UpstreamProtocolError, f"made no sense: {error}")

    def _finish(self, kind: type[UpstreamBroken], why: str) -> None:
        """End the session, and every call that waits."""
        if not self.closed:
            self.closed = True
            self.capacity = 0
            self.on_change(self)
        if self._is_over:
            return
        self._is_over = True
        self._is_open = False
        peer, calls = self._connection.peer, list(self._pending.values())
        self._pending.clear()
        for call in calls:
            call.fail(kind(f"the connection to {peer} {why}", retryable=self._outgoing.holds(call.tag)))
        self._opened.set()
        self._lease.forget()
        self._connection.close()
        self._scope.cancel()

    def _take(self, received: bytes) -> None:
        """Do what one frame says. Raises `Undecodable` for what no endpoint may say."""
        (word,) = WORD.unpack_from(received)
        kind, tag = word >> TAG_BITS, word & TAG_MASK
        if kind == RDISPATCH:
            self._answered(tag, decode_dispatched(received))
        elif kind == RREQ:
            self._answered(tag, decode_answered(received))
        else:
            self._take_other(messages.decode(received), kind, tag)

    def _answered(self, tag: int, reply: MuxReply) -> None:
        """Hand an answer to the call that waits for it; nobody waits for one of an unknown tag."""
        if self._outgoing.queued and self._outgoing.holds(tag):
            return  # the call has not gone out: this is a second answer to the one that had the tag before
        call = self._pending.pop(tag, None)
        self._is_known = self._is_known or reply.status == wire.OK
        if call is not None:
            call.answer(reply)
        else:
            call = self._discarded.pop(tag, None)
            if not self._is_open:
                self._negotiate(messages.Control(wire.RDISPATCH, tag))
        if call is not None:
            self._free(call)

    def _take_other(self, message: messages.Message, kind: int, tag: int) -> None:
        if not self._is_open:
            self._negotiate(message)
            return
        outgoing = self._outgoing
        match message:
            case messages.Control(kind=wire.TPING):
                outgoing.add(frame(wire.RPING, tag))
            case messages.Control(kind=wire.RPING):
                self._detector.answered(self._heard)
                self._alarm.by(self._detector.due)
            case messages.Control(kind=wire.TDRAIN):
                outgoing.add(frame(wire.RDRAIN, tag))
                self._drain()
            case messages.Lease(howlong, unit) if unit == messages.MILLISECONDS:
                self._speaking.leased.value += 1
                self._lease.grant(howlong, self._heard)
                self._alarm.by(self._lease.ends)
            case messages.Error(tag, text):
                self._take_error(tag, text)
            case messages.Discarded():  # a client's word, which harms nobody here
                pass
            case _ if wire.signed(kind) < 0:  # `Rdiscarded`, or what answers no call, such as `Rdrain`
                self._incoming.drop(tag)
                self._answered(tag, failed("the endpoint dropped the call"))
            case _:
                raise Undecodable(f"Unexpected mux message type {wire.signed(kind)}", tag)

    def _negotiate(self, message: messages.Message) -> None:
        """Go on with the handshake. Raises `Undecodable` for what does not belong there."""
        step = self._shaking.step(message)
        if step.send:
            self._outgoing.add(step.send)
        if step.drains:
            self._opened.set()
            self._drain()
        elif step.is_over and not self.closed:
            self._outgoing.window = step.window
            self._open()

    def _open(self) -> None:
        self._is_open = True
        self._opened.set()
        self._shake_by = math.inf
        if self._detector.asks(self._heard):
            self._outgoing.add(messages.ping())
        self._alarm.by(self._detector.due)

    def _take_error(self, tag: int, text: str) -> None:
        """Repeat a call as a `Treq` if the endpoint understands no other; else the text is its answer."""
        call = self._pending.get(tag)
        if call is None or call.request is None or call.is_plain or self._is_known:
            self._answered(tag, failed(text))
            return
        self._is_plain = call.is_plain = True
        self._outgoing.add(encode_attempt(call.request, tag, self._heard, is_plain=True), tag)

    def _stall(self) -> None:
        """The endpoint does not read: it gets no more calls until it does."""
        self.capacity -= STALLED
        self._alarm.by(self._clock() + self._idle_seconds)

    def _go_on(self) -> None:
        if not self.closed:
            self.capacity += STALLED
            self.on_change(self)

    def _look_soon(self) -> None:
        """Too much waits to be sent: end the session, but not before the call that has added it waits, too."""
        self._alarm.by(self._clock())

    def _look(self, now: float) -> float:
        """Do what is due; return when to look again."""
        speaking, detector, idle = self._speaking, self._detector, self._idle_seconds
        for call in self._pending.late(now):
            self._discard(call, "too late")
            call.fail(call.lateness(self._connection.peer, now, idle))
        if now >= self._shake_by:
            self._finish(UpstreamBroken, f"brought no handshake within {HANDSHAKE_SECONDS:g} s")
        elif self._outgoing.since + idle <= now or self._outgoing.is_excessive:
            self._finish(UpstreamBroken, "takes nothing any more")
        elif self._cut_at() <= now:
            self._finish(UpstreamBroken, f"brought nothing for {speaking.limits.header_deadline_s:g} s within a frame")
        elif self._is_open:
            if self._incoming.is_within and self._heard + speaking.detection.timeout_seconds > now:
                detector.postpone(now)  # the answer may stand behind a long message
            if detector.finds_dead(now):
                self._finish(UpstreamBroken, "is dead: a ping was not answered")
            elif detector.asks(now):
                self._outgoing.add(messages.ping())
        ping = detector.due if self._is_open else math.inf
        lease, cut_at = self._lease.look(now), self._cut_at()
        return min(self._pending.due, self._shake_by, self._outgoing.since + idle, cut_at, ping, lease)

    def _cut_at(self) -> float:
        """Return until when more must come of the frame that has begun."""
        return self._heard + self._speaking.limits.header_deadline_s if self._incoming.is_within else math.inf
