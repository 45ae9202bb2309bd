"""A client's connection whose exchanges come one after another, from its first byte to its last."""

import logging
from collections.abc import Callable

import trio

from mesh import AnyService, ClientGone, Connection, Context, Switch
from mesh_plugins.connections.gone import GONE

logger = logging.getLogger(__name__)

DRAIN_SECONDS = 0.25  # how long an idle client may still begin an exchange when the listener drains, not to cut it
HURRY_SECONDS = 1.0  # how long a client may still begin its first exchange when file descriptors are scarce
LINGER_SECONDS = 1.0  # how long a client may go on sending after the last word, before it is cut off
LINGER_BYTES = 524288  # of what it sends meanwhile
NOTHING_ASKED = Context()
CLIENT_GONE = f"{ClientGone.flag} {ClientGone.detail}"  # why an exchange is cancelled, for those that it passes through


class InTurn:
    """Such a connection, as the switch of its listener knows it. A protocol says in `_serve` what becomes of it.

    State, which the protocol keeps: `_busy` while an exchange is open, `_context`, that of its request, and `_service`, what
    was called for it. `_expires`: when the connection, if it is idle, is too old. `_patience` is how many seconds the client
    may take to read.
    """

    __slots__ = ("_busy", "_clock", "_connection", "_context", "_expires", "_patience", "_scope", "_service", "_switch")

    def __init__(self, connection: Connection, switch: Switch, life_seconds: float, patience: float) -> None:
        self._connection = connection
        self._patience = patience
        self._switch = switch
        self._busy = False
        self._context = NOTHING_ASKED
        self._service: AnyService = switch.service
        self._clock: Callable[[], float] = trio.lowlevel.current_clock().current_time
        self._expires = self._clock() + life_seconds
        self._scope = trio.CancelScope()

    async def run(self) -> None:
        """Serve until either side ends the connection, which is closed in any case."""
        self._switch.connections.add(self)
        try:
            with self._scope:
                await self._serve()
                await self._send_kept()
        except GONE:
            logger.debug("%s went away", self._connection.peer)
        except trio.TooSlowError:
            logger.debug("%s reads nothing", self._connection.peer)
            self._connection.abort()
        finally:
            self._switch.connections.discard(self)
            self._connection.close()

    async def _serve(self) -> None:
        raise NotImplementedError

    def drain(self) -> None:
        """Let the next exchange be the last: the one that is open, or one that begins in a moment."""
        if not self._busy:
            self._connection.hasten(self._clock() + DRAIN_SECONDS)

    def hurry(self) -> None:
        """Close in a moment unless something was asked."""
        if self._context is NOTHING_ASKED:
            self._connection.hasten(self._clock() + HURRY_SECONDS)

    def leaves(self, service: AnyService) -> bool:
        if self._service is service and not self._busy:
            self._service = self._switch.service
        return self._service is not service

    def _give_up(self) -> None:
        """End the exchange that is open: nobody waits for it any more."""
        self._context.flags = self._context.flags or CLIENT_GONE
        self._scope.cancel()

    async def _send_kept(self) -> None:
        """Let go what the connection has kept of what was sent, before it ends."""
        self._busy = True
        self._connection.deadline = self._clock() + self._patience
        await self._connection.send_all(b"")

    async def _linger(self) -> None:
        """Stop writing, and read what the client still sends, within limits, so that it gets to read the last word."""
        connection, left = self._connection, LINGER_BYTES
        await self._send_kept()
        connection.shut_down_writing()
        connection.deadline = self._clock() + LINGER_SECONDS
        try:
            while left > 0 and (piece := await connection.receive_some()):
                left -= len(piece)
        except (trio.TooSlowError, *GONE):
            return
