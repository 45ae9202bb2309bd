"""HTTP as a vocabulary: the request and the reply that HTTP/1.1, HTTP/2, gRPC and the admin server share.

Header names are lower case. Fields that belong to one connection (`connection`, `transfer-encoding`, …) and
`content-length` never appear in `headers`: a codec takes them off on the way in and writes its own on the way out, from
`body.size`. Source: RFC 9110 sections 6 and 7.6.1.
"""

from collections.abc import Callable
from functools import partial
from http import HTTPStatus

from mesh.message import EMPTY, Body, Buffered, Context, Fields, Reply, Request

REASONS: dict[int, bytes] = {status.value: status.phrase.encode() for status in HTTPStatus}


class HttpRequest(Request):
    """An HTTP request; `target` is in origin form (`/path?query`), or `*`; `version` is (1, 1), (1, 0) or (2, 0).

    `expects_continue`: the client waits for an interim `100` before it sends the body. `upgrade`: the protocols that the
    client asks to switch to, of those that are allowed, as in an `upgrade` field; mostly empty.
    """

    __slots__ = ("expects_continue", "headers", "method", "on_interim", "scheme", "target", "upgrade", "version")

    def __init__(
        self,
        method: bytes,
        target: bytes,
        headers: Fields,
        body: Body = EMPTY,
        context: Context | None = None,
        version: tuple[int, int] = (1, 1),
    ) -> None:
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body
        self.context = Context() if context is None else context
        self.version = version
        self.scheme = b"http"
        self.expects_continue = False
        self.upgrade = b""
        self.on_interim: InterimSink | None = None

    def again(self) -> "HttpRequest":
        return self.keep()()

    def keep(self) -> Callable[[], "HttpRequest"]:
        return partial(
            _restored,
            self.method,
            self.target,
            self.headers.copy(),
            self.body,
            self.context,
            self.version,
            self.scheme,
            self.expects_continue,
            self.upgrade,
            self.on_interim,
        )


def _restored(
    method: bytes,
    target: bytes,
    headers: Fields,
    body: Body,
    context: Context,
    version: tuple[int, int],
    scheme: bytes,
    expects_continue: bool,
    upgrade: bytes,
    on_interim: "InterimSink | None",
) -> HttpRequest:
    made = HttpRequest(method, target, headers.copy(), body, context, version)
    made.scheme = scheme
    made.expects_continue = expects_continue
    made.upgrade = upgrade
    made.on_interim = on_interim
    return made


class InterimSink:
    """Where interim replies (1xx) of an upstream go: the codec that holds the client's connection."""

    __slots__ = ()

    async def send_interim(self, status: int, headers: Fields) -> None:
        """Send one interim reply to the client; a client that cannot take one (HTTP/1.0) gets none."""
        raise NotImplementedError


class HttpReply(Reply):
    """An HTTP reply; `declared_size` is the `content-length` of a reply that has no body (to HEAD, or 304)."""

    __slots__ = ("declared_size", "headers", "reason", "status", "version")

    def __init__(
        self,
        status: int,
        headers: Fields | None = None,
        body: Body | bytes = EMPTY,
        reason: bytes | None = None,
        version: tuple[int, int] = (1, 1),
    ) -> None:
        # What `Reply.__init__` does: to call it would take 0.3 µs.
        self._body = whole = Buffered(body) if isinstance(body, bytes) else body
        self.whole = whole.buffered is not None
        self.closed = False
        self.outcome: bool | None = None
        self._callbacks: list[Callable[[], None]] | None = None
        self.status = status
        self.headers: Fields = [] if headers is None else headers
        self.reason = REASONS.get(status, b"") if reason is None else reason
        self.version = version
        self.declared_size: int | None = None


def field(headers: Fields, name: bytes) -> bytes | None:
    """Return the value of the first field called `name` (lower case), or None."""
    for key, value in headers:
        if key == name:
            return value
    return None


def without(headers: Fields, *names: bytes) -> Fields:
    """Return the fields whose lower-case name is none of `names`."""
    return [item for item in headers if item[0] not in names]
