"""Listening: sockets are bound before anything is served, and accept until told to stop."""

import logging
import math
import socket
from enum import Enum

import attrs
import trio

from mesh.codec import Serve, Switch
from mesh.connecting import EXHAUSTED
from mesh.errors import MeshError, RemoteProtocolError
from mesh.linker.room import Room
from mesh.metrics import Metrics
from mesh.settings import SocketOptions
from mesh.traffic import Traffic
from mesh.transport import NewConnection, plain_connection
from mesh.var import Var

logger = logging.getLogger(__name__)

ACCEPTED = 64  # connections taken in a row before other tasks get their turn
BACKLOG = 1024  # connections that may wait to be accepted, unless the stack file says otherwise
LAST_ACCEPTED = 4096  # connections that are still taken at the end: as many as Linux lets wait (`net.core.somaxconn`)
WARNING_SECONDS = 60.0  # between two warnings that nobody can be accepted
EXHAUSTED_SECONDS = 0.1  # pause when there is no file descriptor for a client; it waits in the queue meanwhile


class ListenError(MeshError):
    """An address could not be bound."""

    detail = "listen"


def open_socket(ip: str, port: int, options: SocketOptions) -> socket.socket:
    """Return a listening socket. Raises `ListenError` that says which address, and why."""
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    shown = _shown(ip, port)
    try:
        sock = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:  # out of file descriptors, or a system without IPv6
        raise ListenError(f"cannot listen on {shown}: {error.strerror}") from error
    try:
        sock.setblocking(False)
        if options.reuse_addr:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if options.reuse_port:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind((ip, port))
        listen(sock, options)
    except OSError as error:
        sock.close()
        raise ListenError(f"cannot listen on {shown}: {error.strerror}") from error
    return sock


def listen(sock: socket.socket, options: SocketOptions) -> None:
    """Listen on a bound socket, or change how one listens that does: accepted sockets inherit the options."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, int(options.keep_alive))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, int(options.no_delay))
    sock.listen(options.backlog or BACKLOG)


def _shown(ip: str, port: int) -> str:
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


class _Queue(Enum):
    """What is known of those who wait to be accepted, after some were."""

    EMPTY = "nobody waits"
    LONG = "more may wait"
    STUCK = "there is no file descriptor for them, or no memory"


@attrs.define(eq=False)
class Listener:
    """One listening socket, which it owns, and the connections accepted from it.

    `address` is what is listened on, the port that the system chose included. `live` is how many connections there are,
    from when they are accepted; `accepted` only grows; `traffic` is what goes over them. `connection` makes the connection of
    an accepted socket: what comes before the codec (TLS, the PROXY protocol) happens there, in the connection's own task.
    Nobody is accepted while the `room` that listeners share is full; clients then wait in the queue, and those that have
    asked for nothing are hurried.
    """

    sock: socket.socket
    serve: Serve
    switch: Switch
    connection: NewConnection = plain_connection
    room: Room = attrs.field(factory=Room)
    address: str = attrs.field(init=False)
    live: Var[int] = attrs.field(factory=lambda: Var(0), init=False)
    accepted: int = attrs.field(default=0, init=False)
    traffic: Traffic = attrs.field(factory=Traffic, init=False)
    _accepting: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)
    _closed: trio.Event = attrs.field(factory=trio.Event, init=False)
    _warned_at: float = attrs.field(default=-math.inf, init=False)

    @address.default
    def _own_address(self) -> str:
        ip, port, *_more = self.sock.getsockname()
        return _shown(ip, port)

    async def run(self, nursery: trio.Nursery) -> None:
        """Accept connections and serve each in a task of `nursery`, until `stop`; then empty the queue and close."""
        try:
            with self._accepting:
                while True:
                    await trio.lowlevel.wait_readable(self.sock.fileno())
                    if self._accept(nursery) is _Queue.STUCK:
                        self.switch.hurry()
                        await trio.sleep(EXHAUSTED_SECONDS)
        finally:
            last = self.accepted + LAST_ACCEPTED
            while self._accept(nursery) is _Queue.LONG and self.accepted < last:
                pass
            self.sock.close()
            self._closed.set()

    def stop(self) -> None:
        """Accept nobody any more, beyond those who wait already, and let every connection end as its exchange allows."""
        self._accepting.cancel()
        self.switch.drain()

    async def wait_ended(self) -> None:
        """Wait until nothing is accepted any more and every connection has ended."""
        await self._closed.wait()
        await self.live.wait(lambda live: live == 0)

    def _accept(self, nursery: trio.Nursery) -> _Queue:
        """Take some of those who wait."""
        for number in range(ACCEPTED):
            if self.room.is_full:
                if number:  # whether anybody waits is known only of the first
                    return _Queue.EMPTY
                return self._stuck("the limit on open files leaves no room for more clients")
            try:
                sock, (ip, port, *_more) = self.sock.accept()
            except BlockingIOError:
                return _Queue.EMPTY
            except OSError as error:
                if error.errno in EXHAUSTED:
                    return self._stuck(str(error.strerror))
                logger.debug("%s: a connection ended before it was accepted: %s", self.address, error)
                continue
            sock.setblocking(False)
            self.accepted += 1
            self.live.set(self.live.value + 1)
            self.room.taken += 1
            nursery.start_soon(self._run, sock, _shown(ip, port))
        return _Queue.LONG

    def _stuck(self, reason: str) -> _Queue:
        now = trio.current_time()
        if now - self._warned_at >= WARNING_SECONDS:
            self._warned_at = now
            logger.warning("%s: cannot accept: %s", self.address, reason)
        return _Queue.STUCK

    async def _run(self, sock: socket.socket, peer: str) -> None:
        try:
            local = _shown(*sock.getsockname()[:2])
            connection = await self.connection(sock, peer)
            connection.local = local
            connection.account(self.traffic)
            await self.serve(connection, self.switch)
        except MeshError as error:
            logger.debug("%s was refused: %s", peer, error)
        except Exception:
            logger.exception("the connection with %s ended in an error", peer)
        finally:
            sock.close()
            self.room.taken -= 1
            self.live.set(self.live.value - 1)


def show(listener: Listener, scope: Metrics) -> None:
    """Show a listener among the metrics of its server, requests included that broke the protocol and were refused."""

    def refused(error: MeshError) -> None:
        scope.counter("failures").value += 1
        scope.counter("failures", type(error).__name__).value += 1
        status = str(error.status) if isinstance(error, RemoteProtocolError) else "error"
        scope.counter("status", status).value += 1
        if status != "error":
            scope.counter("status", f"{status[0]}XX").value += 1

    scope.gauge("connections", fn=lambda: listener.live.value)
    scope.counter("connects", fn=lambda: listener.accepted)
    scope.counter("received_bytes", fn=lambda: listener.traffic.received)
    scope.counter("sent_bytes", fn=lambda: listener.traffic.sent)
    listener.traffic.lasted = scope.histogram("connection_duration").add
    listener.switch.refused = refused
