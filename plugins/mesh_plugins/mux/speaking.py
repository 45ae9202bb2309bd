"""How a client speaks Mux to its endpoints, and what it counts."""

import attrs

from mesh import Counter, Health, Limits, Metrics
from mesh_plugins.mux.detector import Detection


@attrs.frozen(eq=False)
class Speaking:
    """How sessions with one endpoint are kept: its limits, when it is asked whether it lives, and the cell for its leases.

    `draining` counts the sessions whose endpoints asked for no more calls, `drained` those of them that ended with their last
    call; `leased` the leases that were granted.
    """

    limits: Limits = attrs.field(factory=Limits)
    detection: Detection = attrs.field(factory=Detection)
    health: Health = attrs.field(factory=Health)
    draining: Counter = attrs.field(factory=Counter)
    drained: Counter = attrs.field(factory=Counter)
    leased: Counter = attrs.field(factory=Counter)


def speaking(limits: Limits, detection: Detection, health: Health, scope: Metrics) -> Speaking:
    """Return how sessions are kept with an endpoint of a client whose metrics are in `scope`."""
    mux = scope.scope("mux")
    return Speaking(limits, detection, health, mux.counter("draining"), mux.counter("drained"), mux.counter("leased"))
