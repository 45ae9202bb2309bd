"""What the access log keeps of a call and its reply."""

from collections.abc import Callable
from typing import ClassVar

import trio

from mesh_plugins.access_log.exchange import Clock, Exchange
from mesh_plugins.thrift.message import ThriftReply, ThriftRequest
from mesh_plugins.thrift.metadata import FRAMED, UNFRAMED, metadata
from mesh_plugins.thrift.wire import ONEWAY

METHODS = {ONEWAY: b"ONEWAY"}


class ThriftExchange(Exchange):
    """One call and its reply. Its `method` is `CALL` or `ONEWAY`, its `target` the method that is called.

    `status` is the kind of the reply: 2 for a result, 3 for a `TApplicationException`, 0 for none, as of a one-way call.
    """

    __slots__ = ("_reply", "_request")
    protocol = "Thrift"
    transport: ClassVar[bytes] = FRAMED

    def __init__(
        self, request: ThriftRequest, on_end: Callable[[Exchange], None], clock: Clock = trio.current_time
    ) -> None:
        self._request = request
        self._reply: ThriftReply | None = None
        self._on_end = on_end
        self._clock = clock
        self.context = request.context
        self._started = request.context.received_at
        self.method = METHODS.get(request.head.kind, b"CALL")
        self.target = request.head.name
        self.version = (0, 0)
        self.scheme = b"thrift"
        self.headers = []
        self.received = request.body.size or 0
        self.status = 0
        self._reply_body = self._request_body = None

    def begin_reply(self, request: ThriftRequest, reply: ThriftReply) -> None:  # type: ignore[override]  # Thrift only
        """Take the reply; the end comes when it is closed."""
        self.to_head = self._clock() - self._started
        self.reply_headers = []
        self.declared = self.sent = reply.body.size or 0
        if self.sent:
            self._reply = reply
            self.status = reply.head.kind
        reply.on_close(self.end)

    def metadata(self, key: str) -> bytes | None:
        return metadata(key, self._request, self._reply, self.transport)


class UnframedExchange(ThriftExchange):
    """The same over a connection without frames."""

    __slots__ = ()
    transport = UNFRAMED
