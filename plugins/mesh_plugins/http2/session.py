"""One HTTP/2 connection to an endpoint, as a session: as many calls at a time as the endpoint allows.

Theory of operation. A call opens a stream and waits in its caller's task; one task of the session reads, and wakes whoever
something came for; another writes, once for all that was said in one turn. A streamed request body is copied by a task of its
own. A stream gives its place back when it is over on the wire, whoever ended it; what was not read of its reply by then is in
memory, no more than a window. An endpoint that says goodbye gets no further call: the pool opens another connection, and this
one ends with its last stream. Whatever breaks the connection ends all its streams.
"""

import logging
import math
from collections.abc import Callable

import attrs
import trio

from mesh import (
    Connection,
    HttpReply,
    HttpRequest,
    IdleTimeout,
    Life,
    Limits,
    LocalProtocolError,
    Session,
    StreamReset,
    UpstreamBroken,
    UpstreamProtocolError,
)
from mesh_plugins.connections.gone import GONE
from mesh_plugins.http2 import alarms
from mesh_plugins.http2.client_stream import ClientStream
from mesh_plugins.http2.engine import (
    CANCEL,
    NO_ERROR,
    ConnectionFailed,
    ConnectionOwner,
    Engine,
    RequestHead,
    StreamOwner,
)
from mesh_plugins.http2.inflow import Flow
from mesh_plugins.http2.inlet import Inlet
from mesh_plugins.http2.options import MAX_STREAM, Options
from mesh_plugins.http2.outlet import Outlet
from mesh_plugins.http2.pumps import Pumps
from mesh_plugins.http2.serving import Pings, StreamCounts

logger = logging.getLogger(__name__)

UNTOLD = 100  # streams, before the endpoint said how many it allows; nghttp2 assumes as many
LAST_STREAM = MAX_STREAM - 20000  # after which a connection takes no further call; another one begins with 1
FAREWELL_SECONDS = 1.0  # how long an endpoint is given to hear why the connection ends
TRAILERS_WANTED = (b"te", b"trailers")
EXPECT = (b"expect", b"100-continue")
PING = b"are you?"

NewClientEngine = Callable[[ConnectionOwner, Options, Callable[[], float]], Engine]


@attrs.frozen(eq=False)
class Http2Calling:
    """How one client calls its endpoints; `most_streams` at a time on one connection, if they allow it."""

    limits: Limits
    options: Options
    pings: Pings
    counts: StreamCounts
    most_streams: int = 1024


class Http2Session(Session, Flow):
    """A session over one connection; see the module. Raises `UpstreamBroken`, `IdleTimeout` and what expiries say.

    State: the streams that are not over, how many the endpoint allows, and why the connection ended.
    """

    __slots__ = (
        "_alarms",
        "_allowed",
        "_calling",
        "_clock",
        "_connection",
        "_engine",
        "_heard",
        "_idle_seconds",
        "_life",
        "_may_ping",
        "_outlet",
        "_pinged",
        "_pumps",
        "_reading",
        "_ring_at",
        "_scheme",
        "_streams",
        "_why",
        "_writing",
    )

    def __init__(self, connection: Connection, new_engine: NewClientEngine, calling: Http2Calling, life: Life) -> None:
        self._allowed = min(UNTOLD, calling.most_streams)
        super().__init__(capacity=self._allowed)
        self._clock: Callable[[], float] = trio.lowlevel.current_clock().current_time
        self._connection = connection
        self._scheme = b"http" if connection.tls is None else b"https"
        self._calling = calling
        self._may_ping = calling.pings.every < math.inf
        self._idle_seconds = calling.limits.stream_idle_timeout_s
        self._engine = engine = new_engine(self, calling.options, self._clock)
        self._outlet = Outlet(connection, engine, self._clock)
        self._pumps = Pumps(engine, self._outlet, self, self, life)
        self._life = life
        self._alarms = alarms.current()
        self._streams: dict[int, ClientStream] = {}
        self._heard = self._clock()
        self._pinged = self._ring_at = math.inf
        self._why = "it was closed"
        self._reading: trio.CancelScope | None = None
        self._writing: trio.CancelScope | None = None
        if life.closed:
            self.closed = True
        else:
            self._reading = life.spawn(f"what {connection.peer} says", self._read)

    async def __call__(self, request: HttpRequest, /) -> HttpReply:  # type: ignore[override]  # HTTP only
        expiry = request.context.expiry
        if expiry is not None and expiry.at <= self._clock():
            self.on_change(self)  # nothing was sent, so there is room as before
            raise expiry.error()
        stream = self._open(request)
        try:
            head = await stream.final_head(request)
        except BaseException:
            self.give_up(stream)
            raise
        if expiry is not None:
            stream.expiry = expiry.beyond
        reply = stream.reply(request, head)
        request.context.made(reply)
        return reply

    def _open(self, request: HttpRequest) -> ClientStream:
        """Put the request into the engine, with as much of its body as is there."""
        calling, engine, body = self._calling, self._engine, request.body
        content = body.buffered
        if self.closed or self.leaving:
            raise UpstreamBroken(f"the connection to {self._connection.peer} has ended", retryable=True)
        expiry = request.context.expiry
        stream = ClientStream(self, self, expiry, calling.limits.max_1xx_responses)
        headers = [*request.headers, TRAILERS_WANTED]
        size, ends = body.size, False
        if content is not None:
            ends = not content
            if ends:
                size = None if request.method != b"POST" and request.method != b"PUT" else 0
        elif request.expects_continue:
            headers.append(EXPECT)
        try:
            number = engine.open(stream, request.method, request.target, self._scheme, headers, size, ends=ends)
        except LocalProtocolError:
            self.on_change(self)
            raise
        stream.number = number
        self.capacity -= 1
        self._streams[number] = stream
        calling.counts.open += 1
        if expiry is not None:
            self._ring_by(expiry.at)
        if self._may_ping:
            self._ring_by(self._clock() + calling.pings.every)
        if content:
            taken = engine.send_data(number, content, ends=True)
            if taken < len(content):
                self._pumps.send(stream, content[taken:])
        elif content is None:
            self._pumps.copy(stream, body, waits=request.expects_continue)
        if number > LAST_STREAM:
            self._leave()
        if self._writing is None:  # not before the first call, for what may have to be said first on a connection
            self._writing = self._life.spawn(f"what is said to {self._connection.peer}", self._write)
        self._outlet.kick()
        return stream

    # What a stream tells.

    def has_come(self, stream: ClientStream) -> None:
        """Give back the place of a stream whose reply has come; what of the request is not sent is not wanted."""
        if not stream.over:
            if stream.outflow is not None and not stream.outflow.done:
                self._engine.reset(stream.number, NO_ERROR)
                self._outlet.kick()
            self._release(stream)

    def was_reset(self, stream: ClientStream, code: int, *, by_peer: bool, unprocessed: bool) -> None:
        """Fail the call of a stream that the engine has let go of."""
        if stream.over:
            return
        peer, begun = self._connection.peer, stream.reply_begun
        error: Exception
        if self.closed:
            error = UpstreamBroken(f"the connection to {peer} broke: {self._why}", reply_begun=begun)
        elif by_peer:
            self._calling.counts.remote_resets.value += 1
            error = StreamReset(
                f"{peer} reset the stream with code {code}", code=code, retryable=unprocessed, reply_begun=begun
            )
        else:
            self._calling.counts.local_resets.value += 1
            error = UpstreamProtocolError(f"{peer} broke the protocol: ended with code {code}", reply_begun=True)
        stream.fail(error)
        self._release(stream)

    def give_up(self, stream: ClientStream, error: Exception | None = None) -> None:
        """End a stream of which nobody wants the rest, or that has failed; idempotent."""
        self._engine.reset(stream.number, CANCEL)
        self._outlet.kick()
        if not stream.over:
            self._calling.counts.local_resets.value += 1
            if error is not None:
                stream.fail(error)
            self._release(stream)

    def _release(self, stream: ClientStream) -> None:
        """Give back the place of a stream that is over."""
        stream.over = True
        del self._streams[stream.number]
        self._calling.counts.open -= 1
        if stream.pump is not None:
            stream.pump.cancel()
        if self.closed:
            return
        if not self.leaving:
            self.capacity += 1
            self.on_change(self)
        elif not self._streams:
            self.close()

    # What the engine tells.

    def on_request(self, stream: int, head: RequestHead) -> StreamOwner:
        raise LocalProtocolError("an endpoint asks for nothing: the engine refuses pushes")

    def on_limit(self, streams: int) -> None:
        allowed = min(streams, self._calling.most_streams)
        more, self._allowed = allowed - self._allowed, allowed
        if more and not (self.leaving or self.closed):
            self.capacity += more
            if more > 0:
                self.on_change(self)

    def on_goaway(self, last: int, code: int, debug: bytes) -> None:
        logger.debug("%s takes no more streams: code %d %r", self._connection.peer, code, debug[:100])
        self._leave()

    def on_pong(self, data: bytes) -> None:
        self._pinged = math.inf

    def _leave(self) -> None:
        """Take no further call; the last one that is open ends the connection."""
        self._take_no_more()
        if not self._streams:
            self.close()

    def _take_no_more(self) -> None:
        if not self.leaving and not self.closed:
            self.leaving = True
            self.capacity = 0
            self.on_change(self)

    # What the bodies of streams ask for.

    def give_back(self, stream: int, cost: int) -> None:
        self._engine.consumed(stream, cost)
        self._outlet.kick()

    def wait_until(self, limit: float = math.inf) -> float:
        until = min(self._clock() + self._idle_seconds, limit)
        if until < self._ring_at:
            self._ring_by(until)
        return until

    # What takes too long.

    def _ring_by(self, at: float) -> None:
        if at < self._ring_at:
            self._ring_at = at
            self._alarms.set(self, at)

    def on_alarm(self, now: float) -> float:
        self._check_peer(now)
        due = math.inf
        for stream in list(self._streams.values()):
            if stream.due() <= now:
                self.give_up(stream, self._too_late(stream, now))
            else:
                due = min(due, stream.due())
        if self._streams or self._outlet.since is not math.inf:
            due = min(due, self._next_ping(now), self._outlet.since + self._idle_seconds)
        self._ring_at = due
        return due

    def _too_late(self, stream: ClientStream, now: float) -> Exception:
        if stream.expiry is not None and stream.expiry.at <= now:
            return stream.expiry.error()
        return IdleTimeout(f"{self._connection.peer} sent nothing for {self._idle_seconds:g} s")

    def _check_peer(self, now: float) -> None:
        """Close a connection whose other side is gone, and ask a silent one."""
        pings = self._calling.pings
        if self._outlet.since + self._idle_seconds <= now:
            self._why = "it reads nothing"
            self._hang_up()
        elif self._pinged + pings.patience <= now:
            self._why = "it answers no ping"
            self._hang_up()
        elif self._streams and self._pinged is math.inf and self._heard + pings.every <= now:
            self._pinged = now
            self._engine.ping(PING)
            self._outlet.kick()

    def _next_ping(self, now: float) -> float:
        pings = self._calling.pings
        return self._heard + pings.every if self._pinged is math.inf else self._pinged + pings.patience

    # The two tasks.

    async def _read(self) -> None:
        inlet, engine, kick = Inlet(self._connection), self._engine, self._outlet.kick
        try:
            while True:
                data = await inlet.receive()
                if not data:
                    self._why = "it ended"
                    self._hang_up()
                    break
                engine.feed(data)
                self._heard = self._clock()
                if engine.pending():
                    kick()
        except ConnectionFailed as error:
            self._why = str(error)
            self._take_no_more()  # and close once the endpoint was told why
            if not self.closed:
                self._outlet.finish()
                with trio.move_on_after(FAREWELL_SECONDS):
                    await trio.sleep_forever()  # whoever writes ends this
                self._hang_up()
        except GONE as error:
            self._why = str(error)
            self._hang_up()
        finally:
            self.close()

    async def _write(self) -> None:
        await self._outlet.run()
        self._hang_up()

    # What the pool asks for.

    def is_usable(self) -> bool:
        return not (self.closed or self.leaving)

    def is_idle(self) -> bool:
        return not self._streams

    def close(self) -> None:
        if not self.closed and self._writing is not None:
            self._engine.go_away(NO_ERROR, last=True)
            self._outlet.part()
        self._hang_up()

    def _hang_up(self) -> None:
        """Close without a word."""
        if self.closed:
            return
        self.closed = True
        self.capacity = 0
        self._alarms.drop(self)
        self._engine.abandon(CANCEL)
        self._connection.close()
        for scope in (self._reading, self._writing):
            if scope is not None:
                scope.cancel()
        self.on_change(self)
