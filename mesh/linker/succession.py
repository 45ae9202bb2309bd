"""One assembly in the place of another: what stays warm, and what goes.

A part that was built from the same settings is the same object in both assemblies (`mesh.linker.assemble` sees to that), so
that here only its owner changes. A router that had to be built anew still gets the clients of the one before whose settings,
and the namer that knows their addresses, are the same: pools, breakers and the histories of balancers live on in them.
"""

from collections.abc import Callable, Iterator

import attrs

from mesh.linker.assemble import Assembly, BuiltNamer, BuiltRouter
from mesh.naming.namer import BoundName
from mesh.settings import RouterSettings


def succeed(assembly: Assembly, before: Assembly) -> list[Iterator[None]]:
    """Make `assembly`, which was built with `before` at hand, the one in force: cannot fail, and does not await.

    What it has no use for stays with the life of `before`, to be closed when no request needs it any more, and when the
    steps that are returned were taken: they build what requests would ask for first.
    """
    steps = []
    for namer in _namers(assembly):
        if namer in _namers(before):
            assembly.life.adopt(namer.life)
    for router in assembly.routers:
        predecessor = before.router(router.label)
        if predecessor is None:
            continue
        if router.life is predecessor.life:
            _keep(router, predecessor, assembly)
        elif router.settings.protocol.kind == predecessor.settings.protocol.kind:
            keeps: Callable[[BoundName], bool] = _nobody
            same_sinks = router.span_sinks == predecessor.span_sinks
            if same_sinks and _is_same_for_clients(predecessor.settings, router.settings):
                keeps = _keeps(router, predecessor, assembly, before)
            steps.append(router.parts.take_over(predecessor.parts.params, keeps))
    return steps


def _namers(assembly: Assembly) -> tuple[BuiltNamer, ...]:
    return assembly.namers if assembly.system is None else (assembly.system, *assembly.namers)


def _keep(router: BuiltRouter, predecessor: BuiltRouter, assembly: Assembly) -> None:
    assembly.life.adopt(router.life)
    for server in router.servers:
        if server in predecessor.servers:
            assembly.life.adopt(server.life)
    router.dtab.set(router.settings.dtab)


def _is_same_for_clients(before: RouterSettings, now: RouterSettings) -> bool:
    """Return whether two routers differ in nothing that every client stack is made from."""
    filters = attrs.evolve(before.filters, server=now.filters.server, service=now.filters.service)
    alike = attrs.evolve(
        before, dtab=now.dtab, servers=now.servers, service=now.service, client=now.client, filters=filters
    )
    return alike == now


def _nobody(_name: BoundName) -> bool:
    return False


def _keeps(
    router: BuiltRouter, predecessor: BuiltRouter, assembly: Assembly, before: Assembly
) -> Callable[[BoundName], bool]:
    kept = [namer.prefix for namer in _namers(assembly) if namer in _namers(before)]
    settings, earlier = router.settings.client, predecessor.settings.client

    def keeps(name: BoundName) -> bool:
        known = any(name.id.startswith(prefix) for prefix in kept)
        return known and settings.resolve(name.id) == earlier.resolve(name.id)

    return keeps
