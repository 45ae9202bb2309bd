"""The serving side of HTTP/1.1: one client's connection, its requests in order, each handed to the service of the switch.

Theory of operation. One task reads a head, calls the service, writes the reply, and begins again; pipelined requests
wait in the engine's buffer and are answered in order. A body that came with its head is in memory; a longer one is
pulled by whoever sends it on. The client hanging up during an exchange cancels the exchange. A request that breaks the
protocol is answered once, then the connection is closed, gently, so that the answer is not lost to a reset.
"""

import logging
import math

import trio

from mesh import (
    EMPTY,
    REASONS,
    Body,
    Buffered,
    ClientGone,
    Connection,
    Context,
    Fields,
    HttpReply,
    HttpRequest,
    InterimSink,
    LocalProtocolError,
    MeshError,
    RemoteProtocolError,
    Switch,
    close_forgotten,
)
from mesh_plugins.connections.gone import GONE
from mesh_plugins.connections.in_turn import DRAIN_SECONDS, LINGER_SECONDS, InTurn
from mesh_plugins.http.clear_context import public
from mesh_plugins.http.switched import SwitchedReply
from mesh_plugins.http.upgrades import offered
from mesh_plugins.http1.client_body import DRAIN_BYTES, ClientBody
from mesh_plugins.http1.head import RequestHead, ServerEngine
from mesh_plugins.http1.refusal import refusal
from mesh_plugins.http1.serving import Serving
from mesh_plugins.http1.switching import check_switch

logger = logging.getLogger(__name__)

PIECE = 262144  # bytes asked for at once while a body streams
PIPELINED = 16  # requests answered without waiting for the client, before other tasks get their turn


class ServerConnection(InTurn, InterimSink):
    """One client's connection. State: `_body` of the request that is open, if it streams; `_keep_alive`, if more may follow."""

    __slots__ = ("_body", "_engine", "_keep_alive", "_serving", "_tls")

    def __init__(self, connection: Connection, engine: ServerEngine, switch: Switch, serving: Serving) -> None:
        super().__init__(connection, switch, serving.ages.life_seconds, serving.limits.stream_idle_timeout_s)
        self._engine = engine
        self._serving = serving
        self._tls = connection.tls
        self._keep_alive = True
        self._body: ClientBody | None = None
        connection.on_hang_up = self._hung_up

    def _hung_up(self) -> None:
        if self._busy and not self._serving.allow_half_close:
            self._give_up()

    def check_hung_up(self) -> None:
        """End the exchange if the client has hung up while its body was read; for the body alone."""
        if self._connection.hung_up:
            self._hung_up()

    async def _serve(self) -> None:
        engine, limits = self._engine, self._serving.limits
        answered = 0
        patience = min(limits.header_deadline_s, limits.idle_timeout_s)
        while self._keep_alive:
            try:
                head = None
                if engine.has_bytes():
                    head = engine.read_head()
                    patience = limits.header_deadline_s
                if head is None:
                    answered = 0
                    head = await self._receive_head(patience)
                    if head is None:
                        return
                request = self._request(head)
                if head.body_size:
                    await self._add_body(request, head)
            except RemoteProtocolError as error:
                await self._refuse(error)
                return
            except ClientGone:
                return
            answered += 1
            if answered == PIPELINED:
                answered = 0
                await trio.lowlevel.checkpoint()
            if not await self._exchange(request):
                return
            engine.next_message()
            patience = limits.idle_timeout_s
        if not self._connection.is_quiet():
            await self._linger()  # else the bytes that nobody will read would turn the last reply into a reset

    async def _receive_head(self, patience: float) -> RequestHead | None:
        """Wait for the next head; None if the connection ended between requests, or nothing came for `patience` seconds."""
        connection, engine, limits = self._connection, self._engine, self._serving.limits
        self._busy = False
        until = self._clock() + (DRAIN_SECONDS if self._switch.draining else patience)
        # One that expires while requests come may begin one more, which is told to be the last.
        connection.deadline = until if until < self._expires else max(self._expires, self._clock() + DRAIN_SECONDS)
        try:
            data = await connection.receive_some()
            engine.feed(data)
            head = engine.read_head()
            if head is None:
                connection.deadline = self._clock() + limits.header_deadline_s
                while head is None and data:
                    data = await connection.receive_some()
                    engine.feed(data)
                    head = engine.read_head()
        except trio.TooSlowError:
            if engine.is_idle():
                if not self._switch.draining:
                    self._serving.ages.count_end(self._clock(), until, self._expires)
                return None
            raise RemoteProtocolError(f"no whole head within {limits.header_deadline_s:g} s", status=408) from None
        return head

    def _request(self, head: RequestHead) -> HttpRequest:
        """Make the request of a head, without its body; from here on an exchange is open."""
        self._busy = True
        self._keep_alive = head.keep_alive
        context = self._context = Context(self._clock(), self._connection.peer, self._connection)
        request = HttpRequest(head.method, head.target, head.headers.copy(), EMPTY, context, head.version)
        request.on_interim = self
        request.scheme = head.scheme
        if self._tls is not None:
            context.tls = self._tls
            request.scheme = b"https"
        if head.upgrade and not head.body_size and head.method != b"HEAD":
            request.upgrade = offered(head.upgrade, self._serving.tunnels.upgrades)
        if self._connection.hung_up:
            self._hung_up()
        return request

    async def _add_body(self, request: HttpRequest, head: RequestHead) -> None:
        request.body = await self._take_body(head)
        request.expects_continue = self._body is not None and head.expects_continue
        self.check_hung_up()

    async def _take_body(self, head: RequestHead) -> Body:
        size = head.body_size
        piece = self._engine.read_body() or b""
        if len(piece) == size:
            self._body = None
            return Buffered(piece)
        self._body = body = ClientBody(self, head, piece)
        if 0 < size <= self._serving.buffer_bytes and not head.expects_continue:
            pieces = []
            while more := await body.receive():
                pieces.append(more)
            self._body = None
            return Buffered(b"".join(pieces))
        return body

    async def receive_body(self) -> bytes:
        """Return the next piece of the request's body, `b""` at its end; for the body alone."""
        engine, connection = self._engine, self._connection
        idle = self._serving.limits.stream_idle_timeout_s
        try:
            while (piece := engine.read_body()) is None:
                connection.deadline = self._clock() + idle
                data = await connection.receive_some(PIECE)
                if not data:
                    raise ClientGone("the client closed its connection before its request was complete")
                engine.feed(data)
        except trio.TooSlowError as error:
            raise RemoteProtocolError(f"the client sent nothing of its body for {idle:g} s", status=408) from error
        except GONE as error:
            raise ClientGone("the client went away before its request was complete") from error
        return piece

    def body_trailers(self) -> Fields:
        """Return the trailers of the request's body; for the body alone."""
        return self._engine.trailers()

    async def _exchange(self, request: HttpRequest) -> bool:
        """Answer one request; return whether the connection can be used again."""
        try:
            self._service = service = self._switch.service
            reply: HttpReply = await service(request)
        except Exception:
            logger.exception("a request was not answered: the stack has no filter that turns errors into replies")
            reply = HttpReply(500)
        except BaseException:
            if request.context.replies is not None:
                await close_forgotten(request.context.replies, None)
            raise
        connection = self._connection
        shown = reply
        complete = False
        try:
            try:
                data = self._head_and_whole_body(request, reply)
            except LocalProtocolError as error:
                logger.error("a reply cannot be sent as a filter made it: %s", error)
                shown = HttpReply(500)
                data = self._head_and_whole_body(request, shown)
            rest = connection.send(data)
            if rest is not None:
                connection.deadline = self._clock() + self._serving.limits.stream_idle_timeout_s
                await rest
            complete = shown.whole or _has_no_body(request, shown) or await self._write_rest(request, shown)
        finally:
            reply.close()
            made = request.context.replies
            if made is not reply and made is not None:
                await close_forgotten(made, reply if complete else None)
        if not complete:
            return False
        return self._body is None or await self._drain(self._body)

    def _head_and_whole_body(self, request: HttpRequest, reply: HttpReply) -> bytes:
        """Return the reply's head, and its body if that is in memory."""
        engine, body = self._engine, reply.body
        if type(reply) is SwitchedReply:
            check_switch(request, reply)
            self._keep_alive = False
            return engine.write_switch(reply.status, reply.reason, reply.headers, reply.protocol)
        has_body = not _has_no_body(request, reply)
        size = body.size
        if not has_body:
            size = (size or None) if reply.declared_size is None else reply.declared_size
        if self._switch.draining or (size is None and has_body and request.version == (1, 0)):
            self._keep_alive = False
        if self._keep_alive and self._expires != math.inf and self._clock() >= self._expires:
            self._serving.ages.lifetime.value += 1
            self._keep_alive = False
        if self._body is not None and self._body.is_beyond_draining(reply):
            self._keep_alive = False
        data = engine.write_head(
            reply.status, reply.reason, reply.headers, size, keep_alive=self._keep_alive, body=has_body
        )
        content = body.buffered if has_body and reply.whole else None
        return data + engine.write_data(content) if content else data

    async def _write_rest(self, request: HttpRequest, reply: HttpReply) -> bool:
        """Write what follows a head that was sent alone; return whether another request may follow."""
        if type(reply) is SwitchedReply:
            await self._serving.tunnels.run(self._connection, self._engine.take_rest(), request, reply)
            return False
        return await self._write_body(request, reply.body)

    async def _write_body(self, request: HttpRequest, body: Body) -> bool:
        """Write a body as it comes; return whether all of it came."""
        connection, engine = self._connection, self._engine
        idle = self._serving.limits.stream_idle_timeout_s
        complete = False
        try:
            while piece := await body.receive():
                connection.deadline = self._clock() + idle
                await connection.send_all(engine.write_data(piece))
            end = engine.write_end(body.trailers)
            if end:
                await connection.send_all(end)
            complete = True
        except MeshError as error:
            logger.debug("a reply to %s broke off: %s", connection.peer, error)
        except (trio.TooSlowError, *GONE):
            raise
        except Exception:
            logger.exception("the body of a reply to %s raised", connection.peer)
        finally:
            if not complete and body.size is None and request.version == (1, 0):
                connection.abort()  # the end of the connection is the end of such a body: it must not look clean
        return complete

    async def send_interim(self, status: int, headers: Fields) -> None:
        if status == 100 and self._body is not None:
            self._body.held_back = False
        if self._serving.clears_context:
            headers = public(headers)
        data = self._engine.write_head(status, REASONS.get(status, b""), headers, None, keep_alive=True, body=False)
        try:
            if data:
                await self._connection.send_all(data)
        except GONE as error:
            raise ClientGone("the client went away before its reply") from error

    async def _drain(self, body: ClientBody) -> bool:
        """Read the little that may be left of a request body that was not wanted; return whether that was all of it."""
        self._body = None
        try:
            await body.drain(DRAIN_BYTES if self._keep_alive else 0)
        except MeshError as error:
            logger.debug("%s: the rest of a body did not come: %s", self._connection.peer, error)
        if not body.is_done and not body.is_received:
            await self._linger()
        return body.is_done

    async def _refuse(self, error: RemoteProtocolError) -> None:
        """Answer a request that cannot be read, then close."""
        logger.debug("%s: refused with %d: %s", self._connection.peer, error.status, error)
        self._switch.refused(error)
        self._connection.deadline = self._clock() + LINGER_SECONDS
        try:
            await self._connection.send_all(refusal(error, self._engine, clears_context=self._serving.clears_context))
        except trio.TooSlowError:
            return
        await self._linger()


def _has_no_body(request: HttpRequest, reply: HttpReply) -> bool:
    """Return whether a reply has no body by its nature. Source: RFC 9110 section 6.4.1."""
    return request.method == b"HEAD" or reply.status == 204 or reply.status == 304
