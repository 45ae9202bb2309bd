"""What the access log keeps of a call of ThriftMux and its answer."""

from collections.abc import Callable

import trio

from mesh_plugins.access_log.exchange import Clock, Exchange
from mesh_plugins.mux.exchange import MuxExchange
from mesh_plugins.mux.message import MuxReply, MuxRequest
from mesh_plugins.mux.wire import OK
from mesh_plugins.thrift.message import ThriftReply, read_reply, read_request
from mesh_plugins.thrift.metadata import metadata
from mesh_plugins.thrift.wire import EXCEPTION, ONEWAY, Incomplete, Malformed
from mesh_plugins.thriftmux.methods import head_of


class ThriftMuxExchange(MuxExchange):
    """One call and its answer. Its `method` is `CALL` or `ONEWAY`, its `target` the method that is called.

    `status` is as in Mux, and 3 for a `TApplicationException`. A payload that is no Thrift has the method and target of Mux.
    """

    __slots__ = ("_answer", "_call")
    protocol = "ThriftMux"

    def __init__(
        self, request: MuxRequest, on_end: Callable[[Exchange], None], clock: Clock = trio.current_time
    ) -> None:
        super().__init__(request, on_end, clock)
        self.scheme = b"thriftmux"
        self._call = payload = request.body.buffered or b""
        self._answer: MuxReply | None = None
        try:
            head = head_of(payload)
        except Malformed:
            return
        self.method = b"ONEWAY" if head.kind == ONEWAY else b"CALL"
        self.target = head.name

    def begin_reply(self, request: MuxRequest, reply: MuxReply) -> None:  # type: ignore[override]  # Mux only
        super().begin_reply(request, reply)
        self._answer = reply
        payload = reply.body.buffered
        if reply.status == OK and payload:
            try:
                if head_of(payload).kind == EXCEPTION:
                    self.status = EXCEPTION
            except Malformed:
                return

    def metadata(self, key: str) -> bytes | None:
        try:
            call = read_request(self._call)
            reply = self._reply() if key.startswith("response:") else None
        except (Incomplete, Malformed):
            return None
        return metadata(key, call, reply, None)

    def _reply(self) -> ThriftReply | None:
        """Return the reply in the answer, if there is one. Raises `Incomplete` and `Malformed`."""
        answer = self._answer
        payload = b"" if answer is None or answer.status != OK else answer.body.buffered
        return read_reply(payload) if payload else None
