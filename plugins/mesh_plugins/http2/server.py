"""The serving side of HTTP/2: one client's connection, its streams, each handed to the service of the switch.

Theory of operation. One task reads, and the engine calls back for what came; a stream whose request began gets a worker, which
calls the service and puts the reply into the engine; one task writes. So one read and one write serve all streams that had
something to say. A stream belongs to its worker: when either side ends it, the worker is cancelled or done, and with it goes
all that was kept of it. A client that hangs up ends all its streams. Draining says goodbye in two steps: first that no new
streams are wanted, and, once those on their way have come, that none are taken; the connection ends with its last stream.
"""

import logging
import math
from collections.abc import Callable

import trio

from mesh import (
    AnyService,
    Connection,
    RemoteProtocolError,
    Switch,
)
from mesh_plugins.connections.gone import GONE
from mesh_plugins.connections.workers import Workers
from mesh_plugins.http2 import alarms
from mesh_plugins.http2.answering import Answering
from mesh_plugins.http2.engine import (
    CANCEL,
    ENHANCE_YOUR_CALM,
    NO_ERROR,
    SETTINGS_TIMEOUT,
    ConnectionFailed,
    ConnectionOwner,
    Engine,
    RequestHead,
)
from mesh_plugins.http2.inflow import Flow
from mesh_plugins.http2.inlet import Inlet
from mesh_plugins.http2.options import Options
from mesh_plugins.http2.outlet import Outlet
from mesh_plugins.http2.server_stream import ServerStream
from mesh_plugins.http2.serving import Http2Serving
from mesh_plugins.http2.upgrade import SWITCH, Upgrade

logger = logging.getLogger(__name__)

DRAIN_SECONDS = 0.25  # between the warning and the last word, for streams on their way
HURRY_SECONDS = 1.0  # how long a client may still begin its first request when file descriptors are scarce
LINGER_SECONDS = 1.0  # how long a client may go on sending after the last word
MOST_LINGERING = 1 << 19  # bytes of that
PING = b"are you?"

NewServerEngine = Callable[[ConnectionOwner, Options, Callable[[], float]], Engine]


class ServerConnection(Flow):
    """One client's connection. State: its open streams, when the last one ended or began, and how far its end has come."""

    __slots__ = (
        "__weakref__",
        "_alarms",
        "_answering",
        "_asked",
        "_clock",
        "_closes_at",
        "_connection",
        "_engine",
        "_expires",
        "_head_since",
        "_heard",
        "_idle_since",
        "_last_at",
        "_leaving",
        "_outlet",
        "_pinged",
        "_ring_at",
        "_scope",
        "_serving",
        "_started",
        "_streams",
        "_switch",
        "_workers",
    )

    def __init__(
        self, connection: Connection, new_engine: NewServerEngine, switch: Switch, serving: Http2Serving
    ) -> None:
        self._clock: Callable[[], float] = trio.lowlevel.current_clock().current_time
        self._connection = connection
        self._engine = engine = new_engine(self, serving.options, self._clock)
        self._outlet = Outlet(connection, engine, self._clock)
        self._switch = switch
        self._serving = serving
        self._answering = Answering(connection, engine, self._outlet, self, switch, serving, self._has_ended)
        self._streams: dict[int, ServerStream] = {}
        self._alarms = alarms.current()
        self._ring_at = math.inf
        self._started = self._heard = self._idle_since = self._clock()
        self._expires = self._started + serving.common.ages.life_seconds
        self._head_since = math.inf  # when a head began of which nothing has come of use since
        self._asked = False
        self._leaving = False
        self._last_at = math.inf
        self._closes_at = math.inf
        self._pinged = math.inf
        self._scope = trio.CancelScope()

    async def run(self, first: bytes = b"", upgrade: Upgrade | None = None) -> None:
        """Serve until either side ends the connection, which is closed in any case.

        `first` was read already; with `upgrade`, a request of HTTP/1.1 came before it.
        """
        self._switch.connections.add(self)
        try:
            with self._scope:
                await self._serve(first, upgrade)
        finally:
            self._switch.connections.discard(self)
            self._alarms.drop(self)
            self._engine.abandon(CANCEL)
            self._connection.close()

    async def _serve(self, first: bytes, upgrade: Upgrade | None) -> None:
        if upgrade is not None and not await self._switch_over():
            return
        async with trio.open_nursery() as nursery:
            self._workers: Workers[ServerStream] = Workers(nursery, self._answering)
            nursery.start_soon(self._write)
            if self._switch.draining:
                self.drain()
            self._ring(self.on_alarm(self._clock()))
            await self._read(first, upgrade)

    async def _write(self) -> None:
        """Write until the last word was said, and let the client hear it."""
        await self._outlet.run()
        if self._outlet.last and self._connection.shut_down_writing():
            self._closes_at = self._clock() + LINGER_SECONDS
            self._ring_by(self._closes_at)
        else:
            self._hang_up()

    async def _switch_over(self) -> bool:
        """Tell the client that this is HTTP/2 from now on; return whether it is still there."""
        try:
            await self._connection.send_all(SWITCH)
        except GONE:
            return False
        return True

    async def _read(self, data: bytes, upgrade: Upgrade | None) -> None:
        """Read until the client ends the connection, or broke the protocol."""
        connection, engine, outlet = self._connection, self._engine, self._outlet
        inlet, left = Inlet(connection), MOST_LINGERING
        try:
            if upgrade is not None:
                engine.upgrade(upgrade.settings, upgrade.head)
            while True:
                if outlet.last:
                    left -= len(data)
                    if left < 0:
                        break
                elif data:
                    engine.feed(data)
                    self._heard = now = self._clock()
                    if engine.pending():
                        outlet.kick()
                    if engine.refusals:
                        self._tell_refusals()
                    if engine.is_in_head:
                        self._watch_head(now)
                    else:
                        self._head_since = math.inf
                data = await inlet.receive()
                if not data:
                    break
        except ConnectionFailed as error:
            logger.debug("%s: ended with code %d: %s", connection.peer, error.code, error)
            self._switch.refused(RemoteProtocolError(str(error)))
            await self._say_last()
        except GONE:
            logger.debug("%s went away", connection.peer)
        self._hang_up()

    def _tell_refusals(self) -> None:
        """Count the requests whose heads broke the rules, which the engine has refused by itself."""
        refusals, self._engine.refusals = self._engine.refusals, []
        for error in refusals:
            logger.debug("%s: refused: %s", self._connection.peer, error)
            self._switch.refused(error)

    def _watch_head(self, now: float) -> None:
        """Make sure that a head does not take for ever, however often a little of it comes."""
        if self._head_since is math.inf:
            self._head_since = now
            self._ring_by(now + self._serving.common.limits.header_deadline_s)

    def _hang_up(self) -> None:
        """End everything: the client is gone."""
        self._engine.abandon(CANCEL)
        self._scope.cancel()

    async def _say_last(self) -> None:
        """Let the client hear why it is sent away: it may still be sending."""
        self._finish()
        connection, left = self._connection, MOST_LINGERING
        with trio.move_on_after(LINGER_SECONDS):
            try:
                while left > 0 and (data := await connection.receive_some()):
                    left -= len(data)
            except GONE:
                return

    # What the switch asks for.

    def drain(self) -> None:
        """Take no new streams, in two steps, and end with the last that is open."""
        if not self._leaving:
            self._leaving = True
            self._engine.go_away(NO_ERROR, last=False)
            self._outlet.kick()
            self._last_at = self._clock() + DRAIN_SECONDS
            self._ring_by(self._last_at)

    def hurry(self) -> None:
        """Close in a moment unless a request has come."""
        if not self._asked:
            self._expires = min(self._expires, self._clock() + HURRY_SECONDS)
            self._ring_by(self._expires)

    def leaves(self, service: AnyService) -> bool:
        return all(stream.service is not service for stream in self._streams.values())

    # What the engine tells.

    def on_request(self, stream: int, head: RequestHead) -> ServerStream:
        clears = self._serving.common.clears_context
        made = ServerStream(self._engine, self._outlet, self, stream, head, clears=clears)
        self._streams[stream] = made
        self._asked = True
        self._head_since = math.inf
        self._serving.counts.open += 1
        self._workers.give(made)
        return made

    def on_limit(self, streams: int) -> None:
        """Nothing is pushed to clients."""

    def on_goaway(self, last: int, code: int, debug: bytes) -> None:
        self.drain()

    def on_pong(self, data: bytes) -> None:
        self._pinged = math.inf

    # What the bodies of streams ask for.

    def give_back(self, stream: int, cost: int) -> None:
        self._engine.consumed(stream, cost)
        self._outlet.kick()

    def wait_until(self, limit: float = math.inf) -> float:
        until = min(self._clock() + self._serving.common.limits.stream_idle_timeout_s, limit)
        self._ring_by(until)
        return until

    # What takes too long.

    def _ring_by(self, at: float) -> None:
        if at < self._ring_at:
            self._ring(at)

    def _ring(self, at: float) -> None:
        self._ring_at = at
        if at < math.inf:
            self._alarms.set(self, at)

    def on_alarm(self, now: float) -> float:
        self._check_end(now)
        limits = self._serving.common.limits
        if self._outlet.since + limits.stream_idle_timeout_s <= now:
            self._connection.abort()  # it reads nothing
            self._hang_up()
        slow = RemoteProtocolError(
            f"the client sent nothing of its body for {limits.stream_idle_timeout_s:g} s", status=408
        )
        due = math.inf
        for stream in list(self._streams.values()):
            stream.check(now, slow)
            due = min(due, stream.due())
        due = min(due, self._next_end(now), self._outlet.since + limits.stream_idle_timeout_s)
        self._ring_at = due
        return due

    def _check_end(self, now: float) -> None:
        """Ask a silent client whether it is there, and go on with the end of the connection, if it is to end."""
        serving, pings = self._serving.common, self._serving.pings
        if self._outlet.last:
            if self._closes_at <= now:
                self._scope.cancel()  # it has lingered for long enough
        elif self._pinged + pings.patience <= now and self._heard <= self._pinged:
            logger.debug("%s answers no ping", self._connection.peer)
            self._hang_up()
        elif not self._engine.is_settled and self._started + serving.limits.header_deadline_s <= now:
            self._part(SETTINGS_TIMEOUT)
        elif self._head_since + serving.limits.header_deadline_s <= now:
            self._part(ENHANCE_YOUR_CALM)
        elif self._leaving and self._last_at <= now:
            self._last_at = math.inf
            self._engine.go_away(NO_ERROR, last=True)
            self._outlet.kick()
            if not self._streams:
                self._finish()
        elif not self._leaving and self._expires <= now:
            serving.ages.lifetime.value += 1
            self.drain()
        elif not self._leaving and not self._streams and self._idle_since + serving.limits.idle_timeout_s <= now:
            serving.ages.idle.value += 1
            self.drain()
        elif self._pinged is math.inf and self._heard + pings.every <= now:
            self._pinged = now
            self._engine.ping(PING)
            self._outlet.kick()

    def _part(self, code: int) -> None:
        self._engine.go_away(code, last=True)
        self._finish()

    def _finish(self) -> None:
        """End once everything was sent, for which the client must not take too long."""
        if not self._outlet.last:
            self._outlet.finish()
            self._closes_at = self._clock() + self._serving.common.limits.stream_idle_timeout_s
            self._ring_by(self._closes_at)

    def _next_end(self, now: float) -> float:
        """Return when `_check_end` may have something to do."""
        serving, pings = self._serving.common, self._serving.pings
        if self._outlet.last:
            return self._closes_at
        due = self._last_at if self._leaving else self._expires
        due = min(due, self._head_since + serving.limits.header_deadline_s)
        if not self._engine.is_settled:
            due = min(due, self._started + serving.limits.header_deadline_s)
        if not self._leaving and not self._streams:
            due = min(due, self._idle_since + serving.limits.idle_timeout_s)
        if pings.every < math.inf:
            due = min(due, (self._heard + pings.every) if self._pinged is math.inf else self._pinged + pings.patience)
        return due

    # What the answering tells.

    def _has_ended(self, stream: ServerStream) -> None:
        """Let go of all that is kept of a stream."""
        del self._streams[stream.number]
        self._serving.counts.open -= 1
        if not self._streams:
            self._idle_since = self._clock()
            if self._leaving:
                if self._last_at is math.inf:
                    self._finish()
            else:
                self._ring_by(self._idle_since + self._serving.common.limits.idle_timeout_s)
