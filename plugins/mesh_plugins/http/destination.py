"""Tells the endpoint where it stands: `l5d-dst-service`, `l5d-dst-client`, `l5d-dst-residual`.

All three are written in one pass, per attempt, since a retry may lead to another bound name; what a client sent under
these names is not believed. Source: linkerd protocol/http, LinkerdHeaders.scala, `Dst`.
"""

from collections.abc import Awaitable

import trio

from mesh import BOUND, AnyService, HttpReply, HttpRequest, Make, Module, Params, Path, bind
from mesh_plugins.filters.timeouts import ATTEMPT_SECONDS, PASS_ON, PassOn
from mesh_plugins.http.deadline import CTX_DEADLINE, Teller

PREFIX = b"l5d-dst-"
SERVICE = PREFIX + b"service"
CLIENT = PREFIX + b"client"
RESIDUAL = PREFIX + b"residual"
WRITTEN = frozenset([SERVICE, CLIENT, RESIDUAL])
REPLACED = WRITTEN | {CTX_DEADLINE}
MEMO = 1024  # logical names remembered per client; cleared when full


class Destination:
    """Writes the logical name, the bound name, and the residual unless it is empty.

    `pass_on` tells until when the attempt is waited for, if a timeout says so; with None, as where each attempt has a timeout
    that tells it, the field is only taken off.
    """

    __slots__ = ("_client", "_pass_on", "_services", "_written")

    def __init__(self, bound: Path, pass_on: PassOn | None = None) -> None:
        self._client = (CLIENT, bound.show().encode())
        self._pass_on = pass_on
        self._written = REPLACED if pass_on is None else WRITTEN
        self._services: dict[Path, tuple[bytes, bytes]] = {}

    def __call__(self, request: HttpRequest, service: AnyService, /) -> Awaitable[HttpReply]:
        context = request.context
        expiry, written = context.expiry, self._written
        if expiry is not None:
            if expiry.beyond is expiry:
                expiry = None  # it is the deadline that the request brought, which stands in the field already
            else:
                written = REPLACED
        request.headers = headers = [item for item in request.headers if item[0] not in written]
        headers.append(self._services.get(context.path) or self._remember(context.path))
        headers.append(self._client)
        residual = context.bound.residual
        if residual.elems:
            headers.append((RESIDUAL, residual.show().encode()))
        if expiry is not None and self._pass_on is not None:
            self._pass_on(request, expiry.at)
        return service(request)

    def _remember(self, path: Path) -> tuple[bytes, bytes]:
        if len(self._services) >= MEMO:
            self._services.clear()
        item = self._services[path] = (SERVICE, path.show().encode())
        return item


def _destination(params: Params, rest: Make) -> AnyService:
    bound = params[BOUND]
    name = Path(()) if bound is None else bound.id
    tell: PassOn = Teller(trio.lowlevel.current_clock().current_time)
    if params[ATTEMPT_SECONDS] is None:
        return bind(Destination(name, tell), rest(params), "destination")
    return bind(Destination(name, None), rest(params.put(PASS_ON, tell)), "destination")


DESTINATION = Module(
    "destination",
    _destination,
    below=("binding",),
    why="both names must be known",
    section="client",
)
