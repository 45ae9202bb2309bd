"""Connections: byte streams with a deadline; over a socket.

Reading and writing try first and wait only when the kernel says so; after 64 successes in a row, or 1 MiB, other tasks
get their turn. A wait that outlasts `deadline` raises `trio.TooSlowError`, which whoever set the deadline translates.
"""

import contextlib
import errno
import math
import socket
import struct
from collections.abc import Awaitable, Callable, Generator
from types import coroutine
from typing import Any

import trio
from trio import lowlevel

from mesh import poller
from mesh.message import TlsPeer
from mesh.traffic import NOBODY, Account
from mesh.trap import WOKEN, Trap, new_trap, until_woken

CHUNK = 65536  # what one read asks for; bodies ask for more
STREAK = 64  # reads that did not wait, before other tasks get their turn
KEPT = 16384  # bytes of a message that may be kept for a moment: larger ones keep their peers busy by themselves
BURST = 1 << 20  # bytes sent without waiting, before other tasks get their turn


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

    def receive_some(self, max_bytes: int | None = None) -> Awaitable[bytes]:  # type: ignore[override]  # to be awaited
        """Return up to `max_bytes` as soon as there are any; `b""` at the end. Cancelling loses nothing."""
        raise NotImplementedError

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send everything. After cancelling or an error, how much was sent is unknown: close the connection."""
        raise NotImplementedError

    def send(self, data: bytes | bytearray | memoryview) -> Awaitable[None] | None:
        """Send a message, and go on reading: return None, or, if it does not all go now, what is to be awaited at once.

        A short one may be kept until the tasks that run now have run, and is sent then: errors are met by whoever reads.
        Before closing, use `send_all`, which also sends what is kept. This saves its coroutine too, 1,000 instructions.
        """
        return self.send_all(data)

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
    """A connection over a non-blocking stream socket, which it owns.

    State: `reader`, `writer`, `ready` (see `poller`), and `unsent`, what is kept of what was sent.
    """

    __slots__ = (
        "_account",
        "_burst",
        "_fd",
        "_poller",
        "_reading",
        "_recv",
        "_send",
        "_socket",
        "_streak",
        "_writing",
        "reader",
        "ready",
        "unsent",
        "writer",
    )

    def __init__(self, sock: socket.socket, peer: str) -> None:
        super().__init__(peer)
        self._socket = sock
        self._fd = sock.fileno()
        self._recv = sock.recv
        self._send = sock.send
        self._streak = self._burst = 0
        # Made at the first wait; gone with the socket, since they refer to this.
        self._reading: Trap = None
        self._writing: Trap = None
        self._account = NOBODY
        self.unsent = b""
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
        self._reading = self._writing = below._reading = below._writing = None
        below.flush()
        self.unsent, below.unsent = below.unsent, b""
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

    def receive_some(self, max_bytes: int | None = None) -> Awaitable[bytes]:  # type: ignore[override]  # as above
        size = CHUNK if max_bytes is None else max_bytes
        if self.ready:
            self._streak += 1
            if self._streak >= STREAK:
                return self._receive_later(size)
        return self._receive(size)

    async def _receive_later(self, size: int) -> bytes:
        self._streak = 0
        await lowlevel.checkpoint()
        return await self._receive(size)

    @coroutine
    def _receive(self, size: int) -> Generator[Trap, Any, bytes]:
        """Read, and wait before while there is nothing: as `until_woken` does, without the frame of it."""
        while True:
            if not self.ready:
                told = yield self._until_readable()
                if told is not WOKEN:
                    try:
                        told.unwrap()
                    finally:
                        del told
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
            await until_woken(self._until_readable())

    def receive_now(self, max_bytes: int = CHUNK) -> bytes | None:
        """Return what has come, `b""` at the end; None if nothing has. Never waits."""
        try:
            return self._recv(max_bytes)
        except BlockingIOError:
            return None
        except OSError as error:
            raise self._broken(error) from error

    def send_now(self, data: bytes) -> int:
        """Send what the kernel takes, after what is kept, and return how much that was; 0 if it is in vain. Never waits."""
        self.flush()
        try:
            return 0 if self.unsent else self._send(data)
        except OSError:
            return 0

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        rest = self._push(data)
        if rest is not None:
            await rest

    def send(self, data: bytes | bytearray | memoryview) -> Awaitable[None] | None:
        outbox = self._poller.outbox
        if outbox is None or self.unsent or self.writer is not None or len(data) > KEPT or type(data) is not bytes:
            return self._push(data)
        self.unsent = data
        outbox.append(self)
        return None

    def _push(self, data: bytes | bytearray | memoryview) -> Awaitable[None] | None:
        """Send what is kept, and `data`, as far as they go now; return what is to be awaited for the rest, if any."""
        if self.writer is not None:  # whose rest would be mixed with these bytes
            raise trio.BusyResourceError("another task is writing to this connection")
        if self.unsent:
            data, self.unsent = b"".join((self.unsent, data)), b""
        elif not data:
            return None
        try:
            sent = self._send(data)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            raise self._broken(error) from error
        if sent < len(data):
            return self._send_rest(memoryview(data)[sent:])
        self._burst += sent
        if self._burst < BURST:
            return None
        self._burst = 0
        return lowlevel.checkpoint()  # noqa: ASYNC105  the caller's to await

    def flush(self) -> None:
        kept, self.unsent = self.unsent, b""
        try:
            self.unsent = kept[self._send(kept) :] if kept else kept
        except BlockingIOError:
            self.unsent = kept
        except OSError:
            self.ready = True
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)  # the poller tells whoever reads, or calls `on_hang_up`

    async def _send_rest(self, rest: memoryview) -> None:
        while rest:
            await self._wait_writable()
            try:
                rest = rest[self._send(rest) :]
            except BlockingIOError:
                continue
            except OSError as error:
                raise self._broken(error) from error

    async def wait_send_all_might_not_block(self) -> None:
        if self._fd >= 0 and self.writer is None and poller.is_writable(self._fd):
            await lowlevel.checkpoint()  # the edge that said so has gone by
        else:
            await self._wait_writable()

    def _until_readable(self) -> Trap:
        """Return what the present task is to wait with for the next edge."""
        if self.reader is not None or self._fd < 0:
            raise self._unready()
        self._streak = self._burst = 0
        if self.deadline < self._poller.next_due:
            self._poller.expect_by(self.deadline)
        self.reader = lowlevel.current_task()
        return self._reading or self._new_trap()

    def _wait_writable(self) -> Awaitable[None]:
        """Wait for the next edge; the kernel must have said that there is no room, else none may come."""
        if self.writer is not None or self._fd < 0:
            raise self._unready()
        self._streak = self._burst = 0
        if self.deadline < self._poller.next_due:
            self._poller.expect_by(self.deadline)
        self.writer = lowlevel.current_task()
        if self._writing is None:
            self._writing = new_trap(self._abandon_write)
        return until_woken(self._writing)

    def _unready(self) -> Exception:
        """Return why nobody can wait now: the socket is closed, or somebody else waits for the same."""
        if self._fd < 0:
            return trio.ClosedResourceError("this connection is closed")
        return trio.BusyResourceError("another task uses this connection in the same direction")

    def _new_trap(self) -> Trap:
        self._reading = new_trap(self._abandon_read)
        return self._reading

    def _abandon_read(self) -> None:
        self.reader = None

    def _abandon_write(self) -> None:
        self.writer = None

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
        self.flush()
        self._poller.remove(self._fd)
        self._account.closed(self._socket)
        self._fd = -1
        self._socket.close()
        self._reading = self._writing = None
        poller.fail(self, trio.ClosedResourceError("this connection was closed"))

    def abort(self) -> None:
        self.unsent = b""
        with contextlib.suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.drop()

    def shut_down_writing(self) -> bool:
        self.flush()
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
