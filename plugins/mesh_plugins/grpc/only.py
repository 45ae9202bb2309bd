"""Refuses what is no call of gRPC, on a router that is for calls alone."""

from collections.abc import Awaitable

from mesh import AnyService, HttpReply, HttpRequest, RemoteProtocolError, filtered
from mesh_plugins.grpc.content import is_grpc


class GrpcOnly:
    """Lets calls of gRPC pass. Raises `RemoteProtocolError` with the status 415 for anything else.

    Source: grpc/grpc, doc/PROTOCOL-HTTP2.md, `Content-Type`.
    """

    def __call__(self, request: HttpRequest, service: AnyService, /) -> Awaitable[HttpReply]:
        if request.method == b"POST" and is_grpc(request.headers):
            return service(request)
        raise RemoteProtocolError("this router is for calls of gRPC: POST, content-type application/grpc", status=415)


GRPC_ONLY = filtered(
    "grpc_only",
    GrpcOnly(),
    above=("router",),
    below=("errors", "grpc_endings"),
    why="what is no call is not routed, and the refusal becomes a reply",
    section="server",
)
