"""Peers of HTTP/2 in memory: a client that asks as h2load does, and endpoints that answer as nghttpd does."""

from struct import Struct

from hpack import Encoder

from mesh import Connection, Endpoint, Fields, Serve, Switch
from mesh_plugins.connections.parking import Parking

BATCH = 10  # streams that a client opens at a time
SETTINGS = b"\0\0\0\4\0\0\0\0\0" + b"\0\0\0\4\1\0\0\0\0"
"""Settings that say nothing, and the acknowledgement of the other side's."""
WIDE = b"\0\0\4\x08\0\0\0\0\0" + (1 << 30).to_bytes(4)
"""A window of the connection that is never used up."""
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

_HEAD = Struct(">IBI")
_SOME = 0x6B6F6D6D  # a stream whose number stands nowhere else
_DATA, _HEADERS, _ENDS, _WHOLE = 0, 1, 1, 4
_MESSAGE = b"\0\0\0\0\x40" + bytes(64)
_ASKED: Fields = [
    (b":path", b"/reply"),
    (b":scheme", b"http"),
    (b":authority", b"h2"),
    (b":method", b"GET"),
    (b"user-agent", b"h2load nghttp2/1.52.0"),
]
_CALLED: Fields = [
    *_ASKED[:3],
    (b":method", b"POST"),
    _ASKED[4],
    (b"content-type", b"application/grpc"),
    (b"te", b"trailers"),
]
_ANSWERED: Fields = [
    (b":status", b"200"),
    (b"server", b"nghttpd nghttp2/1.52.0"),
    (b"cache-control", b"max-age=3600"),
    (b"date", b"Mon, 23 Nov 2026 00:00:00 GMT"),
    (b"content-length", b"64"),
]
_TOLD: Fields = [*_ANSWERED[:4], (b"content-type", b"application/grpc"), (b"trailer", b"grpc-status")]
_STATUS: Fields = [(b"grpc-status", b"0")]


class Blocks:
    """What one side sends on each stream: header blocks, in the order of `heads`, the first one with `data` after it."""

    def __init__(self, data: bytes, *heads: Fields) -> None:
        encoder = Encoder()
        self._between = _between([encoder.encode(head) for head in heads], data)
        self._later = _between([encoder.encode(head) for head in heads], data)

    def on(self, stream: int) -> bytes:
        """Return the frames for a stream."""
        frames = stream.to_bytes(4).join(self._between)
        self._between = self._later
        return frames


def _between(blocks: list[bytes], data: bytes) -> list[bytes]:
    """Return what stands before, between and after the numbers of the stream in its frames: all that is the same in each."""
    parts = [(_HEADERS, _WHOLE, block) for block in blocks]
    if data:
        parts.insert(1, (_DATA, 0, data))
    kind, flags, payload = parts[-1]
    parts[-1] = (kind, flags | _ENDS, payload)
    frames = b"".join(frame(kind, flags, _SOME, payload) for kind, flags, payload in parts)
    return frames.split(_SOME.to_bytes(4))


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """Return a frame."""
    return _HEAD.pack(len(payload) << 8 | kind, flags, stream) + payload


def ended(data: bytes | bytearray | memoryview) -> list[int]:
    """Return the streams that end in `data`, which holds whole frames."""
    streams: list[int] = []
    unpack, end = _HEAD.unpack_from, len(data)
    pos = 24 if data[:3] == b"PRI" else 0
    while pos < end:
        word, flags, stream = unpack(data, pos)
        if flags & _ENDS and word & 0xFE == _DATA:  # or HEADERS
            streams.append(stream)
        pos += 9 + (word >> 8)
    return streams


class _Memory(Connection):
    """A connection in memory; what is said on it waits in `_said`."""

    def __init__(self, peer: str) -> None:
        super().__init__(peer)
        self.local = "127.0.0.1:4140"
        self._said: list[bytes] = []
        self._parking = Parking()

    def _say(self, data: bytes) -> None:
        self._said.append(data)
        self._parking.wake()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Return all that was said since."""
        while not self._said:
            await self._parking.wait()
        said, self._said = self._said, []
        return b"".join(said)

    def is_quiet(self) -> bool:
        """Return true: nothing comes that was not asked for."""
        return True

    def close(self) -> None:
        """Do nothing."""


class AskingStreams(_Memory):
    """A connection with a client that asks `left` times, `BATCH` streams at a time, and closes then.

    With `calls`, these are unary calls of gRPC.
    """

    def __init__(self, left: int, *, calls: bool = False) -> None:
        super().__init__("127.0.0.1:50000")
        self._left = left
        self._blocks = Blocks(_MESSAGE, _CALLED) if calls else Blocks(b"", _ASKED)
        self._next = 1
        self._open = 0
        self._say(PREFACE + SETTINGS + WIDE)
        self._ask()

    def _ask(self) -> None:
        self._open = min(BATCH, self._left)
        if not self._open:
            self._say(b"")
            return
        self._left -= self._open
        streams = range(self._next, self._next + 2 * self._open, 2)
        self._say(b"".join(map(self._blocks.on, streams)))
        self._next = streams.stop

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Take replies; once all have come, ask anew."""
        self._open -= len(ended(data))
        if not self._open:
            self._ask()


class AnsweringStreams(_Memory):
    """A connection to an endpoint that answers as soon as it is asked; a call of gRPC if `calls`."""

    def __init__(self, endpoint: Endpoint, *, calls: bool = False) -> None:
        super().__init__(str(endpoint))
        self._blocks = Blocks(_MESSAGE, _TOLD, _STATUS) if calls else Blocks(bytes(64), _ANSWERED)
        self._say(SETTINGS + WIDE)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Take requests, and answer them."""
        answers = b"".join(map(self._blocks.on, ended(data)))
        if answers:
            self._say(answers)


async def answering(endpoint: Endpoint) -> Connection:
    """Open a connection to an endpoint that answers requests: a connector."""
    return AnsweringStreams(endpoint)


async def replying(endpoint: Endpoint) -> Connection:
    """Open a connection to an endpoint that answers calls of gRPC."""
    return AnsweringStreams(endpoint, calls=True)


async def ask(serve: Serve, switch: Switch, requests: int) -> None:
    """Have so many requests served."""
    await serve(AskingStreams(requests), switch)


async def call(serve: Serve, switch: Switch, requests: int) -> None:
    """Have so many calls of gRPC served."""
    await serve(AskingStreams(requests, calls=True), switch)
