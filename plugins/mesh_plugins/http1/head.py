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
    """A request's head, checked and without the fields that belong to its connection; shared by equal ones: nobody changes it.

    `target` is in origin form or `*`; an absolute-form target has been taken apart, its authority standing in `host`
    instead of what the client wrote there, its scheme in `scheme`. `body_size` is a number of bytes or `CHUNKED`.
    `keep_alive`: the client will send more on this connection. `expects_continue`: the client waits for a `100` before
    its body; `expect: 100-continue` itself has been taken off the headers. `upgrade` is the `upgrade` field if
    `connection` named it, else empty.
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
    """A reply's head, checked and without the fields that belong to its connection; shared by equal ones: nobody changes it.

    `body_size` is a number of bytes, `CHUNKED` or `UNTIL_CLOSE`; it is 0 for replies that cannot have a body, whose
    `content-length`, if any, is `declared_size`. `keep_alive`: the connection may be used again after this reply.
    `upgrade` is the `upgrade` field of a 101 if `connection` named it, else empty.
    """

    status: int
    reason: bytes
    version: tuple[int, int]
    headers: Fields
    body_size: int
    declared_size: int | None
    keep_alive: bool
    upgrade: bytes = b""


class ServerEngine(Protocol):
    """One connection with a client: its bytes in, requests out; replies in, bytes out.

    The order of calls is: `feed` and `read_head` until a head comes; `feed` and `read_body` until `b""`, or until
    `body_size` bytes have come; `next_message` after the reply was written too. Whatever breaks RFC 9112 or a limit raises
    `RemoteProtocolError`, with the status to answer; after that the engine is only good for writing that answer: to read
    again raises again. What is fed while a read would still return something is kept without a limit.
    """

    def feed(self, data: bytes) -> None:
        """Take bytes from the client; `b""` says that no more will come."""

    def read_head(self) -> RequestHead | None:
        """Return the next request's head, or None if its bytes have not all come.

        None for ever if the connection has ended between requests, or after a request that was the last on it.
        """

    def read_body(self) -> bytes | None:
        """Return all that has come of the body, `b""` at its end (and ever after), or None if more bytes are needed."""

    def trailers(self) -> Fields:
        """Return the trailers that may be passed on, once `read_body` has returned `b""`."""

    def is_idle(self) -> bool:
        """Return whether no byte of a next request has come."""

    def has_bytes(self) -> bool:
        """Return whether bytes are waiting that have not been read as a head or a body."""

    def next_message(self) -> None:
        """Make ready for the next request on this connection.

        Raises `LocalProtocolError` if this one was not read, or its reply not written, to the end.
        """

    def write_head(
        self, status: int, reason: bytes, headers: Fields, size: int | None, *, keep_alive: bool, body: bool = True
    ) -> bytes:
        """Return the head of the reply to the request read last, interim (1xx) replies included.

        `size` becomes `content-length`; None means a body of unknown length: chunked for HTTP/1.1 clients, ended by
        closing for HTTP/1.0. `body` is false for replies that have none by their nature (to HEAD, 204, 304); there
        `size`, if any, is what the body would have had. An interim reply to an HTTP/1.0 client is `b""`: it gets none.
        Raises `LocalProtocolError` for a name or value that must not be sent; fields of the connection and of the
        framing are among them.
        """

    def write_switch(self, status: int, reason: bytes, headers: Fields, upgrade: bytes) -> bytes:
        """Return the head of the reply after which this connection is no longer HTTP; the engine is done then.

        `upgrade` is the `upgrade` field of a 101. Raises as `write_head` does.
        """

    def take_rest(self) -> bytes:
        """Return what has come after the message read last, for whoever makes something else of the connection."""

    def write_data(self, data: bytes) -> bytes:
        """Return `data` framed as the head announced."""

    def write_end(self, trailers: Fields) -> bytes:
        """Return what ends the body; trailers are dropped where the framing has no place for them.

        Raises `LocalProtocolError` if the body is shorter than announced. Not needed after a body of announced size.
        """


class ClientEngine(Protocol):
    """One connection to an endpoint: requests in, bytes out; its bytes in, replies out. Calls as in `ServerEngine`."""

    def write_head(self, method: bytes, target: bytes, headers: Fields, size: int | None) -> bytes:
        """Return the head of a request; `size` is None for a chunked body, 0 for none.

        Raises `LocalProtocolError` as `ServerEngine.write_head` does, and `RemoteProtocolError` if the endpoint has spoken
        already. A request without `host` gets an empty one.
        """

    def write_upgrade(self, method: bytes, target: bytes, headers: Fields, upgrade: bytes) -> bytes:
        """Return the head of a request without a body that asks to switch to one of the protocols of `upgrade`.

        `read_head` may then return a 101 that chooses among them, after which there is no more than `take_rest`. Raises as
        `write_head` does.
        """

    def take_rest(self) -> bytes:
        """Return what has come after the head read last, for whoever makes something else of the connection."""

    def write_data(self, data: bytes) -> bytes:
        """Return `data` framed as the head announced."""

    def write_end(self, trailers: Fields) -> bytes:
        """Return what ends the body."""

    def feed(self, data: bytes) -> None:
        """Take bytes from the endpoint; `b""` says that no more will come."""

    def read_head(self) -> ReplyHead | None:
        """Return the next head, interim or final, or None if its bytes have not all come.

        None for ever if the connection has ended before the first byte of a reply; inside a head that raises. So does a
        101 that nobody asked for, and one more interim reply than the limit.
        """

    def read_body(self) -> bytes | None:
        """Return all that has come of the body, `b""` at its end (and ever after), or None if more bytes are needed."""

    def trailers(self) -> Fields:
        """Return the trailers that may be passed on."""

    def has_bytes(self) -> bool:
        """Return whether the endpoint sent more than the reply: such a connection is never used again."""

    def next_message(self) -> None:
        """Make ready for the next request on this connection.

        Raises `LocalProtocolError` if this one was not read, or its reply not written, to the end.
        """
