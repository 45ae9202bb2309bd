"""The admin pages of the circuit breakers: what state each is in, and the one that resets them."""

from collections.abc import Callable

from mesh.admin import Page, PageReply, PageRequest
from mesh.breakers import BREAKERS, Placed
from mesh.linker.assemble import Assembly


def breaker_pages(assembly: Callable[[], Assembly]) -> list[Page]:
    """Return the pages of the circuit breakers of the routers there are when a page is asked for."""
    return [
        Page(
            "/admin/breakers.json",
            "the circuit breaker of each endpoint: ?router=&client=&endpoint=<of one alone>",
            lambda request: _show(assembly(), request),
        ),
        Page(
            "/admin/breakers/reset",
            "POST: let requests through to endpoints again: ?router=&client=&endpoint=<of one alone>",
            lambda request: _reset(assembly(), request),
            methods=("POST",),
        ),
    ]


def _show(assembly: Assembly, request: PageRequest) -> PageReply:
    shown: dict[str, dict[str, dict[str, object]]] = {}
    for router, placed in _found(assembly, request):
        clients = shown.setdefault(router, {})
        clients.setdefault(placed.client, {})[str(placed.endpoint)] = placed.breaker.show()
    return PageReply.of_json(shown)


def _reset(assembly: Assembly, request: PageRequest) -> PageReply:
    found = _found(assembly, request)
    if not found and request.query:
        return PageReply.of_text("No such circuit breaker is in use; /admin/breakers.json lists those that are\n", 404)
    for _router, placed in found:
        placed.breaker.reset()
    return PageReply.of_json({"reset": len(found)})


def _found(assembly: Assembly, request: PageRequest) -> list[tuple[str, Placed]]:
    asked = request.first("router")
    return [
        (router.label, placed)
        for router in assembly.routers
        if asked in ("", router.label)
        for placed in router.parts.params[BREAKERS].find(request.first("client"), request.first("endpoint"))
    ]
