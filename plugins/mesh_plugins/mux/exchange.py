"""What the access log keeps of a call of Mux and its answer."""

from collections.abc import Callable

import trio

from mesh_plugins.access_log.exchange import Clock, Exchange
from mesh_plugins.mux.message import MuxReply, MuxRequest
from mesh_plugins.mux.wire import ERROR


class MuxExchange(Exchange):
    """One call and its answer. Its `method` is `TDISPATCH` or `TREQ`, its `target` the destination.

    `status` is that of the answer: 0 if it was answered, 1 for a failure, 2 for a refusal.
    """

    __slots__ = ("_is_answered",)
    protocol = "Mux"

    def __init__(
        self, request: MuxRequest, on_end: Callable[[Exchange], None], clock: Clock = trio.current_time
    ) -> None:
        self._on_end = on_end
        self._clock = clock
        self.context = request.context
        self._started = request.context.received_at
        self.method = b"TREQ" if request.is_plain else b"TDISPATCH"
        self.target = request.destination.show().encode()
        self.version = (0, 0)
        self.scheme = b"mux"
        self.headers = []
        self.received = request.body.size or 0
        self.status = 0
        self._reply_body = self._request_body = None
        self._is_answered = False

    def begin_reply(self, request: MuxRequest, reply: MuxReply) -> None:  # type: ignore[override]  # Mux only
        """Take the answer; the end comes when it is closed."""
        self.to_head = self._clock() - self._started
        self._is_answered = True
        self.reply_headers, self.reply_trailers = [], []
        self.declared = self.sent = reply.body.size or 0
        self.status = reply.status
        reply.on_close(self.end)

    def _end_without_reply(self) -> None:
        """The status 0 is one like any other here, if there was an answer."""
        if not self._is_answered:
            super()._end_without_reply()
            self.status = self.status or ERROR
