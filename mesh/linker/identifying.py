"""The service of `admin.httpIdentifierPort`: how each router would name a request.

Source: linkerd, HttpIdentifierHandler.scala.
"""

import json
from collections.abc import Callable, Sequence

from mesh.errors import MeshError
from mesh.http import HttpReply, HttpRequest
from mesh.linker.assemble import BuiltRouter
from mesh.service import Service


def identifying(routers: Callable[[], Sequence[BuiltRouter]]) -> Service[HttpRequest, HttpReply]:
    """Return the service that answers a request with JSON: by the label of each HTTP router, its name for that request.

    `routers` returns those there are now. A name is `path`, with the `dtab` that binds it; a request that a router cannot
    name has an `error`. Nothing is sent.
    """

    async def answer(request: HttpRequest, /) -> HttpReply:
        found = {router.label: _identified(router, request) for router in routers() if _speaks_http(router)}
        return HttpReply(200, [(b"content-type", b"application/json")], json.dumps(found).encode())

    return answer


def _speaks_http(router: BuiltRouter) -> bool:
    return isinstance(router.parts.request("GET", "http://x/", []), HttpRequest)


def _identified(router: BuiltRouter, request: HttpRequest) -> dict[str, str]:
    """Ask with a copy, since an identifier may change the request."""
    copy = HttpRequest(request.method, request.target, list(request.headers), version=request.version)
    try:
        path = router.parts.identify(copy)
    except MeshError as error:
        return {"error": str(error)}
    dtab = router.settings.dtab.show()
    return {"path": path.show(), "dtab": dtab} if dtab else {"path": path.show()}
