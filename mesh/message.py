"""What travels through a stack: requests, replies, their bodies, and the context of one request.

A reply is a resource: whoever receives one closes it, and what must last until its last byte (a balancer's lease, a
pooled connection) hangs on it with `on_close`.
"""

import copy
import logging
from collections.abc import Callable
from typing import Any, Self

from mesh.certificate import Certificate, read_certificate
from mesh.expiry import Expiry
from mesh.trace import TraceId

logger = logging.getLogger(__name__)

Fields = list[tuple[bytes, bytes]]
"""Header or trailer fields in order: lower-case name, value without surrounding white space."""


class Body:
    """Bytes that are pulled by whoever writes them out.

    `size` is the number of bytes in all, or None if only the end will tell. `buffered` is the whole content if it is in
    memory and can be read any number of times, else None. `trailers` are valid once `receive` has returned `b""`.
    """

    __slots__ = ()

    @property
    def size(self) -> int | None:
        return None

    @property
    def buffered(self) -> bytes | None:
        return None

    @property
    def in_memory(self) -> bool:
        """Whether `buffered` is not None; a body that always is says so by an attribute of its class."""
        return self.buffered is not None

    @property
    def trailers(self) -> Fields:
        return []

    @property
    def broke(self) -> bool:
        """Whether it broke off, through the fault of whoever sends it, and will never be whole."""
        return False

    def watch(self, cut: Callable[[], object]) -> None:
        """Have `cut` called once it breaks off while nobody receives, if that is noticed at all; by default it is not.

        For whoever waits for something else meanwhile, as a writer does for a slow reader; `receive` then says what it was.
        """

    async def receive(self) -> bytes:
        """Return the next piece, never empty, or `b""` at the end and ever after.

        Raises the error that ended the stream early; cancelling loses no byte that was not yet returned.
        """
        raise NotImplementedError


class Buffered(Body):
    """A body that is in memory as a whole; it can be received once through `receive`, and read again as `buffered`."""

    __slots__ = ("_left", "buffered", "size")

    in_memory = True
    buffered: bytes  # no properties, as in other bodies: each look at one would take 0.12 µs more
    size: int

    def __init__(self, content: bytes = b"") -> None:
        self.buffered = content
        self.size = len(content)
        self._left = content

    async def receive(self) -> bytes:
        piece, self._left = self._left, b""
        return piece


class WrappedBody(Body):
    """A body that stands around another one, for subclasses that look at what passes, or change it: `_body` is the other.

    How the other ends is how this one does. A subclass that leaves the bytes as they are should say so, by its `size` and
    `buffered`; unless it does, nothing is known of either.
    """

    __slots__ = ("_body",)

    def __init__(self, body: Body) -> None:
        self._body = body

    @property
    def trailers(self) -> Fields:
        return self._body.trailers

    @property
    def broke(self) -> bool:
        return self._body.broke

    def watch(self, cut: Callable[[], object]) -> None:
        self._body.watch(cut)

    async def receive(self) -> bytes:
        return await self._body.receive()


EMPTY = Buffered()
"""The body of a message that has none."""


class TlsPeer:
    """What TLS tells of the other side of a connection; made once per connection, and read when somebody asks.

    `certificate` is the one that the peer showed, in DER: empty if it showed none. `server_name` is the name that the
    client asked for, `protocol` the version (`TLSv1.3`). `subject` and `sans` are as in `Certificate`; `sans` carry their kind
    (`URI:spiffe://mesh/web`). Of a client, they were verified; of a server, if that was asked for.
    """

    __slots__ = ("_facts", "certificate", "protocol", "server_name")

    def __init__(self, certificate: bytes = b"", server_name: str = "", protocol: str = "") -> None:
        self.certificate = certificate
        self.server_name = server_name
        self.protocol = protocol
        self._facts: Certificate | None = None

    @property
    def facts(self) -> Certificate:
        """All that the certificate says; nothing, and no time, if there is none or it cannot be read."""
        if self._facts is None:
            self._facts = NO_CERTIFICATE
            if self.certificate:
                try:
                    self._facts = read_certificate(self.certificate)
                except ValueError as error:
                    logger.warning("the certificate of a peer cannot be read: %s", error)
        return self._facts

    @property
    def subject(self) -> str:
        return self.facts.subject

    @property
    def sans(self) -> tuple[str, ...]:
        return self.facts.sans


NO_CERTIFICATE = Certificate("", (), 0.0, 0.0)


class Context:
    """What the mesh knows about one request, the same for every protocol; filters read it, few write it.

    `path` is the logical name, `local_dtab` the override the request brought (a `Dtab`, or None), `bound` the bound name
    chosen for this attempt, `tried` the addresses that earlier attempts went to, `flags` why it failed, in Envoy's
    letters and a word. `tls` is what TLS tells of the client, None on a plain connection. `expiry` is when the request has
    taken too long; None while nothing bounds it.
    `connection` is the one that the request came on, if it came on one. `trace` is the id of the span that this hop is,
    `span` that of the attempt in progress, as it was sent on; both None where no trace is kept. `told`: an attempt has told
    the next hop until when it is waited for.
    """

    __slots__ = (
        "attempt",
        "bound",
        "classifier",
        "connection",
        "endpoint",
        "expiry",
        "flags",
        "local_dtab",
        "path",
        "peer",
        "received_at",
        "replies",
        "span",
        "tls",
        "told",
        "trace",
        "tried",
    )

    def __init__(self, received_at: float = 0.0, peer: str = "", connection: Any = None) -> None:
        self.path: Any = None
        self.local_dtab: Any = None
        self.bound: Any = None
        self.endpoint: Any = None
        self.expiry: Expiry | None = None
        self.classifier: Any = None
        self.attempt = 0
        self.tried: tuple[Any, ...] = ()
        self.peer = peer
        self.received_at = received_at
        self.flags = ""
        self.tls: TlsPeer | None = None
        self.connection = connection
        self.trace: TraceId | None = None
        self.span: TraceId | None = None
        self.told = False
        self.replies: Reply | list[Reply] | None = None

    def made(self, reply: "Reply") -> None:
        """Note a reply that came from outside, so that the exchange can close it if nobody else does."""
        known = self.replies
        if known is None or (not isinstance(known, list) and known.closed):
            self.replies = reply
        elif isinstance(known, list):
            known.append(reply)
        else:
            self.replies = [known, reply]


class Request:
    """One call, whatever its protocol: a context and a body; a protocol adds what it needs."""

    __slots__ = ("body", "context")

    def __init__(self, body: Body = EMPTY, context: Context | None = None) -> None:
        self.body = body
        self.context = Context() if context is None else context

    def again(self) -> Self:
        """Return this request for one more attempt: the same context, but what is changed of it shows in it alone."""
        return copy.copy(self)

    def keep(self) -> Callable[[], Self]:
        """Return what makes this request again as it is now, whatever is changed of it meanwhile.

        That must be cheap: most requests never need another attempt.
        """
        return self.again().again


class Reply:
    """The answer to one call: a body and an end.

    `outcome` is None until it is known: then True for success, False for failure. `closed` tells whether it was closed.
    `whole`: the body is in memory, so that nothing below is waited for any more.
    """

    __slots__ = ("_body", "_callbacks", "closed", "outcome", "whole")

    def __init__(self, body: Body = EMPTY) -> None:
        self._body = body
        self.closed = False
        self.whole = body.in_memory
        self.outcome: bool | None = None
        self._callbacks: list[Callable[[], None]] | None = None

    @property
    def body(self) -> Body:
        """The body; a filter may put another one in its place."""
        return self._body

    @body.setter
    def body(self, body: Body) -> None:
        self._body = body
        self.whole = body.in_memory

    def on_close(self, callback: Callable[[], None]) -> None:
        """Call `callback` once when the reply is closed; at once if it is closed already.

        Callbacks run in reverse order of registration, never await, and should not raise: one that does is logged and
        the others still run.
        """
        if self.closed:
            _call(callback)
        elif self._callbacks is None:
            self._callbacks = [callback]
        else:
            self._callbacks.append(callback)

    async def aclose(self) -> None:
        """Let go of everything the reply holds; idempotent, never blocks, and a body not read to its end is abandoned."""
        self.close()

    def close(self) -> None:
        """Do as `aclose`, for those who close a reply for each request: without a coroutine."""
        if self.closed:
            return
        self.closed = True
        callbacks, self._callbacks = self._callbacks, None
        if callbacks is not None:
            for callback in reversed(callbacks):
                _call(callback)


def _call(callback: Callable[[], None]) -> None:
    try:
        callback()
    except Exception:
        logger.exception("a callback of a closed reply raised")
