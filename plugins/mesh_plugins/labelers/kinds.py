"""The kinds of labelers that are built in."""

from mesh import Category, Kind
from mesh_plugins.http.protocols import OF_HTTP
from mesh_plugins.labelers.labelers import LabelerConfig, StaticConfig


def _labeler(name: str, summary: str, function: str, config: type = LabelerConfig) -> Kind:
    return Kind(
        name, Category.LABELER, summary, config, f"mesh_plugins.labelers.labelers:{function}", protocols=OF_HTTP
    )


KINDS = (
    _labeler("ip", "The IP address.", "ip"),
    _labeler("ip:port", "The IP address and port.", "ip_and_port"),
    _labeler("connectionRandom", "A random token for each connection.", "connection_random"),
    _labeler("requestRandom", "A random token for each request.", "request_random"),
    _labeler("router", "The router's label.", "router"),
    _labeler("static", "A label of your choice.", "static", StaticConfig),
)
