"""Tells the endpoint where it stands: `l5d-dst-service`, `l5d-dst-client`, `l5d-dst-residual`.

Source: linkerd protocol/http, LinkerdHeaders.scala, `Dst`.
"""

from mesh import (
    BOUND,
    PATH,
    AnyService,
    Fields,
    HttpReply,
    HttpRequest,
    Make,
    Module,
    Params,
    bind,
)

SERVICE = b"l5d-dst-service"
CLIENT = b"l5d-dst-client"
RESIDUAL = b"l5d-dst-residual"


class DstService:
    """Writes the logical name; what the client sent under that name is not believed."""

    __slots__ = ("_field",)

    def __init__(self, path: str) -> None:
        self._field = (SERVICE, path.encode())

    async def __call__(self, request: HttpRequest, service: AnyService, /) -> HttpReply:
        headers = [item for item in request.headers if item[0] != SERVICE]
        headers.append(self._field)
        request.headers = headers
        reply: HttpReply = await service(request)
        return reply


class DstClient:
    """Writes the bound name and the residual; replaces what an earlier attempt wrote."""

    __slots__ = ("_field",)

    def __init__(self, bound: str) -> None:
        self._field = (CLIENT, bound.encode())

    async def __call__(self, request: HttpRequest, service: AnyService, /) -> HttpReply:
        headers: Fields = [item for item in request.headers if item[0] != CLIENT and item[0] != RESIDUAL]
        headers.append(self._field)
        residual = request.context.bound.residual
        if residual:
            headers.append((RESIDUAL, residual.show().encode()))
        request.headers = headers
        reply: HttpReply = await service(request)
        return reply


def _dst_service(params: Params, rest: Make) -> AnyService:
    """Wrap the rest of a path stack."""
    return bind(DstService(params[PATH].show()), rest(params), "dst_service")


def _dst_client(params: Params, rest: Make) -> AnyService:
    """Wrap the rest of a client stack."""
    bound = params[BOUND]
    return bind(DstClient("/" if bound is None else bound.id.show()), rest(params), "dst_client")


DST_SERVICE = Module("dst_service", _dst_service, below=("router",), why="writes the logical name", section="service")
DST_CLIENT = Module("dst_client", _dst_client, below=("binding",), why="writes the bound name", section="client")
