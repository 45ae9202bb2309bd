"""Sees to it that every call of gRPC ends with a status, whatever became of its reply.

A reply that is none of gRPC becomes one, with the status that its HTTP status stands for. A stream that breaks off, or
runs out of time, ends with trailers that say so, and so does one that the endpoint ended without a status.
"""

from collections.abc import Awaitable

from mesh import (
    AnyService,
    Body,
    Context,
    Fields,
    HttpReply,
    HttpRequest,
    Make,
    MeshError,
    Module,
    Params,
    UpstreamProtocolError,
    WrappedBody,
    bind,
    field,
)
from mesh_plugins.grpc.content import CARRIES_GRPC, is_grpc, trailers_only
from mesh_plugins.grpc.mapping import of_error, of_http
from mesh_plugins.grpc.status import Code, read_status, status_fields
from mesh_plugins.http.clear_context import clears_context
from mesh_plugins.http.gathered import Trailed

NO_STATUS = "the endpoint ended its reply without a status"
KEPT = (b"l5d-", b"via")  # how the names of fields begin that say where a reply came from


class Endings:
    """Mends the ends of calls. `hides`: clients are strangers, who learn the status but no names and addresses."""

    __slots__ = ("_hides",)

    def __init__(self, *, hides: bool = False) -> None:
        self._hides = hides

    def __call__(self, request: HttpRequest, service: AnyService, /) -> Awaitable[HttpReply]:
        if request.method != b"POST" or not is_grpc(request.headers):
            return service(request)
        return self._call(request, service)

    async def _call(self, request: HttpRequest, service: AnyService) -> HttpReply:
        reply: HttpReply = await service(request)
        headers, is_call = reply.headers, reply.status == 200 and is_grpc(reply.headers)
        if is_call and reply.whole and read_status(reply.body.trailers) is not None:
            return reply  # as most are: what its headers say of a status would change nothing
        if read_status(headers) is not None:
            return reply
        if not is_call:
            return await _translated(reply, field(headers, b"content-type"))
        if not reply.whole:
            reply.body = Ending(reply.body, request.context, hides=self._hides)
        else:
            request.context.flags = f"{UpstreamProtocolError.flag} {UpstreamProtocolError.detail}"
            reply.body = Trailed(reply.body.buffered or b"", _without_status(reply.body.trailers))
        return reply


async def _translated(reply: HttpReply, content_type: bytes | None) -> HttpReply:
    """Close a reply that is none of gRPC, and return what it means."""
    await reply.aclose()
    shown = "no content-type" if content_type is None else f"content-type {content_type[:64].decode('latin-1')}"
    kept = [item for item in reply.headers if item[0].startswith(KEPT)]
    return trailers_only(of_http(reply.status), f"HTTP status {reply.status}, {shown}: no reply of gRPC", kept)


def _without_status(trailers: Fields) -> Fields:
    return [*trailers, *status_fields(Code.INTERNAL, NO_STATUS)]


class Ending(WrappedBody):
    """The body of a reply that still comes. State: its trailers, once it has ended in whatever way."""

    __slots__ = ("_context", "_hides", "_trailers")

    def __init__(self, body: Body, context: Context, *, hides: bool) -> None:
        super().__init__(body)
        self._context = context
        self._hides = hides
        self._trailers: Fields | None = None

    @property
    def trailers(self) -> Fields:
        return self._trailers or []

    async def receive(self) -> bytes:
        if self._trailers is not None:
            return b""
        try:
            piece = await self._body.receive()
        except MeshError as error:
            self._context.flags = f"{error.flag} {error.detail}"
            self._trailers = status_fields(of_error(error), "" if self._hides else str(error))
            return b""
        if not piece:
            trailers = self._body.trailers
            if read_status(trailers) is None:
                self._context.flags = f"{UpstreamProtocolError.flag} {UpstreamProtocolError.detail}"
                trailers = _without_status(trailers)
            self._trailers = trailers
        return piece


def _endings(params: Params, rest: Make) -> AnyService:
    if not params[CARRIES_GRPC]:
        return rest(params)
    return bind(Endings(hides=clears_context(params)), rest(params), "grpc_endings")


GRPC_ENDINGS = Module(
    "grpc_endings",
    _endings,
    above=("errors",),
    below=("server_stats", "clear_context"),
    why="statistics count calls as they end for the client",
    section="server",
)
