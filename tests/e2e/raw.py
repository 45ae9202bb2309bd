"""HTTP/1.1 over a bare socket, for either end of the proxy: what is sent is exact, what came is kept as it came."""

import contextlib
import socket
import struct
from collections.abc import AsyncIterator

import attrs
import trio

from mesh import Fields

SECONDS = 60.0  # that anything may take, on a busy machine, before a test gives up
NO_BODY = (204, 304)


class Incomplete(Exception):
    """The connection ended, or was reset, in the middle of a message; `message` is what had come of it."""

    def __init__(self, message: "Message | None", *, reset: bool) -> None:
        super().__init__(f"{'reset' if reset else 'closed'} in the middle of {message}")
        self.message = message
        self.reset = reset


@attrs.define
class Message:
    """A request or a reply as it stood on the wire; names are in lower case."""

    first: bytes
    fields: Fields
    body: bytes = b""
    trailers: Fields = attrs.field(factory=list)

    @property
    def status(self) -> int:
        """The status of a reply."""
        return int(self.first.split(b" ")[1])

    @property
    def target(self) -> bytes:
        """The target of a request."""
        return self.first.split(b" ")[1]

    def values(self, name: bytes) -> list[bytes]:
        """Return the value of each field called `name`."""
        return [value for key, value in self.fields if key == name]

    def value(self, name: bytes) -> bytes | None:
        """Return the value of the only field called `name`, or None."""
        values = self.values(name)
        if len(values) > 1:
            raise AssertionError(f"{name!r} stands {len(values)} times in {self}")
        return values[0] if values else None


class RawConnection:
    """One end of a connection. `received` is all that ever came; `rest` what of it was not read as a message yet.

    `gone` is set when a stub has nothing more to do with it. Each wait for bytes ends after `patience` seconds with
    `trio.TooSlowError`.
    """

    def __init__(self, stream: trio.SocketStream, patience: float = SECONDS) -> None:
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.stream = stream
        self.patience = patience
        self.received = bytearray()
        self.rest = b""
        self.ended = False
        self.gone = trio.Event()
        self.was_reset = False

    async def send(self, *pieces: bytes) -> None:
        """Send the pieces, each by itself: others get to see one before the next is sent."""
        for piece in pieces:
            with trio.fail_after(SECONDS):
                await self.stream.send_all(piece)
            if len(pieces) > 1:
                await trio.lowlevel.checkpoint()

    async def more(self) -> bool:
        """Wait for more bytes; return false at the end."""
        if self.ended:
            return False
        try:
            with trio.fail_after(self.patience):
                piece = await self.stream.receive_some(65536)
        except trio.BrokenResourceError:
            self.was_reset = True
            piece = b""
        if not piece:
            self.ended = True
        self.received += piece
        self.rest += piece
        return bool(piece)

    async def until(self, mark: bytes, message: Message | None = None) -> bytes:
        """Return what stands before `mark`, which is taken too."""
        while mark not in self.rest:
            if not await self.more():
                raise Incomplete(message, reset=self.was_reset)
        before, _, self.rest = self.rest.partition(mark)
        return before

    async def head(self) -> Message | None:
        """Return the next head; None at a clean end before it."""
        while not self.rest:
            if not await self.more():
                if self.was_reset:
                    raise Incomplete(None, reset=True)
                return None
        lines = (await self.until(b"\r\n\r\n")).split(b"\r\n")
        return Message(lines[0], [_field(line) for line in lines[1:]])

    async def message(self, *, bodiless: bool = False) -> Message | None:
        """Return the next message as a whole, interim replies like others; None at a clean end before it.

        `bodiless`: it answers a HEAD. Raises `Incomplete`.
        """
        message = await self.head()
        if message is None:
            return None
        async for piece in self.body(message, bodiless=bodiless):
            message.body += piece
        return message

    async def request(self) -> Message:
        """Return the next request, or reply, which must come."""
        message = await self.message()
        if message is None:
            raise Incomplete(None, reset=False)
        return message

    async def reply(self, *, bodiless: bool = False) -> Message:
        """Return the next reply, which must come."""
        message = await self.message(bodiless=bodiless)
        if message is None:
            raise Incomplete(None, reset=False)
        return message

    async def body(self, message: Message, *, bodiless: bool = False) -> AsyncIterator[bytes]:
        """Yield the body of a message whose head came, piece by piece; the trailers go into the message."""
        is_reply = message.first.startswith(b"HTTP/")
        if bodiless or (is_reply and (message.status < 200 or message.status in NO_BODY)):
            return
        length = message.value(b"content-length")
        if message.value(b"transfer-encoding") is not None:
            while size := int(await self.until(b"\r\n", message), 16):
                yield await self.exactly(size, message)
                await self.exactly(2, message)
            while line := await self.until(b"\r\n", message):
                message.trailers.append(_field(line))
        elif length is not None:
            left = int(length)
            while left:
                piece = await self.exactly(min(left, max(len(self.rest), 1)), message)
                left -= len(piece)
                yield piece
        elif is_reply:
            while self.rest or await self.more():
                piece, self.rest = self.rest, b""
                yield piece
            if self.was_reset:
                raise Incomplete(message, reset=True)

    async def exactly(self, size: int, message: Message | None = None) -> bytes:
        """Return the next `size` bytes."""
        while len(self.rest) < size:
            if not await self.more():
                raise Incomplete(message, reset=self.was_reset)
        piece, self.rest = self.rest[:size], self.rest[size:]
        return piece

    async def is_closed(self, seconds: float = SECONDS) -> bool:
        """Return whether the peer ends the connection within the time; what comes before the end is kept."""
        with trio.move_on_after(seconds):
            while await self.more():
                pass
        return self.ended

    async def send_end(self) -> None:
        """Shut down writing; reading goes on."""
        await self.stream.send_eof()

    def close(self) -> None:
        """Close at once."""
        self.stream.socket.close()

    def reset(self) -> None:
        """Close with a reset."""
        with contextlib.suppress(OSError):
            self.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()


def _field(line: bytes) -> tuple[bytes, bytes]:
    name, _, value = line.partition(b":")
    return name.lower(), value.strip(b" \t")


@contextlib.asynccontextmanager
async def connected(port: int) -> AsyncIterator[RawConnection]:
    """Connect to a port of this machine; the connection is closed at the end of the block."""
    connection = RawConnection(await trio.open_tcp_stream("127.0.0.1", port))
    try:
        yield connection
    finally:
        connection.close()


def request(method: str = "GET", target: str = "/", *lines: str, body: bytes = b"", host: str = "web") -> bytes:
    """Return the bytes of an HTTP/1.1 request; with a body, its length is added."""
    head = [f"{method} {target} HTTP/1.1", f"Host: {host}", *lines]
    if body:
        head.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*head, "", ""]).encode("latin-1") + body


def reply(status: int = 200, *lines: str, body: bytes = b"ok", reason: str = "OK") -> bytes:
    """Return the bytes of an HTTP/1.1 reply with its body's length."""
    head = [f"HTTP/1.1 {status} {reason}", *lines, f"Content-Length: {len(body)}"]
    return "\r\n".join([*head, "", ""]).encode("latin-1") + body


def chunked(*pieces: bytes, trailers: str = "") -> bytes:
    """Return the pieces as the chunks of a whole body; `trailers` are lines that end in CR LF."""
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return chunks + b"0\r\n" + trailers.encode() + b"\r\n"
