"""One stream of a client: its request, the task that answers it, and the reply on its way."""

import math

import trio

from mesh import (
    EMPTY,
    REASONS,
    Body,
    ClientGone,
    Connection,
    Context,
    Fields,
    HttpRequest,
    IdleTimeout,
    InterimSink,
    MeshError,
)
from mesh_plugins.http.clear_context import public
from mesh_plugins.http2.engine import Engine, ReplyHead, RequestHead
from mesh_plugins.http2.inflow import Flow, Inflow, in_memory
from mesh_plugins.http2.outflow import Outflow
from mesh_plugins.http2.outlet import Outlet

CLIENT_GONE = f"{ClientGone.flag} {ClientGone.detail}"  # why a request is cancelled, for those that it passes through
CONTINUE = (b"expect", b"100-continue")


class RequestBody(Inflow):
    """The body of a request; one that its client holds back is called for when it is first asked for."""

    __slots__ = ("held_by",)

    def __init__(self, flow: Flow, size: int | None, number: int) -> None:
        super().__init__(flow, size, number)
        self.held_by: ServerStream | None = None

    async def receive(self) -> bytes:
        if self.held_by is not None:
            await self.held_by.send_interim(100, [])
        return await super().receive()


class ServerStream(InterimSink):
    """See the module. `number` is the stream's; `scope` ends the work on it; `gone`: nothing more can be said on it.

    `body` is None for a request that has none, or whose body came as a whole, in one piece, before the work on it began:
    that is `whole` then, at a `_cost`. `outflow` is there while a body goes out piece by piece;
    `rest` is what is left of one that is in memory. `tunnel` is what the stream has become after a CONNECT.
    """

    __slots__ = (
        "_clears",
        "_cost",
        "_engine",
        "_flow",
        "_outlet",
        "body",
        "context",
        "gone",
        "head",
        "number",
        "outflow",
        "rest",
        "scope",
        "service",
        "tunnel",
        "whole",
    )

    def __init__(
        self,
        engine: Engine,
        outlet: Outlet,
        flow: Flow,
        number: int,
        head: RequestHead,
        *,
        clears: bool,
    ) -> None:
        self._engine = engine
        self._outlet = outlet
        self._flow = flow
        self._clears = clears
        self.number = number
        self.head = head
        self.body: RequestBody | None = None
        self.whole: bytes | None = None
        self._cost = 0
        self.scope: trio.CancelScope | None = None
        self.service: object = None
        self.context: Context | None = None
        self.outflow: Outflow | None = None
        self.tunnel: Connection | None = None
        self.rest = b""
        self.gone = False

    def request(self, context: Context) -> HttpRequest:
        """Make the request, without its body."""
        head = self.head
        self.context = context
        request = HttpRequest(head.method, head.target, head.headers, EMPTY, context, (2, 0))
        request.scheme = head.scheme
        request.on_interim = self
        return request

    def whole_body(self, whole: bytes) -> Body:
        """Return the request's body, which came as a whole."""
        if self._cost:
            self._flow.give_back(self.number, self._cost)
        return in_memory(whole, [], self.head.size)

    def open_body(self) -> RequestBody:
        """Return the request's body as a stream, of what has come and of what will."""
        body = self.body
        if body is None:
            self.body = body = RequestBody(self._flow, self.head.size, self.number)
            if self.whole is not None:
                body.put(self.whole, self._cost, ends=True)
        return body

    async def take_body(self, request: HttpRequest, buffer_bytes: int) -> Body:
        """Return the request's body: in memory if it came with its head, or is no longer than `buffer_bytes`."""
        body = self.open_body()
        if CONTINUE in request.headers and not body.ended:
            request.headers = [field for field in request.headers if field[0] != b"expect"]
            request.expects_continue = True
            body.held_by = self
            return body
        if not body.ended and 0 < (body.size or 0) <= buffer_bytes:
            await body.wait_whole()
        return body.gathered() if body.ended and not body.trailers else body

    def on_reply(self, head: ReplyHead) -> None:
        """Clients send none."""

    def on_data(self, piece: bytes, cost: int, *, ends: bool) -> None:
        if ends and self.body is None:
            self.whole = piece
            self._cost = cost
        else:
            self.open_body().put(piece, cost, ends=ends)

    def on_trailers(self, trailers: Fields) -> None:
        self.open_body().end(trailers)

    def on_room(self) -> None:
        if self.outflow is not None:
            self.outflow.on_room()

    def on_reset(self, code: int, *, by_peer: bool, unprocessed: bool) -> None:
        self.end(ClientGone("the client reset the stream of its request"))

    def end(self, error: MeshError) -> None:
        """Stop all work on the stream, which is over."""
        self.gone = True
        context = self.context
        if context is not None:
            context.flags = context.flags or CLIENT_GONE
        self._break_off(error)
        if self.scope is not None:
            self.scope.cancel()

    async def send_interim(self, status: int, headers: Fields) -> None:
        if self.body is not None and status == 100:
            self.body.held_by = None
        if self.gone:
            raise ClientGone("the client went away before its reply")
        if status == 101 or status not in REASONS:
            return
        self._engine.reply(self.number, status, public(headers) if self._clears else headers, None, ends=False)
        self._outlet.kick()

    def due(self) -> float:
        """Return until when the stream waits for its client; infinity while it does not."""
        if self.tunnel is not None:
            return self.tunnel.deadline
        body = math.inf if self.body is None else self.body.waits_until
        return body if self.outflow is None else min(body, self.outflow.waits_until)

    def check(self, now: float, error: MeshError) -> None:
        """Break off a wait for the client that has lasted for too long."""
        if self.tunnel is not None:
            if self.tunnel.deadline <= now:
                self._break_off(IdleTimeout("nothing moves in the tunnel"))
            return
        if self.body is not None and self.body.waits_until <= now:
            self.body.fail(error)
        if self.outflow is not None:
            self.outflow.check(now, error)

    def _break_off(self, error: MeshError) -> None:
        if self.body is not None:
            self.body.fail(error)
        if self.outflow is not None:
            self.outflow.fail(error)
