"""The protocol `thriftmux`, as a kind."""

from mesh import Category, Kind
from mesh_plugins.thriftmux.keys import ThriftMuxClientKeys, ThriftMuxRouterKeys, ThriftMuxServerKeys

KINDS = (
    Kind(
        "thriftmux",
        Category.PROTOCOL,
        "Routers of Thrift inside Mux, in front of endpoints that speak the same, or plain Thrift.",
        ThriftMuxRouterKeys,
        "mesh_plugins.thriftmux.protocol:thriftmux",
        limits=("mux_", "thrift_"),
        parts={"server": ThriftMuxServerKeys, "client": ThriftMuxClientKeys},
        experimental=True,
    ),
)
