"""What either engine of the HTTP/1.1 codec makes of bytes: heads, framing, limits. Sans-io: no clock, no socket."""

from typing import Protocol

import attrs
from mesh import Fields

CHUNKED = -1
"""A body whose end is marked by its chunked coding. Source: RFC 9112 section 7.1."""
UNTIL_CLOSE = -2
"""A reply's body that ends with its connection. Source: RFC 9112 section 6.3, rule 8."""


@attrs.define(slots=True, eq=True)
class RequestHead:
    """A request's head, checked and without the fields that belong to its connection.

    `target` is in origin form or `*`; an absolute-form target has been taken apart, its authority standing in `host`
    instead of what the client wrote there. `body_size` is a number of bytes or `CHUNKED`. `keep_alive`: the client will
    send more on this connection. `upgrade` is the `upgrade` field if `connection` named it, else empty.
    """

    method: bytes
    target: bytes
    version: tuple[int, int]
    headers: Fields
    body_size: int
    keep_alive: bool
    expects_continue: bool
    scheme: bytes
    upgrade: bytes


@attrs.define(slots=True, eq=True)
class ReplyHead:
    """A reply's head, checked and without the fields that belong to its connection.

    `body_size` is a number of bytes, `CHUNKED` or `UNTIL_CLOSE`; it is 0 for replies that cannot have a body, whose
    `content-length`, if any, is `declared_size`. `keep_alive`: the connection may be used again after this reply.
    """

    status: int
    reason: bytes
    version: tuple[int, int]
    headers: Fields
    body_size: int
    declared_size: int | None
    keep_alive: bool


class ServerEngine(Protocol):
    """One connection with a client: its bytes in, requests out; replies in, bytes out.

    The order of calls is: `feed` and `read_head` until a head comes; `feed` and `read_body` until `b""`; `next_message`
    after the reply was written too. Whatever breaks RFC 9112 or a limit raises `RemoteProtocolError`, with the status to
    answer; after that the engine is only good for writing that answer.
    """

    def feed(self, data: bytes) -> None:
        """Take bytes from the client; `b""` says that no more will come."""

    def read_head(self) -> RequestHead | None:
        """Return the next request's head, or None if its bytes have not all come."""

    def read_body(self) -> bytes | None:
        """Return what has come of the body, `b""` at its end (and ever after), or None if more bytes are needed."""

    def trailers(self) -> Fields:
        """Return the trailers that may be passed on, once `read_body` has returned `b""`."""

    def is_idle(self) -> bool:
        """Return whether no byte of a next request has come."""

    def has_bytes(self) -> bool:
        """Return whether bytes are waiting that have not been read as a head or a body."""

    def next_message(self) -> None:
        """Make ready for the next request on this connection."""

    def write_head(
        self, status: int, reason: bytes, headers: Fields, size: int | None, *, keep_alive: bool, body: bool = True
    ) -> bytes:
        """Return the head of the reply to the request read last, interim (1xx) replies included.

        `size` becomes `content-length`; None means a body of unknown length: chunked for HTTP/1.1 clients, ended by
        closing for HTTP/1.0. `body` is false for replies that have none by their nature (to HEAD, 204, 304).
        Raises `LocalProtocolError` for a name or value that must not be sent.
        """

    def write_data(self, data: bytes) -> bytes:
        """Return `data` framed as the head announced."""

    def write_end(self, trailers: Fields) -> bytes:
        """Return what ends the body; trailers are dropped where the framing has no place for them."""


class ClientEngine(Protocol):
    """One connection to an endpoint: requests in, bytes out; its bytes in, replies out. Calls as in `ServerEngine`."""

    def write_head(self, method: bytes, target: bytes, headers: Fields, size: int | None) -> bytes:
        """Return the head of a request; `size` is None for a chunked body, 0 for none."""

    def write_data(self, data: bytes) -> bytes:
        """Return `data` framed as the head announced."""

    def write_end(self, trailers: Fields) -> bytes:
        """Return what ends the body."""

    def feed(self, data: bytes) -> None:
        """Take bytes from the endpoint; `b""` says that no more will come."""

    def read_head(self) -> ReplyHead | None:
        """Return the next head, interim or final, or None. A 101 that nobody asked for raises."""

    def read_body(self) -> bytes | None:
        """Return what has come of the body, `b""` at its end, or None if more bytes are needed."""

    def trailers(self) -> Fields:
        """Return the trailers that may be passed on."""

    def has_bytes(self) -> bool:
        """Return whether the endpoint sent more than the reply: such a connection is never used again."""

    def next_message(self) -> None:
        """Make ready for the next request on this connection."""


@attrs.frozen
class Limits:
    """How much of a message is read before it is refused; the names of `servers[].limits` and `client.limits`."""

    max_request_line_bytes: int = 8192
    max_header_section_bytes: int = 61440
    max_header_fields: int = 100
    max_chunk_line_bytes: int = 4096
    max_trailer_bytes: int = 8192
    header_deadline_s: float = 10.0
    idle_timeout_s: float = 3600.0
    stream_idle_timeout_s: float = 300.0
    max_leading_empty_lines: int = 8
    max_1xx_responses: int = 20
