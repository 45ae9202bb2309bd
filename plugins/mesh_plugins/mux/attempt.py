"""One attempt at a call, as the frame that goes to an endpoint. No I/O."""

from mesh import LocalProtocolError
from mesh_plugins.finagle.contexts import DEADLINE_BEGUN, TRACE_BEGUN, deadline_of, write_retries
from mesh_plugins.mux.calls import encode_dispatch, encode_request
from mesh_plugins.mux.message import MuxRequest


def encode_attempt(request: MuxRequest, tag: int, now: float, *, is_plain: bool) -> bytes:
    """Return the frame of an attempt, as a `Treq` if it is to be plain; `now` is of trio's clock.

    The trace and the number of the attempt are the context's, as is the deadline: the one that the request brought, as it came,
    or what a timeout has made of it. Raises `LocalProtocolError` for a payload that is not in memory.
    """
    context = request.context
    payload = request.body.buffered
    if payload is None:
        raise LocalProtocolError("a call of Mux needs its payload in memory")
    span = context.span
    if is_plain:
        return encode_request(tag, span, payload)
    written = []
    if span is not None:
        packed = span.packed
        written.append(TRACE_BEGUN[len(packed)] + packed)
    expiry = context.expiry
    if expiry is not None:
        own = request.deadline if expiry.beyond is expiry else None
        written.append(DEADLINE_BEGUN + (own or deadline_of(expiry, now)))
    written.append(write_retries(context.attempt))
    return encode_dispatch(tag, written, request.contexts, request.destination, request.dtab, payload)
