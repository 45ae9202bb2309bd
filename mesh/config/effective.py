"""Defaults that depend on other values."""

import attrs

from mesh.settings.kinds import NamerPrefix
from mesh.settings.router import RouterSettings, ServerSettings
from mesh.settings.stackfile import StackFile


def effective_label(router: RouterSettings) -> str:
    """Return a router's label, which is its protocol's name unless it has one."""
    return router.label or router.protocol.kind.name


def complete(stack: StackFile) -> StackFile:
    """Return a stack file whose routers and servers all have labels, and whose namers have prefixes."""
    namers = tuple(attrs.evolve(namer, prefix=NamerPrefix(namer.path.show())) for namer in stack.namers)
    return attrs.evolve(stack, routers=tuple(_complete_router(router) for router in stack.routers), namers=namers)


def _complete_router(router: RouterSettings) -> RouterSettings:
    taken: set[str] = set()
    servers = tuple(_complete_server(server, taken) for server in router.servers)
    return attrs.evolve(router, label=effective_label(router), servers=servers)


def _complete_server(server: ServerSettings, taken: set[str]) -> ServerSettings:
    """Return a server with a label: its address, with a number if another has that, as with ports that the system chooses."""
    if server.label:
        return server
    address = free = f"{server.ip}/{server.port}"
    number = 2
    while free in taken:
        free = f"{address}_{number}"
        number += 1
    taken.add(free)
    return attrs.evolve(server, label=free)
