"""What becomes of a request before it is routed: the name and the override that it arrives at the router with."""

import itertools

import attrs

from mesh.errors import MeshError, NoRoute
from mesh.http import HttpReply
from mesh.linker.assemble import BuiltRouter
from mesh.message import Reply, Request
from mesh.naming.dtab import EMPTY_DTAB, Dtab
from mesh.naming.path import Path
from mesh.stack import Stack
from mesh.target import SERVER_LABEL


@attrs.frozen
class Arrival:
    """The logical name of a request, and the override of the dtab that it brought."""

    path: Path
    local: Dtab


class _HereError(MeshError):
    """Takes the place of the router: everything above lets it pass or answers it, and nothing is sent."""


async def arrive(router: BuiltRouter, request: Request) -> Arrival:
    """Take a request through the server stack of the router's first listener, as far as the router.

    Raises what the router would raise for it, and `NoRoute` for a request that a filter answers before.
    """
    seen: list[Arrival | MeshError] = []

    async def meet(request: Request, /) -> Reply:
        try:
            seen.append(Arrival(router.parts.identify(request), request.context.local_dtab or EMPTY_DTAB))
        except MeshError as error:
            seen.append(error)
        raise _HereError

    first = router.servers[0]
    above = itertools.takewhile(lambda module: not module.branch, router.stack)
    followed = Stack(module for module in above if not module.records)
    params, _serve = router.parts.server(first.settings, router.parts.params.put(SERVER_LABEL, first.label))
    service = followed.build(params, lambda _params: meet)
    answer = ""
    try:
        reply: Reply = await service(request)
        answer = _shown(reply)
        await reply.aclose()
    except _HereError:
        pass
    if not seen:
        raise NoRoute(f"the server stack answers the request before it is routed{answer}")
    if isinstance(seen[-1], MeshError):
        raise seen[-1]
    return seen[-1]


def _shown(reply: Reply) -> str:
    text = (reply.body.buffered or b"").decode("utf-8", "replace").strip()
    status = f" with {reply.status}" if isinstance(reply, HttpReply) else ""
    return f"{status}: {text}" if text else status
