"""Tells the endpoint where it stands: `l5d-dst-service`, `l5d-dst-client`, `l5d-dst-residual`.

All three are written in one pass, per attempt, since a retry may lead to another bound name; what a client sent under
these names is not believed. Source: linkerd protocol/http, LinkerdHeaders.scala, `Dst`.
"""

from collections.abc import Awaitable

from mesh import BOUND, AnyService, HttpReply, HttpRequest, Make, Module, Params, Path, bind
from mesh_plugins.filters.timeouts import ATTEMPT_SECONDS
from mesh_plugins.http.deadline import pass_on

PREFIX = b"l5d-dst-"
SERVICE = PREFIX + b"service"
CLIENT = PREFIX + b"client"
RESIDUAL = PREFIX + b"residual"
WRITTEN = frozenset([SERVICE, CLIENT, RESIDUAL])
MEMO = 1024  # logical names remembered per client; cleared when full


class Destination:
    """Writes the logical name, the bound name, and the residual unless it is empty.

    With `tells` it also tells until when the attempt is waited for, if a timeout says so; an attempt timeout does that itself.
    """

    __slots__ = ("_client", "_services", "_tells")

    def __init__(self, bound: Path, *, tells: bool = True) -> None:
        self._client = (CLIENT, bound.show().encode())
        self._tells = tells
        self._services: dict[Path, tuple[bytes, bytes]] = {}

    def __call__(self, request: HttpRequest, service: AnyService, /) -> Awaitable[HttpReply]:
        context = request.context
        headers = [item for item in request.headers if item[0] not in WRITTEN]
        headers.append(self._services.get(context.path) or self._remember(context.path))
        headers.append(self._client)
        if context.bound.residual:
            headers.append((RESIDUAL, context.bound.residual.show().encode()))
        request.headers = headers
        expiry = context.expiry
        if expiry is not None and self._tells and expiry.beyond is not expiry:  # else it stands in the field already
            pass_on(request, expiry.at)
        return service(request)

    def _remember(self, path: Path) -> tuple[bytes, bytes]:
        if len(self._services) >= MEMO:
            self._services.clear()
        item = self._services[path] = (SERVICE, path.show().encode())
        return item


def _destination(params: Params, rest: Make) -> AnyService:
    bound = params[BOUND]
    tells = params[ATTEMPT_SECONDS] is None
    return bind(Destination(Path(()) if bound is None else bound.id, tells=tells), rest(params), "destination")


DESTINATION = Module(
    "destination",
    _destination,
    below=("binding",),
    why="both names must be known",
    section="client",
)
