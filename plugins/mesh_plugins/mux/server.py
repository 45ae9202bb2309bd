"""The serving side of Mux: one client's connection, its calls side by side, each handed to the service of the switch.

Theory of operation. One task reads, one writes (`Cutting`), one keeps the time, and workers answer the calls (`Answering`).
All belong to one nursery and end together. While too much waits to be written, nothing more is read.

A client that is drained is asked to send nothing more (`Tdrain`), is served until it agrees (`Rdrain`), and what it sends
afterwards is refused. What cannot be understood as a frame ends the connection; what is a frame out of place is answered
`Rerr`, and the rest goes on. Source: finagle-mux, pushsession/MuxServerSession.scala, ServerTracker.scala.
"""

import logging
import math
from collections.abc import Callable

import trio

from mesh import AnyService, BadRequestContext, Connection, Context, RemoteProtocolError, Switch
from mesh_plugins.connections.alarm import Alarm
from mesh_plugins.connections.gone import GONE
from mesh_plugins.mux import failure, messages
from mesh_plugins.mux.answering import Answering, encoded
from mesh_plugins.mux.calls import decode_dispatch, decode_request, encode_answer
from mesh_plugins.mux.fragments import MESSAGES_OF_THE_LARGEST_SIZE
from mesh_plugins.mux.handshake import MARKER_FRAME, VERSION, Incompatible, is_marker, rinit, terms
from mesh_plugins.mux.incoming import Incoming
from mesh_plugins.mux.message import MuxReply, MuxRequest, failed
from mesh_plugins.mux.outgoing import Cutting
from mesh_plugins.mux.serving import Serving
from mesh_plugins.mux.wire import (
    CONTROL_TAG,
    FINAGLES_RERR,
    MARKER_TAG,
    NACK,
    RDISCARDED,
    RDISPATCH,
    RDRAIN,
    RERR,
    RPING,
    RREQ,
    TAG_BITS,
    TAG_MASK,
    TDISPATCH,
    TINIT,
    TPING,
    TREQ,
    WORD,
    Undecodable,
    frame,
    signed,
)

logger = logging.getLogger(__name__)

DRAIN_SECONDS = 1.0  # how long a client without calls may take to say that it sends nothing more
HURRY_SECONDS = 1.0  # how long a client may still send its first frame when file descriptors are scarce
LINGER_SECONDS = 1.0  # how long a client may go on sending after the last word, so that it gets to read it
REFUSED = MuxReply(NACK, b"", failure.context(failure.RETRYABLE | failure.REJECTED))
"""What is told a client that calls although it has agreed not to, or that has too many calls open, or too large ones."""


class MuxConnection:
    """One client's connection. State: `_heard`, when bytes came last; `_asked`, whether any did; where its draining stands."""

    __slots__ = (
        "_alarm",
        "_asked",
        "_calls",
        "_clock",
        "_close_at",
        "_connection",
        "_drained",
        "_draining",
        "_expires",
        "_heard",
        "_incoming",
        "_is_ending",
        "_is_negotiating",
        "_is_told",
        "_most_bytes",
        "_most_calls",
        "_nursery",
        "_outgoing",
        "_read_up",
        "_room",
        "_serving",
        "_switch",
        "_tls",
    )

    def __init__(self, connection: Connection, switch: Switch, serving: Serving, nursery: trio.Nursery) -> None:
        limits = serving.limits
        self._connection = connection
        self._tls = connection.tls
        self._switch = switch
        self._serving = serving
        self._nursery = nursery
        self._clock: Callable[[], float] = trio.lowlevel.current_clock().current_time
        self._most_calls = limits.mux_max_pending
        self._most_bytes = limits.mux_max_frame_bytes * MESSAGES_OF_THE_LARGEST_SIZE
        self._outgoing = Cutting(connection, self._most_bytes, self._clock)
        self._outgoing.on_full = self._look_out
        self._outgoing.on_room = self._has_room
        self._outgoing.on_excess = self._give_up
        self._calls = Answering(nursery, switch, self._outgoing.add, limits.mux_max_frame_bytes, self._emptied)
        self._incoming = Incoming(limits)
        self._room: trio.Event | None = None
        self._read_up = trio.Event()
        self._heard = self._clock()
        self._expires = self._heard + serving.ages.life_seconds
        self._asked = self._draining = self._drained = self._is_ending = False
        self._is_negotiating = self._is_told = False
        self._close_at = math.inf
        self._alarm = Alarm(self._clock, self._look)

    async def run(self, first: bytes = b"") -> None:
        """Serve until either side ends the connection; whoever calls this closes it, and what the nursery runs has ended.

        `first` is what has come of it already.
        """
        self._switch.connections.add(self)
        self._connection.on_hang_up = self._hung_up
        try:
            if self._switch.draining:
                self.drain()
            self._nursery.start_soon(self._write)
            self._nursery.start_soon(self._alarm.run)
            await self._read(first)
        except GONE:
            logger.debug("%s went away", self._connection.peer)
        finally:
            self._switch.connections.discard(self)
        self._read_up.set()
        if self._serving.allow_half_close and self._calls.pending:
            self._drained = True  # which ends the connection with the last answer
        elif not self._is_ending:
            self._calls.abandon()
            self._nursery.cancel_scope.cancel()

    def drain(self) -> None:
        """Ask the client to send nothing more; end once it agrees and its last call is answered."""
        if not self._draining:
            self._draining = True
            self._serving.draining.value += 1
            self._tell()
            self._hasten_close(DRAIN_SECONDS)

    def _tell(self) -> None:
        """Ask the client to send nothing more, as soon as it can understand that: not in the middle of the handshake."""
        if self._asked and not (self._is_told or self._is_negotiating):
            self._is_told = True
            self._outgoing.add(messages.drain())

    def hurry(self) -> None:
        """End in a moment unless something was asked."""
        if not self._asked:
            self._hasten_close(HURRY_SECONDS)

    def leaves(self, service: AnyService) -> bool:
        return not self._calls.uses(service)

    def _hasten_close(self, seconds: float) -> None:
        self._close_at = min(self._close_at, self._clock() + seconds)
        self._alarm.by(self._close_at)

    def _hung_up(self) -> None:
        """The client closed while nothing was read of it, since too much waits to be written."""
        if self._room is not None:
            self._give_up()

    async def _read(self, first: bytes) -> None:
        connection, incoming, clock = self._connection, self._incoming, self._clock
        patience = self._serving.limits.header_deadline_s
        while True:
            data, first = first or await connection.receive_some(), b""
            if not data:
                return
            if self._is_ending:
                continue  # so that the client gets to read the last words
            self._heard = now = clock()
            try:
                for received in incoming.feed(data):
                    self._take(received)
            except Undecodable as error:
                self._refuse(error)
                continue
            if incoming.is_within:
                self._alarm.by(now + patience)
            if self._outgoing.is_full:
                self._room = trio.Event()
                await self._room.wait()
                self._room = None
                self._heard = clock()

    def _take(self, received: bytes) -> None:
        """Do what one frame asks for. Raises `Undecodable` if the connection is of no more use."""
        (word,) = WORD.unpack_from(received)
        kind, tag = word >> TAG_BITS, word & TAG_MASK
        if kind == TDISPATCH:
            self._dispatch(decode_dispatch, tag, received)
        elif kind == TPING:
            self._outgoing.add(frame(RPING, tag))
        elif kind == TREQ:
            self._dispatch(decode_request, tag, received)
        else:
            self._take_other(kind, tag, received)
        self._asked = True
        if self._draining:
            self._tell()

    def _dispatch(self, decode: Callable[[bytes, Context], MuxRequest], tag: int, received: bytes) -> None:
        """Begin a call."""
        pending = self._calls.pending
        if tag == MARKER_TAG:
            self._complain(tag, "tag 0 is for messages that nobody answers")
            return
        if tag in pending:
            self._serving.duplicates.value += 1
            raise Undecodable(f"Received duplicate tag {tag} from client.")
        try:
            context = Context(self._heard, self._connection.peer, self._connection)
            request = decode(received, context)
        except BadRequestContext as error:
            self._switch.refused(RemoteProtocolError(str(error)))
            self._outgoing.add(encode_answer(RDISPATCH, tag, failed(str(error)).pack()))
            return
        except Undecodable as error:
            self._switch.refused(error)
            self._complain(tag, str(error))
            return
        size = len(received)
        if self._drained or len(pending) >= self._most_calls or self._calls.held + size > self._most_bytes:
            self._serving.nacks.value += 1
            self._outgoing.add(encoded(tag, request, REFUSED))
            return
        context.tls = self._tls
        self._calls.begin(tag, request, size)

    def _take_other(self, kind: int, tag: int, received: bytes) -> None:
        """Do what a frame asks for that is no call."""
        match messages.decode(received) if kind not in (RDISPATCH, RREQ) else None:
            case messages.Discarded(which):
                self._discard(which)
            case messages.Error(tag, text) if not self._asked and is_marker(text.encode(), tag):
                self._outgoing.add(MARKER_FRAME)
                self._is_negotiating = True
            case messages.Init(kind=kind) as init if kind == TINIT and self._is_negotiating:
                self._is_negotiating = False
                self._negotiate(init)
            case messages.Control(kind=kind) if kind == RDRAIN and self._draining:
                self._drained = True
                self._emptied()
            case messages.Control(kind=kind) if kind == RPING:
                pass
            case _:
                self._complain(tag, f"Unexpected mux message type {FINAGLES_RERR if kind == RERR else signed(kind)}")

    def _negotiate(self, init: messages.Init) -> None:
        try:
            agreed = terms(init)
        except Incompatible as error:
            if init.version == VERSION:
                self._outgoing.add(rinit(init.tag))
            self._complain(CONTROL_TAG, str(error))
            raise
        self._outgoing.window = agreed.window
        self._outgoing.add(rinit(init.tag))

    def _discard(self, tag: int) -> None:
        self._incoming.drop(tag)
        if self._calls.discard(tag):
            self._outgoing.add(frame(RDISCARDED, tag))
        else:
            self._serving.orphans.value += 1

    def _complain(self, tag: int, text: str) -> None:
        self._outgoing.add(messages.Error(tag, text).encode())

    def _refuse(self, error: Undecodable) -> None:
        """End a connection that makes no sense any more, once each open call is told why, and what was said is sent."""
        logger.debug("%s: refused: %s", self._connection.peer, error)
        self._switch.refused(error)
        for tag in self._calls.pending:
            self._complain(tag, str(error))
        self._calls.abandon()
        self._end()

    async def _write(self) -> None:
        """Write until the connection ends; then let the client read the last of it."""
        try:
            await self._outgoing.run()
            if not self._read_up.is_set() and self._connection.shut_down_writing():
                with trio.move_on_after(LINGER_SECONDS):
                    await self._read_up.wait()
        except GONE:
            logger.debug("%s went away", self._connection.peer)
        self._calls.abandon()
        self._nursery.cancel_scope.cancel()

    def _has_room(self) -> None:
        if self._room is not None:
            self._room.set()

    def _look_out(self) -> None:
        self._alarm.by(self._clock() + self._serving.limits.stream_idle_timeout_s)

    def _give_up(self) -> None:
        """End a connection whose client does not read."""
        logger.debug("%s reads nothing", self._connection.peer)
        self._calls.abandon()
        self._connection.abort()
        self._nursery.cancel_scope.cancel()

    def _end(self) -> None:
        """Send what is left, then end."""
        self._is_ending = True
        self._outgoing.end()
        self._look_out()

    def _emptied(self) -> None:
        """The last call was answered, or the client agreed to be drained."""
        if self._drained and not self._calls.pending and not self._is_ending:
            self._end()

    def _is_within(self) -> bool:
        """Return whether the rest of a frame is waited for."""
        return self._incoming.is_within and self._room is None and not self._is_ending

    def _look(self, now: float) -> float:
        """Do what is due; return when to look again."""
        limits = self._serving.limits
        stalled_at = self._outgoing.since + limits.stream_idle_timeout_s
        cut_at = self._heard + limits.header_deadline_s if self._is_within() else math.inf
        is_idle = not self._calls.pending
        idle_at = self._heard + limits.idle_timeout_s if is_idle else math.inf
        if stalled_at <= now:
            self._give_up()
            return math.inf
        if now >= cut_at:
            self._refuse(Undecodable(f"nothing came for {limits.header_deadline_s:g} s in the middle of a frame"))
        elif now >= self._close_at and is_idle and not self._is_ending:
            self._end()
        elif now >= idle_at and not self._draining:
            self._serving.ages.idle.value += 1
            self.drain()
        elif now >= self._expires and not self._draining:
            self._serving.ages.lifetime.value += 1
            self.drain()
        later = [at for at in (stalled_at, cut_at, idle_at, self._expires, self._close_at) if at > now]
        return min([*later, now + limits.idle_timeout_s])
