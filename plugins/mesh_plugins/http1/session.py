"""One HTTP/1.1 connection to an endpoint, as a session: a request out, a reply in, one at a time.

Theory of operation. A request whose body is in memory is sent in one write, and its caller's task waits for the reply:
no task, no scope. A streamed body is copied by a helper task, the pump, while the caller waits for the reply; what
stops the pump is kept and raised there, except that an endpoint which replies without reading the body is not at fault.
The connection is free again at the last byte of the reply, if the request has been sent as a whole by then and nothing
else came. Whatever goes wrong closes it.
"""

from collections.abc import Callable

import attrs
import trio

from mesh import (
    EMPTY,
    Body,
    Buffered,
    Connection,
    Expiry,
    Fields,
    HttpReply,
    HttpRequest,
    IdleTimeout,
    Life,
    Limits,
    RemoteProtocolError,
    UpstreamBroken,
    UpstreamProtocolError,
)
from mesh_plugins.connections.gone import GONE
from mesh_plugins.connections.single import SingleSession
from mesh_plugins.http.gathered import Gathered
from mesh_plugins.http.switched import SwitchedReply
from mesh_plugins.http1.head import CHUNKED, ClientEngine, ReplyHead
from mesh_plugins.tunnels.tunnel import Tunnel

PIECE = 262144  # bytes asked for at once while a body streams
CONTINUE_SECONDS = 1.0  # how long a body is held back for the endpoint's `100`. Source: RFC 9110 10.1.1, curl's default


class Http1Session(SingleSession):
    """A session over one connection; see the module for how it works. Raises `UpstreamBroken`, `IdleTimeout`, and what
    the request's expiry says. `_expiry` is what bounds the present exchange: after the head of the reply, its deadline.
    `_lacks_body`: a request that streams was sent without the first byte of its body, so that nobody can have acted on it.
    """

    __slots__ = (
        "_clock",
        "_engine",
        "_expiry",
        "_idle_seconds",
        "_lacks_body",
        "_life",
        "_pump",
        "_pump_error",
    )

    def __init__(self, connection: Connection, engine: ClientEngine, limits: Limits, life: Life) -> None:
        super().__init__(connection)
        self._engine = engine
        self._idle_seconds = limits.stream_idle_timeout_s
        self._life = life
        self._clock: Callable[[], float] = trio.lowlevel.current_clock().current_time
        self._pump: trio.CancelScope | None = None
        self._pump_error: Exception | None = None
        self._lacks_body = False
        self._expiry: Expiry | None = None

    async def __call__(self, request: HttpRequest, /) -> HttpReply:  # type: ignore[override]  # HTTP only
        connection = self._connection
        self._expiry = expiry = request.context.expiry
        now = self._clock()
        connection.deadline = now + self._idle_seconds
        if expiry is not None and expiry.at < connection.deadline:
            if expiry.at <= now:
                self.on_change(self)  # nothing was sent, so there is room as before
                raise expiry.error()
            connection.deadline = expiry.at
        self.capacity = 0
        try:
            if request.upgrade and not request.body.size:
                return await self._ask_to_switch(request)
            content = request.body.buffered
            if content is None:
                head = await self._stream(request)
            else:
                engine = self._engine
                data = engine.write_head(request.method, request.target, request.headers, len(content))
                if content:
                    data += engine.write_data(content)
                rest = connection.send(data)
                if rest is not None:
                    await rest
                engine.feed(await connection.receive_some())
                head = engine.read_head() or await self._read_head()
            if head.status < 200:
                head = await self._after_interim(request, head)
            return self._reply(request, head)
        except BaseException as error:
            self.close()
            if isinstance(error, Exception):
                raise self._translated(error) from error
            raise

    def _due(self) -> float:
        """Return until when the next wait may last: for as long as nothing may come, and no longer than the expiry."""
        due = self._clock() + self._idle_seconds
        return due if self._expiry is None or self._expiry.at > due else self._expiry.at

    async def _ask_to_switch(self, request: HttpRequest) -> HttpReply:
        """Send a request for another protocol, and return the tunnel, or the reply that declines."""
        engine = self._engine
        data = engine.write_upgrade(request.method, request.target, request.headers, request.upgrade)
        await self._connection.send_all(data)
        head = await self._read_head()
        if head.status < 200:
            head = await self._after_interim(request, head)
        if head.status != 101:
            once = attrs.evolve(head, keep_alive=False)  # so that a 101 that comes late finds nobody
            return self._reply(request, once)
        reply = SwitchedReply(101, head.headers.copy(), Tunnel(self._connection, engine.take_rest()), head.upgrade)
        reply.on_close(self.close)
        request.context.made(reply)
        return reply

    async def _read_head(self) -> ReplyHead:
        """Return the next head. The bytes fed last did not hold all of one."""
        connection, engine = self._connection, self._engine
        while True:
            data = await connection.receive_some()
            engine.feed(data)
            head = engine.read_head()
            if head is not None:
                return head
            if not data:
                raise trio.BrokenResourceError("closed before it replied")

    async def _after_interim(self, request: HttpRequest, head: ReplyHead) -> ReplyHead:
        """Pass interim replies on until the final one comes, and return that."""
        while head.status < 200 and head.status != 101:
            if request.on_interim is not None:
                await request.on_interim.send_interim(head.status, head.headers)
            head = self._engine.read_head() or await self._read_head()
        return head

    def _reply(self, request: HttpRequest, head: ReplyHead) -> HttpReply:
        size = head.body_size
        body: Body = EMPTY
        if self._expiry is not None:
            self._expiry = self._expiry.beyond
        if size == 0:
            self._finish(head.keep_alive)
        else:
            piece = self._engine.read_body()
            if piece is not None and (len(piece) == size or (size == CHUNKED and self._ends_here(piece))):
                body = Gathered(piece) if size == CHUNKED else Buffered(piece)
                self._finish(head.keep_alive)
            else:
                body = _StreamedBody(self, None if size < 0 else size, piece or b"", head.keep_alive)
        reply = HttpReply(head.status, head.headers.copy(), body, head.reason, head.version)
        reply.declared_size = head.declared_size
        if isinstance(body, _StreamedBody):
            reply.on_close(body.abandon)
        request.context.made(reply)
        return reply

    def _ends_here(self, piece: bytes) -> bool:
        """Return whether a chunked body is over after `piece`, with no trailers that would have to follow it."""
        return (piece == b"" or self._engine.read_body() == b"") and not self._engine.trailers()

    async def receive_body(self) -> bytes:
        """Return the next piece of the present reply's body, `b""` at its end; for the body alone."""
        engine, connection = self._engine, self._connection
        try:
            while (piece := engine.read_body()) is None:
                connection.deadline = due = self._due()
                if due <= self._clock():  # whoever never has to wait is never told
                    raise trio.TooSlowError
                engine.feed(await connection.receive_some(PIECE))
        except BaseException as error:
            self.close()
            if isinstance(error, Exception):
                raise self._translated(error, reply_begun=True) from error
            raise
        return piece

    def trailers(self) -> Fields:
        """Return the present reply's trailers; for the body alone."""
        return self._engine.trailers()

    def _finish(self, keep_alive: bool) -> None:
        """The reply has come as a whole: make the connection free, or close it."""
        if self._pump is not None or not keep_alive or self._engine.has_bytes() or not self._connection.is_quiet():
            self.close()
        elif not self.closed:
            self._engine.next_message()
            self.capacity = 1
            self.on_change(self)

    def finish(self, keep_alive: bool) -> None:
        """Take note that the body has been read to its end; for the body alone."""
        self._finish(keep_alive)

    def close(self) -> None:
        if self._pump is not None and not self.closed:
            self._pump.cancel()
        super().close()

    async def _stream(self, request: HttpRequest) -> ReplyHead:
        """Send a request whose body is still coming, and return the first head of the reply."""
        connection, engine, body = self._connection, self._engine, request.body
        self._pump_error = None
        self._lacks_body = True
        expects = [(b"expect", b"100-continue")] if request.expects_continue else []
        head_fields = request.headers + expects
        await connection.send_all(engine.write_head(request.method, request.target, head_fields, body.size))
        if request.expects_continue:
            head = await self._before_body(request)
            if head is not None:
                self._pump = trio.CancelScope()  # never run: the endpoint still expects a body, so no reuse
                return head
        self._pump = self._life.spawn("request body", lambda: self._copy(body))
        while (reply := engine.read_head()) is None:
            data = await connection.receive_some()
            engine.feed(data)
            connection.deadline = self._due()
            if not data and (reply := engine.read_head()) is None:
                raise trio.BrokenResourceError("closed before it replied")
        return reply

    async def _before_body(self, request: HttpRequest) -> ReplyHead | None:
        """Wait for the endpoint's `100`, but not for ever, and pass it on; return its final reply if it sends that instead."""
        until = trio.current_time() + CONTINUE_SECONDS
        status = 0
        while status != 100:
            head = self._engine.read_head()
            with trio.move_on_at(until):
                if head is None:
                    self._engine.feed(await self._connection.receive_some())
                    head = self._engine.read_head() or await self._read_head()
            if head is None or head.status >= 200:
                return head
            if request.on_interim is not None:
                await request.on_interim.send_interim(head.status, head.headers)
            status = head.status
        return None

    async def _copy(self, body: Body) -> None:
        """The pump: write the body out as it comes. Its error belongs to the exchange, so it is kept, not raised."""
        connection, engine = self._connection, self._engine
        try:
            while piece := await body.receive():
                self._lacks_body = False
                connection.deadline = self._due()
                await connection.send_all(engine.write_data(piece))
            self._lacks_body = False
            end = engine.write_end(body.trailers)
            if end:
                await connection.send_all(end)
        except trio.BrokenResourceError:
            return  # the endpoint reads no more: what it has to say about that, its reply or its end, is still to be read
        except Exception as error:  # noqa: BLE001  whatever it is, the task that waits for the reply raises it
            self._pump_error = error
            connection.close()
        else:
            self._pump = None

    def _translated(self, error: Exception, *, reply_begun: bool = False) -> Exception:
        """Return what `error` means to the caller."""
        if self._pump_error is not None:
            kept, self._pump_error = self._pump_error, None
            return kept
        if isinstance(error, trio.TooSlowError):
            if self._expiry is not None and self._expiry.at <= self._clock():
                return self._expiry.error()
            return IdleTimeout(f"{self._connection.peer} sent nothing for {self._idle_seconds:g} s")
        if isinstance(error, GONE):
            begun = reply_begun or self._engine.has_bytes()
            undone = self._lacks_body and not begun
            message = f"the connection to {self._connection.peer} broke: {error}"
            return UpstreamBroken(message, retryable=undone, reply_begun=begun)
        if isinstance(error, RemoteProtocolError):
            return UpstreamProtocolError(f"{self._connection.peer}: {error}", reply_begun=True)
        return error


class _StreamedBody(Body):
    """The body of a reply that is still coming; `first` came with its head."""

    __slots__ = ("_broke", "_done", "_first", "_keep_alive", "_session", "_size", "_trailers")

    def __init__(self, session: Http1Session, size: int | None, first: bytes, keep_alive: bool) -> None:
        self._session = session
        self._size = size
        self._first = first
        self._keep_alive = keep_alive
        self._broke = False
        self._done = False
        self._trailers: Fields = []

    @property
    def broke(self) -> bool:
        return self._broke

    @property
    def size(self) -> int | None:
        return self._size

    @property
    def trailers(self) -> Fields:
        return self._trailers

    async def receive(self) -> bytes:
        if self._first:
            piece, self._first = self._first, b""
            return piece
        if self._done:
            return b""
        try:
            piece = await self._session.receive_body()
        except (UpstreamBroken, IdleTimeout):
            self._broke = True
            raise
        if not piece:
            self._done = True
            self._trailers = self._session.trailers()
            self._session.finish(self._keep_alive)
        return piece

    def abandon(self) -> None:
        """The reply was closed: unless it had come as a whole, its connection is good for nothing else."""
        if not self._done:
            self._session.close()
