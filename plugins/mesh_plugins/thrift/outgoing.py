"""The header that goes out beside a call, to an endpoint that was upgraded: what came in, and what this hop knows better."""

import struct
import time
from collections.abc import Callable

import trio

from mesh_plugins.thrift.header import DEADLINE_CONTEXT, TRACE_CONTEXT, RequestHeader
from mesh_plugins.thrift.message import ThriftRequest

NANOSECONDS = 1e9
DEADLINE = struct.Struct(">qq")
"""When it was set, and the deadline: ns since 1970. Source: finagle-core, context/Deadline.scala."""
WallClock = Callable[[], int]


def outgoing_header(request: ThriftRequest, wall_clock: WallClock = time.time_ns) -> RequestHeader:
    """Return the header of one attempt: its own span, the deadline as it is now, and the residual as its destination.

    The rest is passed on: contexts, the client's id, the dtab.
    """
    context, came = request.context, request.header or RequestHeader()
    header = RequestHeader(None, came.client_id, came.contexts, b"", came.delegations)
    header.trace = context.span or context.trace or came.trace
    if header.trace is not None:
        header.set_context(TRACE_CONTEXT, header.trace.packed)
    if context.bound is not None and context.bound.residual:
        header.dest = context.bound.residual.show().encode()
    expiry = context.expiry
    if expiry is not None and (expiry.beyond is not expiry or header.context(DEADLINE_CONTEXT) is None):
        now = wall_clock()
        at = now + int((expiry.at - trio.current_time()) * NANOSECONDS)
        header.set_context(DEADLINE_CONTEXT, DEADLINE.pack(now, at))
    return header
