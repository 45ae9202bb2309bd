"""The transformers that are built in."""

from mesh import Category, Kind, summary_of
from mesh_plugins.transformers.config import (
    ConstConfig,
    LocalhostConfig,
    PortConfig,
    ReplaceConfig,
    SpecificHostConfig,
)


def _transformer(name: str, config: type, factory: str) -> Kind:
    return Kind(name, Category.TRANSFORMER, summary_of(config), config, f"mesh_plugins.transformers.{factory}")


KINDS = (
    _transformer("io.l5d.localhost", LocalhostConfig, "hosts:localhost"),
    _transformer("io.l5d.specificHost", SpecificHostConfig, "hosts:specific_host"),
    _transformer("io.l5d.port", PortConfig, "port:port"),
    _transformer("io.l5d.replace", ReplaceConfig, "constant:replace"),
    _transformer("io.l5d.const", ConstConfig, "constant:const"),
)
