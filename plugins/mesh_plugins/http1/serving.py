"""How one listener serves, as its settings say. Source of the counters' names: finagle-core, service/ExpiringService.scala."""

import math

import attrs

from mesh import Counter, Limits
from mesh_plugins.http1.switching import Tunnels


@attrs.frozen
class Serving:
    """How one listener serves: its limits, and how it treats its clients.

    Bodies of up to `buffer_bytes` are read before the request is handed on, so that it can be sent again.
    A connection that is `life_seconds` old ends with its next reply, or at once if it is idle. `clears_context`: what
    stays within the mesh is kept out of what no filter sees, interim replies and refusals. `idle` and `lifetime` count the
    connections that were closed because nothing was asked for too long, and because they had become too old.
    """

    limits: Limits = attrs.field(factory=Limits)
    buffer_bytes: int = 5 * 1024
    allow_half_close: bool = False
    tunnels: Tunnels = attrs.field(factory=Tunnels)
    life_seconds: float = math.inf
    clears_context: bool = False
    idle: Counter = attrs.field(factory=Counter)
    lifetime: Counter = attrs.field(factory=Counter)

    def count_end(self, now: float, idle_until: float, expires: float) -> None:
        """Count a connection that ends, if it does so because it `expires`, or was to be idle until then and no longer."""
        if now >= expires:
            self.lifetime.value += 1
        elif now >= idle_until:
            self.idle.value += 1
