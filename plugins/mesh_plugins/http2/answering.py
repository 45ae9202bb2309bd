"""What a worker does with one stream: from its request to the last byte of the reply."""

import logging
from collections.abc import Callable

import trio

from mesh import (
    ClientGone,
    Connection,
    Context,
    Fields,
    HttpReply,
    HttpRequest,
    LocalProtocolError,
    MeshError,
    RemoteProtocolError,
    StreamReset,
    Switch,
    close_forgotten,
)
from mesh_plugins.http.switched import SwitchedReply
from mesh_plugins.http1.connect import check_connect
from mesh_plugins.http1.switching import check_switch
from mesh_plugins.http2.engine import CANCEL, INTERNAL_ERROR, NO_ERROR, Engine
from mesh_plugins.http2.inflow import Flow
from mesh_plugins.http2.outflow import Outflow
from mesh_plugins.http2.outlet import Outlet
from mesh_plugins.http2.server_stream import ServerStream
from mesh_plugins.http2.serving import Http2Serving
from mesh_plugins.http2.stream_tunnel import StreamTunnel

logger = logging.getLogger(__name__)


class Answering:
    """Answers the streams of one connection, each in its worker's task; all that it knows is shared by them.

    `ended` is told of each stream that is over.
    """

    __slots__ = ("_clock", "_connection", "_ended", "_engine", "_flow", "_outlet", "_serving", "_switch", "_tls")

    def __init__(
        self,
        connection: Connection,
        engine: Engine,
        outlet: Outlet,
        flow: Flow,
        switch: Switch,
        serving: Http2Serving,
        ended: Callable[[ServerStream], None],
    ) -> None:
        self._clock: Callable[[], float] = trio.lowlevel.current_clock().current_time
        self._connection = connection
        self._tls = connection.tls
        self._engine = engine
        self._outlet = outlet
        self._flow = flow
        self._switch = switch
        self._serving = serving
        self._ended = ended

    async def __call__(self, stream: ServerStream) -> None:
        """Answer one stream; it is over then, whatever comes of it."""
        if stream.gone:
            self._ended(stream)
            return
        connection, serving = self._connection, self._serving.common
        context = Context(self._clock(), connection.peer, connection)
        request = stream.request(context)
        if self._tls is not None:
            context.tls = self._tls
            request.scheme = b"https"
        code = INTERNAL_ERROR
        try:
            if not stream.head.ends:
                if request.method == b"CONNECT":
                    stream.open_body()
                elif stream.whole is not None:
                    request.body = stream.whole_body(stream.whole)
                else:
                    request.body = await stream.take_body(request, serving.buffer_bytes)
            if request.method == b"CONNECT":
                check_connect(request.target, is_offered=serving.tunnels.connect)
            stream.service = service = self._switch.service
            try:
                reply: HttpReply = await service(request)
            except Exception:
                logger.exception("a request was not answered: the stack has no filter that turns errors into replies")
                reply = HttpReply(500)
            code = await self._send(stream, request, reply)
        except ClientGone:
            code = CANCEL
        except RemoteProtocolError as error:  # of a body that was to be read as a whole, or of a CONNECT
            self._switch.refused(error)
            code = await self._send(stream, request, HttpReply(error.status))
        except BaseException:
            code = CANCEL
            if context.replies is not None:
                await close_forgotten(context.replies, None)
            raise
        finally:
            self._let_go(stream, code)
            self._ended(stream)

    def _let_go(self, stream: ServerStream, code: int) -> None:
        """End what is left of a stream: with `code` if its reply is incomplete; a body that nobody reads is refused."""
        if code != NO_ERROR and not stream.gone:
            self._serving.counts.local_resets.value += 1
        elif stream.gone:
            self._serving.counts.remote_resets.value += 1
        body = stream.body
        if code != NO_ERROR or (body is not None and not body.is_read):
            self._engine.reset(stream.number, code)
            self._outlet.kick()

    async def _send(self, stream: ServerStream, request: HttpRequest, reply: HttpReply) -> int:
        """Send a reply, and close it; return the code that the stream is to end with, `NO_ERROR` if it is complete."""
        shown, code = reply, CANCEL
        try:
            try:
                is_sent = self._begin(stream, request, reply)
            except LocalProtocolError as error:
                logger.error("a reply cannot be sent as a filter made it: %s", error)
                shown = HttpReply(500)
                is_sent = self._begin(stream, request, shown)
            if not is_sent:
                await self._send_rest(stream, request, shown)
            code = NO_ERROR
        except ClientGone:
            logger.debug("%s went away before the end of a reply", self._connection.peer)
        except StreamReset as error:
            code = error.code or INTERNAL_ERROR  # the endpoint saw no error, but the reply is not whole
        except MeshError as error:
            logger.debug("a reply to %s broke off: %s", self._connection.peer, error)
            code = INTERNAL_ERROR
        except Exception:
            logger.exception("the body of a reply to %s raised", self._connection.peer)
            code = INTERNAL_ERROR
        finally:
            reply.close()
            made = request.context.replies
            if made is not reply and made is not None:
                await close_forgotten(made, reply if code == NO_ERROR else None)
        return code

    def _begin(self, stream: ServerStream, request: HttpRequest, reply: HttpReply) -> bool:
        """Put the reply's head into the engine, and its body if that is in memory; return whether that was all of it."""
        engine, number, body = self._engine, stream.number, reply.body
        kick = self._outlet.kick
        status, size = reply.status, body.size
        if type(reply) is SwitchedReply:
            check_switch(request, reply)
            engine.reply(number, status, reply.headers, None, ends=False)
            kick()
            return False
        if request.method == b"HEAD" or status == 204 or status == 304:
            size = (size or None) if reply.declared_size is None else reply.declared_size
            engine.reply(number, status, reply.headers, size, ends=True)
            kick()
            return True
        content = body.buffered if reply.whole else None
        if content is None or body.trailers:
            engine.reply(number, status, reply.headers, None if content is not None else size, ends=False)
            kick()
            return False
        if not content:
            engine.reply(number, status, reply.headers, size, ends=True)
            kick()
            return True
        engine.reply(number, status, reply.headers, size, ends=False)
        taken = engine.send_data(number, content, ends=True)
        kick()
        if taken < len(content):
            stream.rest = content[taken:]
            return False
        return True

    async def _send_rest(self, stream: ServerStream, request: HttpRequest, reply: HttpReply) -> None:
        """Send what did not go with the head."""
        if stream.gone:
            raise ClientGone("the client went away before its reply")
        if type(reply) is SwitchedReply:
            tunnel = StreamTunnel(stream, self._engine, self._outlet, self._flow, self._connection.peer)
            await self._serving.common.tunnels.run(tunnel, b"", request, reply)
            return
        body = reply.body
        trailers = body.trailers if reply.whole else []
        if trailers and self._send_whole(stream, body.buffered or b"", trailers):
            return
        expiry = request.context.expiry
        beyond = None if expiry is None else expiry.beyond
        stream.outflow = outflow = Outflow(self._engine, self._outlet, self._flow, stream.number, beyond)
        if stream.rest:
            await outflow.send(stream.rest, ends=not trailers)
            if trailers:
                await outflow.end(trailers)
        else:
            await outflow.pour(body)

    def _send_whole(self, stream: ServerStream, content: bytes, trailers: Fields) -> bool:
        """Send a body that is in memory, and its trailers, as far as there is room now; return whether that was all."""
        taken = self._engine.send_data(stream.number, content, ends=False) if content else 0
        stream.rest = content[taken:]
        if not stream.rest:
            self._engine.send_trailers(stream.number, trailers)
        self._outlet.kick()
        return not stream.rest
