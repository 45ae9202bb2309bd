"""What Envoy's `thrift_proxy` notes of a call, in its words, for the access log.

Source: envoyproxy.io, Access logging, `DYNAMIC_METADATA`, Thrift.
"""

from mesh_plugins.thrift.exceptions import result_field
from mesh_plugins.thrift.message import BINARY, COMPACT, OLD_BINARY, ThriftReply, ThriftRequest
from mesh_plugins.thrift.wire import CALL, EXCEPTION, ONEWAY, REPLY, Incomplete, Malformed

FRAMED, UNFRAMED = b"framed", b"unframed"
TWITTER = b"twitter"
"""The protocol of a client that has agreed to TTwitter's headers."""
PROTOCOLS = {BINARY.name: b"binary", OLD_BINARY.name: b"binary/non-strict", COMPACT.name: b"compact"}
MESSAGES = {CALL: b"call", REPLY: b"reply", EXCEPTION: b"exception", ONEWAY: b"oneway"}


def metadata(key: str, request: ThriftRequest, reply: ThriftReply | None, transport: bytes | None) -> bytes | None:
    """Return what is noted of a call under a key; None if nothing.

    `reply` is None if there is none, and told as the client gets it: over `transport`, as the call came. An exception that the
    method declares is the reply type `error`; to find out takes 1 µs.
    """
    side, _colon, what = key.partition(":")
    if side == "method":
        return request.head.name
    is_request = side == "request"
    if not is_request and reply is None:
        return None
    match what:
        case "transport_type":
            return transport
        case "protocol_type":
            return _protocol(request)
        case "message_type":
            return MESSAGES.get(request.head.kind if is_request or reply is None else reply.head.kind)
        case _:
            return None if reply is None else _reply_type(reply)


def _protocol(request: ThriftRequest) -> bytes | None:
    return TWITTER if request.header is not None else PROTOCOLS.get(request.encoding.name)


def _reply_type(reply: ThriftReply) -> bytes | None:
    if reply.is_exception:
        return None
    try:
        return b"error" if result_field(reply) else b"success"
    except (Incomplete, Malformed):
        return None
