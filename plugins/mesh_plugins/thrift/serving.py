"""How one listener serves, as its settings say. Source of the counters' names: finagle-core, service/ExpiringService.scala."""

import math

import attrs

from mesh import Counter, Limits
from mesh_plugins.thrift.message import BINARY, Encoding
from mesh_plugins.thrift.walking import Bounds


@attrs.frozen
class Serving:
    """How one listener serves its clients: their encoding and transport, and how long their connections may last.

    A connection that is `life_seconds` old ends after its next reply, or at once if it is idle. `idle` and `lifetime` count
    the connections that were closed because nothing was asked for too long, and because they had become too old.
    """

    encoding: Encoding = BINARY
    is_framed: bool = True
    limits: Limits = attrs.field(factory=Limits)
    bounds: Bounds = attrs.field(factory=Bounds)
    allow_half_close: bool = False
    life_seconds: float = math.inf
    idle: Counter = attrs.field(factory=Counter)
    lifetime: Counter = attrs.field(factory=Counter)
