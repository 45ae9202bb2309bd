"""A call as its endpoint wants it; and the header beside it, for one that was upgraded."""

import time
from collections.abc import Callable

import trio

from mesh import RemoteProtocolError
from mesh_plugins.finagle.contexts import DEADLINE, TRACE, deadline_of
from mesh_plugins.thrift.conversion import check_end, converted, with_frame
from mesh_plugins.thrift.header import RequestHeader
from mesh_plugins.thrift.message import ThriftRequest
from mesh_plugins.thrift.peer import Peer
from mesh_plugins.thrift.ttwitter import write_request_header
from mesh_plugins.thrift.walking import Bounds
from mesh_plugins.thrift.wire import Malformed

WallClock = Callable[[], int]


async def outgoing_call(request: ThriftRequest, seqid: int, peer: Peer, bounds: Bounds, *, is_upgraded: bool) -> bytes:
    """Return the bytes of a call for an endpoint, with this sequence id.

    Raises `RemoteProtocolError` if the client's call cannot be written so.
    """
    try:
        if not peer.is_framed:
            await check_end(request, bounds)
        message = await converted(request, peer.encoding, seqid, bounds)
    except Malformed as error:
        raise RemoteProtocolError(f"the call cannot be passed on: {error}") from error
    if is_upgraded:
        message = write_request_header(peer.encoding, outgoing_header(request)) + message
    return with_frame(message, is_framed=peer.is_framed)


def outgoing_header(request: ThriftRequest, wall_clock: WallClock = time.time_ns) -> RequestHeader:
    """Return the header of one attempt: its own span, the deadline as it is now, and the residual as its destination.

    The rest is passed on: contexts, the client's id, the dtab.
    """
    context, came = request.context, request.header or RequestHeader()
    header = RequestHeader(None, came.client_id, came.contexts, b"", came.delegations)
    header.trace = context.span or context.trace or came.trace
    if header.trace is not None:
        header.set_context(TRACE, header.trace.packed)
    if context.bound is not None and context.bound.residual:
        header.dest = context.bound.residual.show().encode()
    expiry = context.expiry
    if expiry is not None and (expiry.beyond is not expiry or header.context(DEADLINE) is None):
        header.set_context(DEADLINE, deadline_of(expiry, trio.current_time(), wall_clock()))
    return header
