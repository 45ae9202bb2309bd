"""Connections: byte streams with a deadline; over a socket.

Reading and writing try first and wait only when the kernel says so; after 64 successes in a row, or 1 MiB, other tasks
get their turn. A wait that outlasts `deadline` raises `trio.TooSlowError`, which whoever set the deadline translates.
"""

import contextlib
import errno
import math
import socket
import struct
from collections.abc import Awaitable, Callable, Iterator

import trio
from trio import lowlevel

from mesh import poller
from mesh.endpoint import Endpoint
from mesh.errors import ConnectFailed, Overloaded
from mesh.message import TlsPeer
from mesh.params import Param
from mesh.traffic import NOBODY, Account

CHUNK = 65536  # what one read asks for; bodies ask for more
STREAK = 64  # reads that did not wait, before other tasks get their turn
BURST = 1 << 20  # bytes sent without waiting, before other tasks get their turn
CONNECT_SECONDS = 1.0  # Finagle's default
EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)  # this machine's doing, whoever the peer is


class Connection(trio.abc.Stream):
    """A byte stream as codecs use it; one task may read and one may write at a time.

    `deadline` (trio's clock) bounds every wait. It is taken when a wait begins; during the wait it may be moved later, not
    earlier. `peer` names the other side, `local` this one if it is known. `on_hang_up` is called, once at most, when the
    peer has closed while nobody was reading; `hung_up` stays true after that, with bytes perhaps still to be read. `tls` is
    what TLS tells of the peer, None without TLS.
    """

    __slots__ = ("__weakref__", "deadline", "hung_up", "local", "on_hang_up", "peer", "tls")

    def __init__(self, peer: str) -> None:
        self.deadline = math.inf
        self.peer = peer
        self.local = ""
        self.tls: TlsPeer | None = None
        self.hung_up = False
        self.on_hang_up: Callable[[], None] | None = None

    @property
    def protocol(self) -> str:
        """What both sides agreed to speak over this connection (ALPN); empty if nothing was said of it."""
        return ""

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Return up to `max_bytes` as soon as there are any; `b""` at the end. Cancelling loses nothing."""
        raise NotImplementedError

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send everything. After cancelling or an error, how much was sent is unknown: close the connection."""
        raise NotImplementedError

    async def wait_send_all_might_not_block(self) -> None:
        raise NotImplementedError

    def close(self) -> None:
        """Close at once, without waiting; idempotent. A task that waits on the connection gets `trio.ClosedResourceError`."""
        raise NotImplementedError

    async def aclose(self) -> None:
        self.close()

    def hasten(self, deadline: float) -> None:
        """Bring the deadline forward, for a wait that has begun too where the stream allows it."""
        self.deadline = min(self.deadline, deadline)

    def account(self, account: Account) -> None:
        """Tell `account` of the traffic when the connection closes, and let it ask before; nothing where nobody counts it."""

    def abort(self) -> None:
        """Close so that the peer can tell that something is missing: with a reset, where there is one."""
        self.close()

    def shut_down_writing(self) -> bool:
        """Tell the peer that nothing more will come; reading goes on. Return false if the stream cannot say so."""
        return False

    def is_quiet(self) -> bool:
        """Return whether nothing has come (bytes, an end, an error) since the last read."""
        raise NotImplementedError


class SocketConnection(Connection):
    """A connection over a non-blocking stream socket, which it owns. State: `reader`, `writer`, `ready` (see `poller`)."""

    __slots__ = (
        "_account",
        "_burst",
        "_fd",
        "_poller",
        "_recv",
        "_send",
        "_socket",
        "_streak",
        "reader",
        "ready",
        "writer",
    )

    def __init__(self, sock: socket.socket, peer: str) -> None:
        super().__init__(peer)
        self._socket = sock
        self._fd = sock.fileno()
        self._recv = sock.recv
        self._send = sock.send
        self._streak = self._burst = 0
        self._account = NOBODY
        self.ready = False
        self.reader: lowlevel.Task | None = None
        self.writer: lowlevel.Task | None = None
        self._poller = poller.current()
        self._poller.add(self._fd, self)

    def take_over(self, below: "SocketConnection") -> None:
        """Take the socket of `below`, nobody waiting on it, and all that is known of its peer; instead of `__init__`."""
        self._socket, self._fd, self._poller = below._socket, below._fd, below._poller
        self._recv, self._send, self._account = below._recv, below._send, below._account
        self.peer, self.local, self.tls, self.on_hang_up = below.peer, below.local, below.tls, below.on_hang_up
        self.deadline, self.hung_up, self.ready = below.deadline, below.hung_up, below.ready
        self._streak = self._burst = 0
        self.reader = self.writer = None
        self._poller.hand_over(self._fd, self)
        below._fd = -1

    def hasten(self, deadline: float) -> None:
        self.deadline = min(self.deadline, deadline)
        self._poller.expect_by(self.deadline)

    def account(self, account: Account) -> None:
        if self._fd >= 0:
            self._account = account
            account.opened(self._socket)

    def hang_up(self) -> None:
        if self.on_hang_up is not None:
            self.on_hang_up()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        size = CHUNK if max_bytes is None else max_bytes
        if self.ready:
            self._streak += 1
            if self._streak >= STREAK:
                self._streak = 0
                await lowlevel.checkpoint()
        while True:
            if not self.ready:
                self._expect(self.reader)
                self.reader = lowlevel.current_task()
                await lowlevel.wait_task_rescheduled(self._abort_read)
            try:
                data = self._recv(size)
            except BlockingIOError:
                self.ready = False
            except OSError as error:
                raise self._broken(error) from error
            else:
                self.ready = self.hung_up or len(data) == size
                return data

    async def peek(self, beyond: int, max_bytes: int = CHUNK) -> bytes:
        """Return what has come and leave it there, as soon as it is more than `beyond` bytes.

        Returns no more than `beyond` if the end has come, or `max_bytes` is reached. `max_bytes` is far below what the
        kernel keeps for a socket.
        """
        while True:
            try:
                data = self._recv(max_bytes, socket.MSG_PEEK)
            except BlockingIOError:
                pass
            except OSError as error:
                raise self._broken(error) from error
            else:
                self.ready = True
                if len(data) > beyond or not data or self.hung_up or len(data) == max_bytes:
                    return data
            self._expect(self.reader)
            self.reader = lowlevel.current_task()
            await lowlevel.wait_task_rescheduled(self._abort_read)

    def receive_now(self, max_bytes: int = CHUNK) -> bytes | None:
        """Return what has come, `b""` at the end; None if nothing has. Never waits."""
        try:
            return self._recv(max_bytes)
        except BlockingIOError:
            return None
        except OSError as error:
            raise self._broken(error) from error

    def send_now(self, data: bytes) -> int:
        """Send what the kernel takes and return how much that was; 0 if the connection is of no more use. Never waits."""
        try:
            return self._send(data)
        except OSError:
            return 0

    def send_some(self, data: bytes) -> int:
        """Send what the kernel takes and return how much that was. Never waits; raises as `send_all` does."""
        try:
            sent = self._send(data)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise self._broken(error) from error
        self._burst += sent
        return sent

    def is_bursting(self) -> bool:
        """Return whether so much was sent by `send_some` without a wait that it is the turn of others; begins anew then."""
        if self._burst < BURST:
            return False
        self._burst = 0
        return True

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        if self.writer is not None:  # whose rest would be mixed with these bytes
            raise trio.BusyResourceError("another task is writing to this connection")
        try:
            sent = self._send(data)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            raise self._broken(error) from error
        if sent < len(data):
            await self._send_rest(memoryview(data)[sent:])
        else:
            self._burst += sent
            if self._burst >= BURST:
                self._burst = 0
                await lowlevel.checkpoint()

    async def _send_rest(self, rest: memoryview) -> None:
        while rest:
            await self._wait_writable()
            try:
                rest = rest[self._send(rest) :]
            except BlockingIOError:
                continue
            except OSError as error:
                raise self._broken(error) from error

    def _expect(self, waiting: lowlevel.Task | None) -> None:
        """Get ready to wait; `waiting` is who waits for the same already, which must be nobody."""
        self._streak = self._burst = 0
        if waiting is not None:
            raise trio.BusyResourceError("another task uses this connection in the same direction")
        if self._fd < 0:
            raise trio.ClosedResourceError("this connection is closed")
        if self.deadline is not math.inf:
            self._poller.expect_by(self.deadline)

    async def wait_send_all_might_not_block(self) -> None:
        if self._fd >= 0 and self.writer is None and poller.is_writable(self._fd):
            await lowlevel.checkpoint()  # the edge that said so has gone by
        else:
            await self._wait_writable()

    async def _wait_writable(self) -> None:
        """Wait for the next edge; the kernel must have said that there is no room, else none may come."""
        self._expect(self.writer)
        self.writer = lowlevel.current_task()
        await lowlevel.wait_task_rescheduled(self._abort_write)

    def _abort_read(self, _raise_cancel: Callable[[], None]) -> lowlevel.Abort:
        self.reader = None
        return lowlevel.Abort.SUCCEEDED

    def _abort_write(self, _raise_cancel: Callable[[], None]) -> lowlevel.Abort:
        self.writer = None
        return lowlevel.Abort.SUCCEEDED

    def _broken(self, error: OSError) -> Exception:
        if self._fd < 0 or error.errno == errno.EBADF:
            return trio.ClosedResourceError("this connection is closed")
        self.hung_up = self.ready = True
        return trio.BrokenResourceError(f"{self.peer}: {error.strerror}")

    def is_quiet(self) -> bool:
        if self.ready and not self.hung_up:
            self.ready = self._has_input()  # a read that was filled, or an edge for bytes already read, leaves it set
        return not (self.ready or self.hung_up) and self._fd >= 0

    def _has_input(self) -> bool:
        try:
            self._recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return True

    def close(self) -> None:
        self.drop()

    def drop(self) -> None:
        """Close the socket, without any farewell that what speaks over it may have."""
        if self._fd < 0:
            return
        self._poller.remove(self._fd)
        self._account.closed(self._socket)
        self._fd = -1
        self._socket.close()
        poller.fail(self, trio.ClosedResourceError("this connection was closed"))

    def abort(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.drop()

    def shut_down_writing(self) -> bool:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
        return True


NewConnection = Callable[[socket.socket, str], Awaitable[Connection]]
"""Makes the connection of a socket that was accepted from a peer (`host:port`); it owns the socket from the first moment on.

May take its time, up to a limit of its own, for what comes before a codec speaks. Raises `MeshError` for a client that is
refused, after closing the connection.
"""


async def plain_connection(sock: socket.socket, peer: str) -> Connection:
    """Take a socket as it is: the usual `NewConnection`."""
    return SocketConnection(sock, peer)


Connector = Callable[[Endpoint], Awaitable[Connection]]
"""Opens a connection to an endpoint; raises `ConnectFailed`, and `Overloaded` for a lack of our own."""


@contextlib.contextmanager
def _closing_on_error(sock: socket.socket) -> Iterator[None]:
    try:
        yield
    except BaseException:
        sock.close()
        raise


async def connect(
    endpoint: Endpoint, *, seconds: float = CONNECT_SECONDS, no_delay: bool = True, keep_alive: bool = False
) -> Connection:
    """Open a TCP connection within `seconds`; cancelling leaves nothing open.

    Raises `ConnectFailed`, or `Overloaded` when it is this machine that has no socket left.
    """
    family = socket.AF_INET6 if ":" in endpoint.host else socket.AF_INET
    try:
        sock = socket.socket(family, socket.SOCK_STREAM)
        with _closing_on_error(sock):
            sock.setblocking(False)
            if no_delay:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if keep_alive:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            code = sock.connect_ex((endpoint.host, endpoint.port))
            if code not in (0, errno.EINPROGRESS):
                raise ConnectFailed(f"cannot connect to {endpoint}: {errno.errorcode.get(code, code)}")
            connection = SocketConnection(sock, str(endpoint))
    except OSError as error:
        if error.errno in EXHAUSTED:
            hint = "; the limit of open files (ulimit -n) may be too low" if error.errno == errno.EMFILE else ""
            raise Overloaded(f"no socket is left for {endpoint}: {error.strerror}{hint}") from error
        raise ConnectFailed(f"cannot open a socket for {endpoint}: {error.strerror}") from error
    if code == errno.EINPROGRESS:
        await _connected(connection, sock, endpoint, seconds)
    return connection


async def _connected(connection: SocketConnection, sock: socket.socket, endpoint: Endpoint, seconds: float) -> None:
    connection.deadline = trio.current_time() + seconds
    try:
        await connection._wait_writable()
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    except trio.TooSlowError as error:
        connection.close()
        raise ConnectFailed(f"cannot connect to {endpoint} within {seconds:g} s") from error
    except BaseException:
        connection.close()
        raise
    if code:
        connection.close()
        raise ConnectFailed(f"cannot connect to {endpoint}: {errno.errorcode.get(code, code)}")
    connection.deadline = math.inf


CONNECTOR: Param[Connector] = Param(connect, "connector")
"""How endpoints are reached; tests put one that never touches a socket."""
