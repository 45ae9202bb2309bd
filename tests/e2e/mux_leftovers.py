"""Ends of Mux and Thrift that stop at a chosen point of a call, to see what is left over when something ends it there."""

import contextlib
import enum
from collections.abc import AsyncIterator

import attrs
import trio

from mesh import Path
from mesh_plugins.mux.calls import encode_dispatch
from mesh_plugins.mux.handshake import MARKER_FRAME, rinit
from mesh_plugins.mux.messages import Discarded
from mesh_plugins.mux.wire import (
    CONTROL_TAG,
    MORE,
    RDISCARDED,
    RDISPATCH,
    RPING,
    RREQ,
    TDISPATCH,
    TINIT,
    TPING,
    TREQ,
    FrameReader,
    frame,
)

RERR, TDISCARDED = 0x7F, 0xC2
CALL = b"\x80\x01\0\1\0\0\0\3get\0\0\0\1\0"
REPLY = b"\x80\x01\0\2\0\0\0\3get\0\0\0\1\0"

ANSWER = b"\0\0\0" + REPLY
"""What follows the tag of an `Rdispatch`."""


class Phase(enum.Enum):
    """How far an endpoint goes with a connection."""

    CONNECTED = "accepts and says nothing"
    SENT = "takes a call and does not answer"
    HALF = "answers half a frame"
    PIECE = "answers a piece of a message"
    ANSWERED = "answers"


@attrs.define(eq=False)
class Peer:
    """An endpoint: its port, how far it goes, the calls it holds as connection and tag, and what it was told of them."""

    port: int
    speaks_mux: bool
    phase: Phase
    streams: list[trio.SocketStream] = attrs.field(factory=list)
    held: list[tuple[trio.SocketStream, int]] = attrs.field(factory=list)
    discarded: list[int] = attrs.field(factory=list)
    reached: trio.Event = attrs.field(factory=trio.Event)
    _speaks: trio.Lock = attrs.field(factory=trio.Lock)  # one task at a time may send

    async def serve(self, stream: trio.SocketStream) -> None:
        self.streams.append(stream)
        if self.phase is Phase.CONNECTED:
            self.reached.set()
        with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            await (self._mux(stream) if self.speaks_mux else self._thrift(stream))
        self.streams.remove(stream)

    async def say(self, stream: trio.SocketStream, data: bytes) -> None:
        """Send something, after whatever is being sent."""
        async with self._speaks:
            await stream.send_all(data)

    async def _mux(self, stream: trio.SocketStream) -> None:
        reader = FrameReader(1 << 30)
        while data := await stream.receive_some():
            for found in reader.feed(data):
                if self.phase is not Phase.CONNECTED:
                    await self._take(stream, found[0], int.from_bytes(found[1:4]), found[4:])

    async def _take(self, stream: trio.SocketStream, kind: int, tag: int, body: bytes) -> None:
        if kind == RERR:
            await self.say(stream, MARKER_FRAME)
        elif kind == TINIT:
            await self.say(stream, rinit(CONTROL_TAG))
        elif kind == TPING:
            await self.say(stream, frame(RPING, tag))
        elif kind == TDISCARDED:
            self.discarded.append(int.from_bytes(body[:3]))
            await self.say(stream, frame(RDISCARDED, self.discarded[-1]))
        elif kind == TDISPATCH:
            answer = frame(RDISPATCH, tag, ANSWER)
            if self.phase is Phase.HALF:
                await self.say(stream, answer[:-5])
            elif self.phase is Phase.PIECE:
                await self.say(stream, frame(RDISPATCH, tag | MORE, ANSWER[:6]))
            elif self.phase is Phase.ANSWERED:
                await self.say(stream, answer)
            self.held.append((stream, tag))
            self.reached.set()
        elif kind == TREQ:
            await self.say(stream, frame(RREQ, tag, b"\0" + REPLY))

    async def _thrift(self, stream: trio.SocketStream) -> None:
        got = b""
        while data := await stream.receive_some():
            got += data
            while len(got) >= 4 and len(got) >= 4 + int.from_bytes(got[:4]):
                end = 4 + int.from_bytes(got[:4])
                answer = len(REPLY).to_bytes(4) + REPLY[:-5] + got[end - 5 : end]  # with the call's own id
                got = got[end:]
                if self.phase is Phase.HALF:
                    await self.say(stream, answer[:-5])
                elif self.phase is Phase.ANSWERED:
                    await self.say(stream, answer)
                self.held.append((stream, 0))
                self.reached.set()


@contextlib.asynccontextmanager
async def peer(phase: Phase, *, speaks_mux: bool) -> AsyncIterator[Peer]:
    """Run an endpoint that goes so far."""
    async with trio.open_nursery() as nursery:
        [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
        built = Peer(listener.socket.getsockname()[1], speaks_mux, phase)
        nursery.start_soon(trio.serve_listeners, built.serve, [listener])
        yield built
        nursery.cancel_scope.cancel()


@attrs.define(eq=False)
class Client:
    """The client's end of one connection: calls without waiting for an answer, and reads what comes."""

    stream: trio.SocketStream
    speaks_mux: bool
    _reader: FrameReader = attrs.field(factory=lambda: FrameReader(1 << 30))
    _frames: list[bytes] = attrs.field(factory=list)

    async def call(self, tag: int = 2, contexts: list[tuple[bytes, bytes]] | None = None) -> None:
        if self.speaks_mux:
            await self.stream.send_all(encode_dispatch(tag, [], contexts or [], Path.read("/web"), None, CALL))
        else:
            await self.stream.send_all(len(CALL).to_bytes(4) + CALL)

    async def discard(self, tag: int = 2) -> None:
        await self.stream.send_all(Discarded(tag, "enough").encode())

    async def answer(self) -> bytes | None:
        """Return the next message without its size, None at the end of the connection."""
        while not self._frames:
            try:
                data = await self.stream.receive_some()
            except trio.BrokenResourceError:
                return None
            if not data:
                return None
            self._frames += self._reader.feed(data)
        return self._frames.pop(0)
