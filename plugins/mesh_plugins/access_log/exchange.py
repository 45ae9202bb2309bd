"""What the access log keeps of a request and its reply: no bodies, and nothing that is worked out before it is written."""

import time
from collections.abc import Callable
from typing import ClassVar

import trio

from mesh import EMPTY, Body, Fields, HttpReply, HttpRequest, MeshError
from mesh_plugins.access_log.counted import Counted
from mesh_plugins.http.gathered import Trailed

GONE = "DC"  # Envoy's flag for a client that went away
GONE_STATUS = 499  # what nginx, and `errors`, call a request whose client went away
BODILESS = (204, 304)
NO_TRAILERS: Fields = []

Clock = Callable[[], float]


class Exchange:
    """One request and its reply, of HTTP; another protocol extends it with what it has in the place of methods and statuses.

    Filled while they pass; then handed on, and only read. What it does not have itself, `context` tells.

       `status` is 0 if there was no reply. `ended` is seconds since 1970; `to_head` and `seconds` run from the arrival to
       the reply's head and to its last byte. `received` and `sent` count the bytes of bodies; `flags` is Envoy's
       response flags and a word, or empty. `target` and `headers` are as the client sent them, but for fields that
       filters appended.
    """

    __slots__ = (
        "_clock",
        "_on_end",
        "_reply_body",
        "_request_body",
        "_started",
        "context",
        "declared",
        "ended",
        "flags",
        "headers",
        "method",
        "received",
        "reply_headers",
        "reply_trailers",
        "scheme",
        "seconds",
        "sent",
        "status",
        "target",
        "to_head",
        "version",
    )

    protocol: ClassVar[str] = ""
    """What the log calls the protocol; empty for HTTP, which has a version."""
    declared: int | None
    reply_headers: Fields

    def __init__(
        self, request: HttpRequest, on_end: "Callable[[Exchange], None]", clock: Clock = trio.current_time
    ) -> None:
        """Take a request that just arrived; its body is counted from here on. `on_end` is called once, at the end."""
        self._on_end: Callable[[Exchange], None] | None = on_end
        self._clock = clock
        self.context = context = request.context
        self._started = context.received_at
        self.method = request.method
        self.target = request.target
        self.version = request.version
        self.scheme = request.scheme
        self.headers = request.headers
        self.received = self.status = 0  # everything else is known at the end
        self._reply_body: Counted | None = None
        self._request_body: Counted | None = None
        body = request.body
        if body is not EMPTY:
            if body.buffered is not None:
                self.received = len(body.buffered)
            else:
                request.body = self._request_body = Counted(body)

    def begin_reply(self, request: HttpRequest, reply: HttpReply) -> None:
        """Take the reply, whose body is counted from here on; the end comes when it is closed."""
        self.to_head = self._clock() - self._started
        self.status = status = reply.status
        self.reply_headers = reply.headers
        self.reply_trailers: Fields = NO_TRAILERS
        self.sent = 0
        body: Body = reply.body
        self.declared = size = body.size
        if body is EMPTY:
            if reply.declared_size is not None:
                self.declared = reply.declared_size
        elif request.method != b"HEAD" and status not in BODILESS:
            if reply.whole:
                self.sent = size or 0
                if type(body) is Trailed:
                    self.reply_trailers = body.trailers
            else:
                reply.body = self._reply_body = Counted(body)
        reply.on_close(self.end)

    def end(self) -> None:
        """Note how it ended, and hand it on."""
        on_end, self._on_end = self._on_end, None
        if on_end is None:
            return
        self.seconds = self._clock() - self._started
        self.ended = time.time()
        self.flags = self.context.flags
        if not self.status:
            self._end_without_reply()
        if self._reply_body is not None:
            self._end_body(self._reply_body)
        if self._request_body is not None:
            self.received = self._request_body.count
            self._request_body = None
        on_end(self)

    def metadata(self, _key: str) -> bytes | None:
        """Return what Envoy's `thrift_proxy` notes of a call under a key; None if nothing, as of any request of HTTP."""
        return None

    @property
    def arrived(self) -> float:
        """When the request came, in seconds since 1970."""
        return self.ended - self.seconds

    def _end_without_reply(self) -> None:
        self.to_head = self.seconds
        self.reply_headers = []
        self.reply_trailers = NO_TRAILERS
        self.declared = None
        self.sent = 0
        if self.flags.startswith(GONE):
            self.status = GONE_STATUS

    def _end_body(self, body: Counted) -> None:
        self.sent = body.count
        self.reply_trailers = body.trailers
        if not body.is_done and not self.flags:
            self.flags = _why(body.error)
        self._reply_body = None


def _why(error: MeshError | None) -> str:
    """Return the flags of a body that did not come to its end: its error's, or that nobody read on."""
    return f"{GONE} client_gone" if error is None else f"{error.flag} {error.detail}"
