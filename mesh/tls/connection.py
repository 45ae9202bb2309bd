"""TLS over a socket connection, as a connection.

Theory of operation. The TLS library never sees the socket: bytes go through two buffers in memory. A read takes what the
socket has in one system call and decrypts until nothing is left, so that the edges of the poller mean the same as
without TLS; a write is encrypted as a whole and sent in one call. A message out and in costs 5 µs more than without
TLS. A socket wrapped by the library costs 7 µs, since it reads each record in two calls and must be asked once more
whether there is another. What the library wants to say by itself (tickets after a handshake, new keys) goes out with the
next bytes that are sent, or before the next wait.

The end of a stream is the peer's word for it (`close_notify`). A socket that ends without it may have been cut by
anybody, so that is an error: a body that lasts until the end of its connection is then known to be incomplete.
"""

import contextlib
import ssl
from collections.abc import Awaitable
from typing import Any

import trio

from mesh.message import TlsPeer
from mesh.transport import CHUNK, SocketConnection

RECORD = 16384  # most bytes in one record. Source: RFC 8446 section 5.1
PIECE = 262144  # encrypted at once; a longer write needs no second copy of itself


class TlsConnection(SocketConnection):
    """A connection that speaks TLS over the socket of `below`, which it takes. Call `shake_hands` first.

    State: `_more`, whether a read may find something before the socket is asked; `_early`, what was decrypted to see
    whether anything came; `_busy` while a task waits to send, and `_turn`, which others then wait for.
    """

    __slots__ = ("_busy", "_early", "_incoming", "_is_closed", "_more", "_object", "_outgoing", "_turn")

    def __init__(self, below: SocketConnection, context: ssl.SSLContext, *, server_name: str | None = None) -> None:
        """Begin as the client of `server_name`, which is sent if it is not empty; as a server if it is None.

        Raises `ssl.SSLError` and `ValueError` for a name that cannot be asked for; the socket is then still that of `below`.
        """
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object = context.wrap_bio(
            self._incoming, self._outgoing, server_side=server_name is None, server_hostname=server_name or None
        )
        self.take_over(below)
        self._early: bytes | None = None
        self._more = self._busy = self._is_closed = False
        self._turn: trio.Event | None = None

    def begin(self, first: bytes) -> None:
        """Do what can be done of the handshake with what has been received already. Raises `ssl.SSLError`."""
        self._incoming.write(first)
        self._step()

    async def shake_hands(self) -> None:
        """Agree on keys. Raises `ssl.SSLError`, having told the peer why; and what reading and sending raise."""
        while not self._step():
            await self._flush()
            self._take(await super().receive_some())
        self._more = self._incoming.pending > 0
        if not self._object.server_side or self._object.version() != "TLSv1.3":
            await self._flush()  # else the last words are tickets, which can go with the first reply

    def _step(self) -> bool:
        """Go on with the handshake; return whether it is complete."""
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLError:
            self.send_now(self._outgoing.read())
            raise
        return True

    def describe(self, server_name: str) -> TlsPeer:
        """Return who the peer is, once hands were shaken."""
        return TlsPeer(self._object.getpeercert(True) or b"", server_name, self._object.version() or "")

    @property
    def resumed(self) -> bool:
        """Whether the peer was known from an earlier connection, so that no certificate was needed."""
        return bool(self._object.session_reused)

    @property
    def protocol(self) -> str:
        """The protocol that both sides agreed to speak above TLS (ALPN); empty if none was."""
        return self._object.selected_alpn_protocol() or ""

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        size = CHUNK if max_bytes is None else max_bytes
        while True:
            if self._more:
                data = self._read(size)
                if data is not None:
                    return data
            if self._outgoing.pending and not self._busy:
                with contextlib.suppress(trio.BrokenResourceError):  # one who hears nothing may have said something
                    await self._flush()
            self._take(await super().receive_some(size if size > RECORD else RECORD))

    def _take(self, encrypted: bytes) -> None:
        if encrypted:
            self._incoming.write(encrypted)
        else:
            self._incoming.write_eof()
        self._more = True

    def _read(self, size: int) -> bytes | None:
        """Return what can be decrypted, `b""` at the end; None if more must come first."""
        if self._early is not None:
            return self._read_early(size)
        try:
            data = self._object.read(size)
        except ssl.SSLWantReadError:
            self._more = False
            return None
        except ssl.SSLZeroReturnError:
            return b""
        except ssl.SSLError as error:
            raise self._failed(error) from error
        if data:
            if self._incoming.pending or size < RECORD:
                return self._read_rest(data, size)
            self._more = False
        return data

    def _read_rest(self, first: bytes, size: int) -> bytes:
        """Return `first` and what can be decrypted after it, `size` bytes in all; an error is kept for the next read."""
        pieces, left = [first], size - len(first)
        while left > 0:
            try:
                piece = self._object.read(left)
            except ssl.SSLWantReadError:
                self._more = False
                break
            except ssl.SSLError:
                break
            if not piece:
                break
            pieces.append(piece)
            left -= len(piece)
        return b"".join(pieces)

    def _read_early(self, size: int) -> bytes:
        early = self._early or b""
        self._early = early[size:] or None
        return early[:size]

    def _failed(self, error: ssl.SSLError) -> Exception:
        if self._is_closed:
            return trio.ClosedResourceError("this connection is closed")
        if isinstance(error, ssl.SSLEOFError):
            return trio.BrokenResourceError(f"{self.peer}: cut off: it ended without the farewell of TLS")
        return trio.BrokenResourceError(f"{self.peer}: TLS: {reason(error)}")

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        while self._busy:
            await self._wait_turn()
        if len(data) > PIECE:
            await self._send_pieces(memoryview(data))
            return
        rest = self._push(self._records(data))
        if rest is not None:
            await rest

    def send(self, data: bytes | bytearray | memoryview) -> Awaitable[None] | None:
        if self._busy or len(data) > PIECE:
            return self.send_all(data)
        return super().send(self._records(data))

    async def _send_pieces(self, rest: memoryview) -> None:
        while rest:
            waiting = self._push(self._records(rest[:PIECE]))
            rest = rest[PIECE:]
            if waiting is not None:
                await waiting

    def _records(self, data: bytes | bytearray | memoryview) -> bytes:
        """Return `data` encrypted, after whatever else is to be said."""
        self._encrypt(data)
        return self._outgoing.read()

    def _encrypt(self, data: bytes | bytearray | memoryview) -> None:
        try:
            sent = self._object.write(data) if data else 0
            while sent < len(data):
                sent += self._object.write(memoryview(data)[sent:])
        except ssl.SSLError as error:
            raise self._failed(error) from error

    async def _flush(self) -> None:
        """Send what is encrypted, and what is added meanwhile. Ended before its time, the stream is of no more use."""
        while encrypted := self._outgoing.read():
            rest = self._push(encrypted)
            if rest is not None:
                await rest

    async def _send_rest(self, rest: memoryview) -> None:
        """Send what the kernel had no room for, while others wait for their turn."""
        self._busy = True
        try:
            await super()._send_rest(rest)
        except trio.BrokenResourceError:
            raise
        except BaseException:
            self.drop()  # part of a record may have gone, so that nothing more would be understood
            raise
        finally:
            self._busy = False
            if self._turn is not None:
                self._turn.set()
                self._turn = None

    async def _wait_turn(self) -> None:
        if self._turn is None:
            self._turn = trio.Event()
        await self._turn.wait()

    def is_quiet(self) -> bool:
        if not self._more and super().is_quiet():
            return True
        return not self._is_closed and self._brings_nothing()

    def _brings_nothing(self) -> bool:
        """Return whether what came was for the TLS library alone, such as tickets; other bytes are kept for the next read."""
        if self._early is not None:
            return False
        try:
            if not super().is_quiet():
                encrypted = self.receive_now()
                if encrypted is not None:
                    self._take(encrypted)
            data = self._read(CHUNK) if self._more else None
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return False
        if data is None:
            return super().is_quiet()
        self._early, self._more = data, True
        return False

    def close(self) -> None:
        if not self._is_closed:
            self._say_farewell()
            self.drop()

    def drop(self) -> None:
        self._is_closed = True
        super().drop()

    def shut_down_writing(self) -> bool:
        if not self._is_closed:
            self._say_farewell()
            super().shut_down_writing()
        return True

    def _say_farewell(self) -> None:
        """Say that nothing more will come, if the socket takes it at once."""
        self.flush()
        if self._busy or self.unsent:
            return  # within a record
        if self._more and self._early is None:
            self._read_ahead()
        with contextlib.suppress(ssl.SSLError):  # it also reads, and mostly finds no farewell of the peer yet
            self._object.unwrap()
        if self._outgoing.pending:
            self.send_now(self._outgoing.read())

    def _read_ahead(self) -> None:
        """Decrypt what has come, since it cannot be read any more after a farewell that stumbled over it."""
        with contextlib.suppress(trio.BrokenResourceError):
            data = self._read(CHUNK)
            if data:
                self._early, self._more = data, True


def reason(error: ssl.SSLError) -> str:
    """Return why TLS failed, in a few words: what OpenSSL's message holds besides its codes."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return str(error.verify_message)
    words: Any = error.reason
    return str(words).replace("_", " ").lower() if words else str(error)
