"""The protocol `mux`, as a kind."""

from mesh import Category, Kind
from mesh_plugins.mux.keys import MuxClientKeys, MuxRouterKeys, MuxServerKeys

KINDS = (
    Kind(
        "mux",
        Category.PROTOCOL,
        "Routers of Mux, Finagle's own protocol.",
        MuxRouterKeys,
        "mesh_plugins.mux.protocol:mux",
        limits=("mux_",),
        parts={"server": MuxServerKeys, "client": MuxClientKeys},
    ),
)
