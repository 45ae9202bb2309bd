"""How one listener serves, as its settings say."""

import attrs

from mesh import Limits
from mesh_plugins.connections.ages import Ages
from mesh_plugins.http1.switching import Tunnels


@attrs.frozen
class Serving:
    """How one listener serves: its limits, and how it treats its clients.

    Bodies of up to `buffer_bytes` are read before the request is handed on, so that it can be sent again.
    A connection that is too old ends with its next reply, or at once if it is idle. `clears_context`: what stays within
    the mesh is kept out of what no filter sees, interim replies and refusals.
    """

    limits: Limits = attrs.field(factory=Limits)
    buffer_bytes: int = 5 * 1024
    allow_half_close: bool = False
    tunnels: Tunnels = attrs.field(factory=Tunnels)
    ages: Ages = attrs.field(factory=Ages)
    clears_context: bool = False
