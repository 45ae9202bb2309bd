"""How a client speaks Mux to its endpoints."""

import attrs

from mesh import Health, Limits
from mesh_plugins.mux.detector import Detection


@attrs.frozen(eq=False)
class Speaking:
    """How sessions with one endpoint are kept: its limits, when it is asked whether it lives, and the cell for its leases."""

    limits: Limits = attrs.field(factory=Limits)
    detection: Detection = attrs.field(factory=Detection)
    health: Health = attrs.field(factory=Health)
