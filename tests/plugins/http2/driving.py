"""Both ends of HTTP/2 connections without a socket: owners that note what they are told."""

from collections.abc import Callable

import attrs
from hpack.hpack import encode_integer

from mesh import Fields
from mesh_plugins.http2.engine import ConnectionFailed, Engine, ReplyHead, RequestHead
from mesh_plugins.http2.frames import ACK, END_HEADERS, END_STREAM, HEAD, HEADERS, PREFACE, SETTINGS
from mesh_plugins.http2.options import Options
from mesh_plugins.http2.wire import FastClient, FastServer


@attrs.define(eq=False)
class Exchange:
    """The owner of a stream. It reads at once unless `is_slow`, and says nothing of itself."""

    engine: Engine
    number: int = 0
    request: RequestHead | None = None
    is_slow: bool = False
    replies: list[ReplyHead] = attrs.Factory(list)
    pieces: list[bytes] = attrs.Factory(list)
    unread: list[int] = attrs.Factory(list)
    trailers: Fields | None = None
    reset: tuple[int, bool, bool] | None = None
    has_ended: bool = False
    rooms: int = 0
    when_room: Callable[[int], object] = int

    @property
    def content(self) -> bytes:
        return b"".join(self.pieces)

    def on_reply(self, head: ReplyHead) -> None:
        self.replies.append(head)
        self.has_ended = head.ends

    def on_data(self, piece: bytes, cost: int, *, ends: bool) -> None:
        self.pieces.append(piece)
        self.has_ended = ends
        if self.is_slow:
            self.unread.append(cost)
        else:
            self.engine.consumed(self.number, cost)

    def on_trailers(self, trailers: Fields) -> None:
        self.trailers = trailers
        self.has_ended = True

    def on_reset(self, code: int, *, by_peer: bool, unprocessed: bool) -> None:
        assert self.reset is None
        self.reset = (code, by_peer, unprocessed)

    def on_room(self) -> None:
        self.rooms += 1
        self.when_room(self.number)


@attrs.define(eq=False)
class Notes:
    """The owner of a connection."""

    engine: Engine = attrs.field(init=False)
    exchanges: list[Exchange] = attrs.Factory(list)
    limits: list[int] = attrs.Factory(list)
    goaways: list[tuple[int, int, bytes]] = attrs.Factory(list)
    pongs: list[bytes] = attrs.Factory(list)
    is_slow: bool = False

    def on_request(self, stream: int, head: RequestHead) -> Exchange:
        exchange = Exchange(self.engine, stream, head, self.is_slow)
        self.exchanges.append(exchange)
        return exchange

    def on_limit(self, streams: int) -> None:
        self.limits.append(streams)

    def on_goaway(self, last: int, code: int, debug: bytes) -> None:
        self.goaways.append((last, code, debug))

    def on_pong(self, data: bytes) -> None:
        self.pongs.append(data)


def feed(engine: Engine, *pieces: bytes) -> int | None:
    """Feed the pieces; return the code of the failure, if there was one."""
    for piece in pieces:
        try:
            engine.feed(piece)
        except ConnectionFailed as failure:
            return failure.code
    return None


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Return any frame, right or wrong."""
    return HEAD.pack(len(payload) << 8 | kind, flags, stream) + payload


def frames_of(data: bytes) -> list[tuple[int, int, int, bytes]]:
    """Take bytes apart: type, flags, stream and payload of each frame."""
    found = []
    while data:
        word, flags, stream = HEAD.unpack_from(data)
        end = 9 + (word >> 8)
        found.append((word & 0xFF, flags, stream, data[9:end]))
        data = data[end:]
    return found


def block(*fields: tuple[bytes, bytes]) -> bytes:
    """Return a header block of literals that need no table."""
    return b"".join(b"\0" + _string(name) + _string(value) for name, value in fields)


def _string(text: bytes) -> bytes:
    return bytes(encode_integer(len(text), 7)) + text


GET = block((b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"a.test"), (b":path", b"/"))
POST = block((b":method", b"POST"), (b":scheme", b"http"), (b":authority", b"a.test"), (b":path", b"/"))


def get(stream: int) -> bytes:
    """Return the frame of a request without a body."""
    return frame(HEADERS, END_STREAM | END_HEADERS, stream, GET)


def post(stream: int) -> bytes:
    """Return the frame of a request whose body follows."""
    return frame(HEADERS, END_HEADERS, stream, POST)


@attrs.define(eq=False)
class Server:
    """A server's engine, its owner, and how it answers bytes. The client's preface is behind it unless said otherwise."""

    notes: Notes
    engine: Engine
    now: list[float]

    def take(self, *pieces: bytes) -> list[tuple[int, int, int, bytes]]:
        """Feed the pieces and return the frames that come out."""
        feed(self.engine, *pieces)
        return frames_of(self.engine.take_output())


def server(options: Options | None = None, *, begun: bool = True, is_slow: bool = False) -> Server:
    """Return a server whose clock stands still unless `now` is changed."""
    now = [0.0]
    notes = Notes(is_slow=is_slow)
    notes.engine = FastServer(notes, options or Options(), lambda: now[0])
    made = Server(notes, notes.engine, now)
    if begun:
        made.take(PREFACE + frame(SETTINGS, 0, 0) + frame(SETTINGS, ACK, 0))
    return made


@attrs.define(eq=False)
class Pair:
    """A client and a server that talk to each other."""

    client_notes: Notes
    client: FastClient
    server_notes: Notes
    server: FastServer

    def pump(self) -> None:
        """Carry bytes both ways until there are none."""
        while True:
            ahead = self.client.take_output()
            self.server.feed(ahead)
            back = self.server.take_output()
            self.client.feed(back)
            if not ahead and not back:
                return

    def open(
        self, method: bytes = b"GET", fields: Fields | None = None, size: int | None = None, *, ends: bool = True
    ) -> tuple[Exchange, Exchange]:
        """Begin a request; return its owners, the client's first."""
        exchange = Exchange(self.client)
        headers = [(b"host", b"a.test"), *(fields or [])]
        exchange.number = self.client.open(exchange, method, b"/", b"http", headers, size, ends=ends)
        self.pump()
        return exchange, self.server_notes.exchanges[-1]


def pair(client: Options | None = None, server: Options | None = None, *, is_slow: bool = False) -> Pair:
    """Return both ends after their prefaces."""
    ours, theirs = Notes(), Notes(is_slow=is_slow)
    ours.engine = FastClient(ours, client or Options(), float)
    theirs.engine = FastServer(theirs, server or Options(), float)
    made = Pair(ours, ours.engine, theirs, theirs.engine)
    made.pump()
    return made
