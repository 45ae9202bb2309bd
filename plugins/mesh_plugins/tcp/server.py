"""The serving side of plain TCP: one client's connection, routed once, then copied to and from an endpoint.

Theory of operation. One task asks the service of the switch for an endpoint's connection and relays. Where an identifier
needs the server name, the client's first bytes are read for it before, within limits, and passed on with all the others;
where TLS ends here, its handshake has said the name already.
Nothing is answered in the client's name: a client that is not routed is reset, one that speaks TLS gets an alert first.
"""

import logging
import math

import attrs
import trio

from mesh import (
    Connection,
    Context,
    HelloReader,
    Limits,
    MeshError,
    NoRoute,
    RemoteProtocolError,
    Switch,
    blame,
    close_forgotten,
)
from mesh_plugins.connections.gone import GONE
from mesh_plugins.connections.in_turn import DRAIN_SECONDS, LINGER_SECONDS, InTurn
from mesh_plugins.tcp.message import TcpReply, TcpRequest
from mesh_plugins.tunnels.counts import TunnelCounts
from mesh_plugins.tunnels.relay import FLAGS, Relay
from mesh_plugins.tunnels.tunnel import Incoming

logger = logging.getLogger(__name__)

DECODE_ERROR, INTERNAL_ERROR, UNRECOGNIZED_NAME = 50, 80, 112
"""Alerts. Source: RFC 8446 section 6."""


@attrs.frozen(eq=False)
class Serving:
    """How one listener serves. `reads_hello`: the first bytes of a client are read for the server name in its TLS."""

    port: int
    limits: Limits
    idle_seconds: float
    counts: TunnelCounts
    reads_hello: bool = False


class TcpConnection(InTurn):
    """One client's connection: one exchange, to its end. State: `_early`, what was read of it so far."""

    __slots__ = ("_early", "_reader", "_serving")

    def __init__(self, connection: Connection, switch: Switch, serving: Serving) -> None:
        super().__init__(connection, switch, math.inf, LINGER_SECONDS)
        self._serving = serving
        self._reader = HelloReader()
        self._early: list[bytes] = []

    async def _serve(self) -> None:
        """Read what names the connection, and pass it on."""
        is_opened = self._connection.tls is not None
        request = await self._read() if self._serving.reads_hello and not is_opened else self._request()
        if request is not None:
            await self._pass_on(request)

    def _request(self) -> TcpRequest:
        """Make the request of the connection; from here on its exchange is open."""
        reader, serving = self._reader, self._serving
        self._busy = True
        self._context = context = Context(self._clock(), self._connection.peer, self._connection)
        context.tls = tls = self._connection.tls
        if tls is not None:
            return TcpRequest(serving.port, tls.server_name.lower().encode(), context, is_tls=True)
        return TcpRequest(serving.port, reader.server_name, context, is_tls=reader.is_done and reader.is_tls)

    async def _read(self) -> TcpRequest | None:
        """Read until the server name is known, or that there is none; None for a client that is gone, or refused."""
        connection, reader = self._connection, self._reader
        patience = self._serving.limits.header_deadline_s
        connection.deadline = self._clock() + (DRAIN_SECONDS if self._switch.draining else patience)
        try:
            while not reader.is_done:
                piece = await connection.receive_some()
                if not piece and not self._early:
                    return None
                if not piece:
                    raise RemoteProtocolError("the connection was closed in the middle of a ClientHello")
                self._early.append(piece)
                reader.feed(piece)
        except trio.TooSlowError:
            if self._early:
                await self._refuse(RemoteProtocolError(f"no whole ClientHello within {patience:g} s", status=408))
                return None
            # A client that waits to be spoken to: it has no server name, but another identifier may name it.
        except RemoteProtocolError as error:
            await self._refuse(error)
            return None
        return self._request()

    async def _pass_on(self, request: TcpRequest) -> None:
        serving = self._serving
        reply: TcpReply | None = None
        try:
            self._service = service = self._switch.service
            reply = await service(request)
            relay = Relay(self._connection, reply.tunnel.connection, serving.idle_seconds, serving.counts)
            early, self._early = b"".join(self._early), []
            ending = await relay.run(Incoming(self._connection, early), reply.body)
            request.context.flags = request.context.flags or FLAGS[ending]
            logger.debug("the connection of %s is over: %s", self._connection.peer, ending.value)
        except MeshError as error:
            logger.debug("%s was not served: %s", self._connection.peer, error)
            await self._dismiss(request, UNRECOGNIZED_NAME if isinstance(error, NoRoute) else INTERNAL_ERROR)
        except GONE:
            raise
        except Exception as error:
            logger.exception("%s raised", blame(error) or "a filter")
            await self._dismiss(request, INTERNAL_ERROR)
        finally:
            if reply is not None:
                await reply.aclose()
            if request.context.replies is not None:
                await close_forgotten(request.context.replies, reply)

    async def _refuse(self, error: RemoteProtocolError) -> None:
        logger.debug("%s: refused: %s", self._connection.peer, error)
        self._switch.refused(error)
        await self._alert(DECODE_ERROR)

    async def _dismiss(self, request: TcpRequest, alert: int) -> None:
        """End a connection for which there is no endpoint."""
        if request.is_tls and self._connection.tls is None:
            await self._alert(alert)
        else:
            self._connection.abort()

    async def _alert(self, alert: int) -> None:
        """Send a fatal TLS alert, and let the client read that."""
        self._connection.deadline = self._clock() + LINGER_SECONDS
        try:
            await self._connection.send_all(bytes((21, 3, 3, 0, 2, 2, alert)))
        except (trio.TooSlowError, *GONE):
            return
        await self._linger()
