"""How one listener serves, as its settings say, and what it counts."""

import math

import attrs

from mesh import Counter, Limits, Metrics


@attrs.frozen
class Serving:
    """How one listener serves its clients. A connection that is `life_seconds` old is drained.

    `allow_half_close`: a client that has closed its side still gets the answers to what it asked.

    `idle` and `lifetime` count the connections that were closed because nothing was asked for too long, and because they had
    become too old; `orphans` the calls that were given up when nobody worked on them any more; `drains` the connections
    whose clients were asked to send nothing more.
    """

    limits: Limits = attrs.field(factory=Limits)
    life_seconds: float = math.inf
    allow_half_close: bool = False
    idle: Counter = attrs.field(factory=Counter)
    lifetime: Counter = attrs.field(factory=Counter)
    orphans: Counter = attrs.field(factory=Counter)
    drains: Counter = attrs.field(factory=Counter)


def serving(limits: Limits, life_seconds: float, scope: Metrics, *, allow_half_close: bool = False) -> Serving:
    """Return how a listener serves whose metrics are in `scope`."""
    mux = scope.scope("mux")
    return Serving(
        limits,
        life_seconds,
        allow_half_close,
        scope.counter("idle"),
        scope.counter("lifetime"),
        mux.counter("orphaned_tdiscard"),
        mux.counter("drains"),
    )
