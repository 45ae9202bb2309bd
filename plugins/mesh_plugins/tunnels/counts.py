"""What a server counts of its tunnels."""

from mesh import Metrics


class TunnelCounts:
    """The numbers of one server: tunnels that are open, bytes that came from clients, bytes that went to them."""

    __slots__ = ("lasted", "open", "opened", "received", "sent")

    def __init__(self, scope: Metrics) -> None:
        own = scope.scope("tunnel")
        self.open = scope.gauge("tunnels")
        self.opened = own.counter("opened")
        self.received = own.counter("received_bytes")
        self.sent = own.counter("sent_bytes")
        self.lasted = own.histogram("duration_ms")
