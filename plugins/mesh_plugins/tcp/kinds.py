"""The protocol `tcp` and its identifiers, as kinds."""

from mesh import Category, Kind
from mesh_plugins.tcp.identifiers import PortConfig, SniConfig
from mesh_plugins.tcp.keys import TcpRouterKeys, TcpServerKeys


def _identifier(name: str, config: type, function: str) -> Kind:
    summary = (config.__doc__ or "").partition("\n")[0]
    return Kind(
        name, Category.IDENTIFIER, summary, config, f"mesh_plugins.tcp.identifiers:{function}", protocols=("tcp",)
    )


KINDS = (
    Kind(
        "tcp",
        Category.PROTOCOL,
        "Routers of plain TCP connections, and of TLS that passes through.",
        TcpRouterKeys,
        "mesh_plugins.tcp.protocol:tcp",
        parts={"server": TcpServerKeys},
    ),
    _identifier("io.l5d.port", PortConfig, "port"),
    _identifier("io.l5d.sni", SniConfig, "sni"),
)
