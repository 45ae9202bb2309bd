"""What either engine of the HTTP/2 codec makes of bytes, and whom it tells. Sans-io: no socket, no task.

The only clock is one that the maker hands in; it is read when a peer resets a stream, to count such resets.

Theory of operation. Bytes go in with `feed`, which calls back for each thing that came, and bytes to be sent gather inside,
until `take_output` hands them over: one read and one write serve all streams that had something to say. Nothing that comes
is made into an event that somebody must sort: the engine calls the owner of the stream.

An engine keeps the state of its streams. One that has ended on both sides, or was reset by either, is forgotten at once, and
its owner is never called again: what the owner still asks for a forgotten stream does nothing.
"""

from typing import Protocol

import attrs

from mesh import Fields, RemoteProtocolError

NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, SETTINGS_TIMEOUT, STREAM_CLOSED, FRAME_SIZE_ERROR = range(
    7
)
REFUSED_STREAM, CANCEL, COMPRESSION_ERROR, CONNECT_ERROR, ENHANCE_YOUR_CALM, INADEQUATE_SECURITY = range(7, 13)
HTTP_1_1_REQUIRED = 13
"""The error codes of RST_STREAM and GOAWAY. Source: RFC 9113 section 7."""


@attrs.define(slots=True)
class RequestHead:
    """A request's head, checked, without pseudo fields and without fields that belong to a connection.

    `headers` begin with `host`, made of `:authority`, where there is one. Several `cookie` fields have become one. `size` is
    what `content-length` said, or None; the engine holds the peer to it, and `content-length` is not among `headers`.
    `ends`: there is no body. `target` of a CONNECT is its authority.
    """

    method: bytes
    target: bytes
    scheme: bytes
    headers: Fields
    size: int | None
    ends: bool


@attrs.define(slots=True)
class ReplyHead:
    """A reply's head, interim or final, checked in the same way. `size` is also there for replies that have no body."""

    status: int
    headers: Fields
    size: int | None
    ends: bool


class StreamOwner(Protocol):
    """Whoever owns one stream; called from inside `feed` and `take_output`, and must neither await nor raise.

    It may call the engine from there, `take_output` and `feed` excepted.
    """

    def on_reply(self, head: ReplyHead) -> None:
        """Take the reply's head, each interim one and then the final one; on the client's side alone."""

    def on_data(self, piece: bytes, cost: int, *, ends: bool) -> None:
        """Take a piece of the body, empty only if it ends it.

        `cost` is what the frame took from the windows, its padding included: once the piece was read by whoever it is for,
        `consumed` gives it back. It may be 0 for the little that ends a stream, which need not be given back. Whoever drops
        pieces of a stream that has ended calls `reset` instead, once.
        """

    def on_trailers(self, trailers: Fields) -> None:
        """Take the trailers, which end the stream in this direction."""

    def on_reset(self, code: int, *, by_peer: bool, unprocessed: bool) -> None:
        """The stream is gone: the peer reset it, or broke a rule in it (then the engine did), or the connection failed.

        `unprocessed`: the peer says that it did nothing (REFUSED_STREAM, or an id above the one in its GOAWAY).
        """

    def on_room(self) -> None:
        """There is room again to send, after `send_data` had taken less than it was given."""


class ConnectionOwner(Protocol):
    """Whoever owns the connection; called from inside `feed`, and must neither await nor raise."""

    def on_request(self, stream: int, head: RequestHead) -> StreamOwner:
        """Return the owner of a stream that the client opened; on the server's side alone."""

    def on_limit(self, streams: int) -> None:
        """The peer now allows this many streams at a time that this side opens."""

    def on_goaway(self, last: int, code: int, debug: bytes) -> None:
        """The peer takes no new streams. Those above `last` were reset before this call, as unprocessed."""

    def on_pong(self, data: bytes) -> None:
        """The peer has answered a ping."""


class ConnectionFailed(Exception):
    """The peer broke a rule of the whole connection: GOAWAY with `code` stands in the output, and every stream was reset.

    The output is to be sent, then the connection closed.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Engine(Protocol):
    """One connection, the side of the server or of the client.

    The preface and the SETTINGS of this side stand in the output from the start. `refusals` gathers the errors of requests
    whose heads were refused, for whoever empties it, on the server's side alone. `open_streams` counts those that either side
    opened and that are not over. `is_settled`: the peer has acknowledged the SETTINGS of this side. `is_in_head`: a header
    block has begun and not ended.
    """

    is_settled: bool
    refusals: list[RemoteProtocolError]

    @property
    def is_in_head(self) -> bool:
        raise NotImplementedError

    @property
    def open_streams(self) -> int:
        raise NotImplementedError

    def feed(self, data: bytes) -> None:
        """Take bytes from the peer and call the owners back. Raises `ConnectionFailed`; after that it takes no more."""

    def upgrade(self, settings: bytes, head: RequestHead) -> None:
        """Begin with the request that asked in HTTP/1.1 for `h2c`, as stream 1, whose body is over; before any `feed`.

        `settings` is the payload that its `http2-settings` stood for, decoded. Calls `on_request`; on the server's side
        alone. Raises `ConnectionFailed` for settings that are against the rules. Source: RFC 7540 section 3.2.
        """

    def take_output(self) -> bytes:
        """Return what is to be sent, in order; `b""` if nothing is. May call `on_room`, so take again until nothing is."""

    def pending(self) -> int:
        """Return how many bytes `take_output` would return."""

    def open(
        self,
        owner: StreamOwner,
        method: bytes,
        target: bytes,
        scheme: bytes,
        headers: Fields,
        size: int | None,
        *,
        ends: bool,
    ) -> int:
        """Begin a request, and return the id of its stream; on the client's side alone.

        `host` of `headers` becomes `:authority`, `size` `content-length`. Raises `LocalProtocolError` for what must not be
        sent, and for a stream beyond the peer's limit, beyond the last id, or after a GOAWAY.
        """

    def reply(self, stream: int, status: int, headers: Fields, size: int | None, *, ends: bool) -> None:
        """Send a reply's head, interim or final; on the server's side alone. Raises `LocalProtocolError` as `open` does."""

    def send_data(self, stream: int, data: bytes, *, ends: bool) -> int:
        """Send as much of `data` as the windows and the output have room for now, and return how much that was.

        The end is sent with the last byte; `data` may be empty to send it alone. Whoever has more waits for `on_room`.
        All of it counts as sent for a stream that is gone.
        """

    def send_trailers(self, stream: int, trailers: Fields) -> None:
        """End this direction of a stream with trailers. Raises `LocalProtocolError` as `open` does."""

    def consumed(self, stream: int, cost: int) -> None:
        """Give `cost` back to the peer's window, sooner or later, as `on_data` said.

        Also for streams that have ended; those that were reset have given everything back already, and nothing happens.
        """

    def reset(self, stream: int, code: int) -> None:
        """End a stream at once, both ways; its owner is not called. What is unread of it is given back."""

    def abandon(self, code: int) -> None:
        """End every stream, because the connection is gone; their owners learn it by `on_reset`, as made by the peer."""

    def ping(self, data: bytes) -> None:
        """Ask the peer to answer 8 bytes."""

    def go_away(self, code: int, *, last: bool) -> None:
        """Tell the peer that no new streams are taken. With `last` false it only warns: those on their way still are.

        Source: RFC 9113 section 6.8, graceful shutdown by two frames.
        """
