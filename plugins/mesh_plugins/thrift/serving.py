"""How one listener serves, as its settings say."""

import attrs

from mesh import Limits
from mesh_plugins.connections.ages import Ages
from mesh_plugins.thrift.message import BINARY, Encoding
from mesh_plugins.thrift.walking import Bounds


@attrs.frozen
class Serving:
    """How one listener serves its clients: their encoding and transport, and how long their connections may last.

    A connection that is too old ends after its next reply, or at once if it is idle.
    """

    encoding: Encoding = BINARY
    is_framed: bool = True
    limits: Limits = attrs.field(factory=Limits)
    bounds: Bounds = attrs.field(factory=Bounds)
    allow_half_close: bool = False
    ages: Ages = attrs.field(factory=Ages)
