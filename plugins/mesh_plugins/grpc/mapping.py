"""What failures of HTTP, of HTTP/2 and of our own are called in gRPC.

Source: grpc/grpc, doc/http-grpc-status-mapping.md, and doc/PROTOCOL-HTTP2.md, "Errors"; for a stream that was closed,
linkerd finagle/h2, `GrpcStatus`.
"""

from mesh import (
    BadRequestContext,
    ClientGone,
    LocalProtocolError,
    MeshError,
    PluginError,
    RateLimited,
    RemoteProtocolError,
    StreamReset,
    TimedOut,
    Unidentified,
    UpstreamProtocolError,
)
from mesh_plugins.grpc.status import Code

_OF_HTTP = {
    400: Code.INTERNAL,
    401: Code.UNAUTHENTICATED,
    403: Code.PERMISSION_DENIED,
    404: Code.UNIMPLEMENTED,
    429: Code.UNAVAILABLE,
    502: Code.UNAVAILABLE,
    503: Code.UNAVAILABLE,
    504: Code.UNAVAILABLE,
}
_OF_RESET = {
    5: Code.UNKNOWN,  # STREAM_CLOSED
    7: Code.UNAVAILABLE,  # REFUSED_STREAM
    8: Code.CANCELLED,  # CANCEL
    11: Code.RESOURCE_EXHAUSTED,  # ENHANCE_YOUR_CALM
    12: Code.PERMISSION_DENIED,  # INADEQUATE_SECURITY
}
_OF_REFUSAL = {408: Code.DEADLINE_EXCEEDED, 413: Code.RESOURCE_EXHAUSTED, 431: Code.RESOURCE_EXHAUSTED}


def of_http(status: int) -> Code:
    """Return what a reply means that is no reply of gRPC, by its HTTP status."""
    return _OF_HTTP.get(status, Code.UNKNOWN)


def of_reset(code: int) -> Code:
    """Return what the reset of a stream means, by the error code of HTTP/2."""
    return _OF_RESET.get(code, Code.INTERNAL)


def of_error(error: MeshError) -> Code:
    """Return what a caller of gRPC is told of an error."""
    match error:
        case StreamReset():
            return of_reset(error.code)
        case RemoteProtocolError():
            return _OF_REFUSAL.get(error.status, Code.INTERNAL)
        case TimedOut():
            return Code.DEADLINE_EXCEEDED
        case RateLimited():
            return Code.RESOURCE_EXHAUSTED
        case Unidentified():
            return Code.UNIMPLEMENTED
        case BadRequestContext():
            return Code.INVALID_ARGUMENT
        case ClientGone():
            return Code.CANCELLED
        case UpstreamProtocolError() | LocalProtocolError() | PluginError():
            return Code.INTERNAL
        case _:
            return Code.UNAVAILABLE
