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
    servers = tuple(_complete_server(server) for server in router.servers)
    return attrs.evolve(router, label=effective_label(router), servers=servers)


def _complete_server(server: ServerSettings) -> ServerSettings:
    return attrs.evolve(server, label=server.label or f"{server.ip}/{server.port}")
