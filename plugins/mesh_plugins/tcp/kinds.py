"""The protocol `tcp` and its identifiers, as kinds."""

from mesh import Category, Kind, summary_of
from mesh_plugins.tcp.identifiers import PortConfig, SniConfig
from mesh_plugins.tcp.keys import TcpRouterKeys, TcpServerKeys


def _identifier(name: str, config: type, function: str) -> Kind:
    return Kind(
        name,
        Category.IDENTIFIER,
        summary_of(config),
        config,
        f"mesh_plugins.tcp.identifiers:{function}",
        protocols=("tcp",),
    )


KINDS = (
    Kind(
        "tcp",
        Category.PROTOCOL,
        "Routers of plain TCP connections, and of TLS that passes through.",
        TcpRouterKeys,
        "mesh_plugins.tcp.protocol:tcp",
        limits=(),
        parts={"server": TcpServerKeys},
    ),
    _identifier("io.l5d.port", PortConfig, "port"),
    _identifier("io.l5d.sni", SniConfig, "sni"),
)
