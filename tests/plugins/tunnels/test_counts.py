"""The numbers of a server's tunnels."""

from mesh import Metrics
from mesh_plugins.tunnels.counts import TunnelCounts


def test_the_numbers_stand_in_the_scope_of_the_server() -> None:
    scope = Metrics()

    counts = TunnelCounts(scope)

    assert scope.gauge("tunnels") is counts.open
    assert scope.counter("tunnel", "received_bytes") is counts.received
    assert scope.counter("tunnel", "sent_bytes") is counts.sent
