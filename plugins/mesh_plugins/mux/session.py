"""One Mux connection to an endpoint, as a session: calls side by side, see `connections.shared`, each known by its tag.

Theory of operation. The first call waits for the handshake. Whoever keeps the time keeps that of the handshake and of the
pings, too. The endpoint is told of a call that is given up (`Tdiscarded`), whose tag stays taken until it answers.

An endpoint that drains is obeyed at once: the session leaves, the open calls are still answered, and the connection ends with
the last of them. An endpoint whose lease has run out is said to be busy until it grants another.
Source: finagle-mux, pushsession/MuxClientSession.scala, MuxClientNegotiatingSession.scala, ClientTracker.scala.
"""

import math

import trio

from mesh import Connection, Life, UpstreamBroken
from mesh_plugins.connections.shared import SharedSession
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
from mesh_plugins.mux.tagged import MuxCall, Tagged
from mesh_plugins.mux.wire import RDISPATCH, RREQ, TAG_BITS, TAG_MASK, WORD, Undecodable, frame

HANDSHAKE_SECONDS = 4.0  # for an endpoint that accepts a connection and then says nothing: as long as for a ping


class MuxSession(SharedSession[MuxRequest | None, MuxReply]):
    """A session over one connection; see the module.

    State: `_is_open` from the end of the handshake on, which is to come by `_shake_by`, infinity afterwards; `_is_draining`
    once the endpoint asked for that; `_is_plain` once it turned out to know no `Tdispatch`, which `_is_known` rules out.
    """

    __slots__ = (
        "_detector",
        "_incoming",
        "_is_draining",
        "_is_known",
        "_is_plain",
        "_lease",
        "_shake_by",
        "_shaking",
        "_speaking",
    )

    _outgoing: Cutting

    def __init__(self, connection: Connection, life: Life, speaking: Speaking) -> None:
        limits = speaking.limits
        clock = trio.lowlevel.current_clock().current_time
        outgoing = Cutting(connection, limits.mux_max_frame_bytes * MESSAGES_OF_THE_LARGEST_SIZE, clock)
        capacity = min(limits.mux_max_pending, wire.LAST_TAG - wire.FIRST_TAG)
        super().__init__(connection, life, outgoing, limits, capacity)
        self._calls = Tagged(self._give_up)
        self._speaking = speaking
        self._incoming = Incoming(limits)
        self._shake_by = self._heard + HANDSHAKE_SECONDS
        self._detector = Detector(speaking.detection, self._heard)
        self._is_plain = self._is_known = self._is_draining = False
        self._lease = Lease(speaking.health)
        self._shaking = Shaking()
        outgoing.add(MARKER_FRAME)

    async def __call__(self, request: MuxRequest, /) -> MuxReply:  # type: ignore[override]  # Mux only
        context = request.context
        expiry, now = context.expiry, self._clock()
        if expiry is not None and expiry.at <= now:
            self.on_change(self)  # nothing was sent, so there is room as before
            raise expiry.error()
        self.capacity -= 1
        call = self._calls.take()
        try:
            if not self._is_open or self.leaving or self._connection.hung_up:
                await self._enter(expiry)
                now = self._clock()
            is_plain = self._is_plain
            data = encode_attempt(request, call.tag, now, is_plain=is_plain)
        except BaseException:
            self._free(call)
            raise
        call.request, call.expiry = None if is_plain else request, expiry
        reply = await self._send(call, data, now)
        context.made(reply)
        return reply

    async def _read(self) -> None:
        connection, incoming = self._connection, self._incoming
        while data := await connection.receive_some():
            self._heard = self._clock()
            for received in incoming.feed(data):
                self._take(received)
            if incoming.is_within:
                self._alarm.by(self._cut_at())

    def _has_part(self) -> bool:
        return self._incoming.is_within

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
            call = self._given_up.pop(tag, None)
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
        elif step.is_over and self.is_usable():
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
        if call is None or call.request is None or self._is_known:
            self._answered(tag, failed(text))
            return
        self._is_plain = True
        self._outgoing.add(encode_attempt(call.request, tag, self._heard, is_plain=True), tag)
        call.request = None

    def _drain(self) -> None:
        """Take no more calls, as the endpoint asks."""
        self._speaking.draining.value += not self._is_draining
        self._is_draining = True
        self._leave()

    def _drained(self) -> None:
        self._speaking.drained.value += self._is_draining
        super()._drained()

    def _take_back(self, call: MuxCall, why: str) -> bool:
        tag, outgoing = call.tag, self._outgoing
        is_over = outgoing.holds(tag)
        if not is_over:
            outgoing.add(messages.Discarded(tag, why).encode())
            is_over = outgoing.cuts(tag)  # the endpoint has not got it as a whole
        outgoing.take_back(tag)
        return is_over

    def _finish(self, kind: type[UpstreamBroken], why: str) -> None:
        """End the session; the commonest reason to end within the handshake is an endpoint that does not speak Mux."""
        super()._finish(kind, why if self._shake_by == math.inf else f"{why}, before the handshake of Mux was over")
        self._lease.forget()

    def _look(self, now: float) -> float:
        due = super()._look(now)
        if now >= self._shake_by:
            self._finish(UpstreamBroken, f"was given up after {HANDSHAKE_SECONDS:g} s")
        elif self._is_open:
            self._look_after(self._detector, now)
        ping = self._detector.due if self._is_open else math.inf
        return min(due, self._shake_by, ping, self._lease.look(now))

    def _look_after(self, detector: Detector, now: float) -> None:
        """Ask the endpoint whether it lives, if that is due, or end the session for want of an answer."""
        if self._has_part() and self._heard + self._speaking.detection.timeout_seconds > now:
            detector.postpone(now)  # the answer may stand behind a long message
        if detector.finds_dead(now):
            self._finish(UpstreamBroken, "is dead: a ping was not answered")
        elif detector.asks(now):
            self._outgoing.add(messages.ping())
