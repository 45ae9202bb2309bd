"""The serving side of plain TCP: one client's connection, routed once, then copied to and from an endpoint.

Theory of operation. One task asks the service of the switch for an endpoint's connection and relays. Where an identifier
needs the server name, the client's first bytes are read for it before, within limits, and passed on with all the others;
where TLS ends here, its handshake has said the name already.
Nothing is answered in the client's name: a client that is not routed is reset, one that speaks TLS gets an alert first.
"""

import logging
from collections.abc import Callable

import attrs
import trio

from mesh import (
    AnyService,
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
from mesh_plugins.tcp.message import TcpReply, TcpRequest
from mesh_plugins.tunnels.counts import TunnelCounts
from mesh_plugins.tunnels.relay import FLAGS, GONE, Relay
from mesh_plugins.tunnels.tunnel import Incoming

logger = logging.getLogger(__name__)

DRAIN_SECONDS = 0.25  # how long a client may still say what it wants once the listener drains
HURRY_SECONDS = 1.0  # the same, when file descriptors are scarce
FAREWELL_SECONDS = 1.0  # how long a refused client may go on sending before it is cut off
FAREWELL_BYTES = 65536  # of what it sends meanwhile
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


class TcpConnection:
    """One client's connection. State: `_early`, what was read of it so far; `_is_waited_for` while its hello is.

    `_service` is what it was handed to.
    """

    __slots__ = ("_clock", "_connection", "_early", "_is_waited_for", "_reader", "_service", "_serving", "_switch")

    def __init__(self, connection: Connection, switch: Switch, serving: Serving) -> None:
        self._connection = connection
        self._switch = switch
        self._serving = serving
        self._reader = HelloReader()
        self._early: list[bytes] = []
        self._is_waited_for = False
        self._service: AnyService | None = None
        self._clock: Callable[[], float] = trio.lowlevel.current_clock().current_time

    async def run(self) -> None:
        """Serve the connection, which is closed in any case."""
        self._switch.connections.add(self)
        try:
            is_opened = self._connection.tls is not None
            request = await self._read() if self._serving.reads_hello and not is_opened else self._request()
            if request is not None:
                await self._serve(request)
        except GONE:
            logger.debug("%s went away", self._connection.peer)
        finally:
            self._switch.connections.discard(self)
            self._connection.close()

    def drain(self) -> None:
        """Do not wait for long any more for a client that has not said what it wants; tunnels go on."""
        if self._is_waited_for:
            self._connection.hasten(self._clock() + DRAIN_SECONDS)

    def hurry(self) -> None:
        """Do not wait for long any more for a client that has not said what it wants."""
        if self._is_waited_for:
            self._connection.hasten(self._clock() + HURRY_SECONDS)

    def leaves(self, service: AnyService) -> bool:
        """Return false once the connection was handed to `service`: it is one exchange, to its end."""
        return self._service is not service

    def _request(self) -> TcpRequest:
        reader, serving = self._reader, self._serving
        context = Context(self._clock(), self._connection.peer, self._connection)
        context.tls = tls = self._connection.tls
        if tls is not None:
            return TcpRequest(serving.port, tls.server_name.lower().encode(), context, is_tls=True)
        return TcpRequest(serving.port, reader.server_name, context, is_tls=reader.is_done and reader.is_tls)

    async def _read(self) -> TcpRequest | None:
        """Read until the server name is known, or that there is none; None for a client that is gone, or refused."""
        connection, reader = self._connection, self._reader
        patience = self._serving.limits.header_deadline_s
        connection.deadline = self._clock() + (DRAIN_SECONDS if self._switch.draining else patience)
        self._is_waited_for = True
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
        finally:
            self._is_waited_for = False
        return self._request()

    async def _serve(self, request: TcpRequest) -> None:
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
        """Send a fatal TLS alert, and read what the client still sends, within limits, so that it gets to read that."""
        connection = self._connection
        connection.deadline = self._clock() + FAREWELL_SECONDS
        left = FAREWELL_BYTES
        try:
            await connection.send_all(bytes((21, 3, 3, 0, 2, 2, alert)))
            connection.shut_down_writing()
            while left > 0 and (piece := await connection.receive_some()):
                left -= len(piece)
        except (trio.TooSlowError, *GONE):
            return
