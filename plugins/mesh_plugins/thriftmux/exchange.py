"""What the access log keeps of a call of ThriftMux and its answer."""

from collections.abc import Callable

import trio

from mesh_plugins.access_log.exchange import Clock, Exchange
from mesh_plugins.mux.exchange import MuxExchange
from mesh_plugins.mux.message import MuxReply, MuxRequest
from mesh_plugins.mux.wire import OK
from mesh_plugins.thrift.wire import EXCEPTION, ONEWAY, Malformed
from mesh_plugins.thriftmux.methods import head_of


class ThriftMuxExchange(MuxExchange):
    """One call and its answer. Its `method` is `CALL` or `ONEWAY`, its `target` the method that is called.

    `status` is as in Mux, and 3 for a `TApplicationException`. A payload that is no Thrift has the method and target of Mux.
    """

    __slots__ = ()
    protocol = "ThriftMux"

    def __init__(
        self, request: MuxRequest, on_end: Callable[[Exchange], None], clock: Clock = trio.current_time
    ) -> None:
        super().__init__(request, on_end, clock)
        self.scheme = b"thriftmux"
        try:
            head = head_of(request.body.buffered or b"")
        except Malformed:
            return
        self.method = b"ONEWAY" if head.kind == ONEWAY else b"CALL"
        self.target = head.name

    def begin_reply(self, request: MuxRequest, reply: MuxReply) -> None:  # type: ignore[override]  # Mux only
        super().begin_reply(request, reply)
        payload = reply.body.buffered
        if reply.status == OK and payload:
            try:
                if head_of(payload).kind == EXCEPTION:
                    self.status = EXCEPTION
            except Malformed:
                return
