"""How one listener serves, as its settings say, and what it counts."""

import attrs

from mesh import Counter, Limits, Metrics
from mesh_plugins.connections.ages import Ages


@attrs.frozen
class Serving:
    """How one listener serves its clients. A connection that is too old is drained.

    `allow_half_close`: a client that has closed its side still gets the answers to what it asked.

    `orphans` counts the calls that were given up when nobody worked on them any more, `draining` the connections whose
    clients were asked to send nothing more, `duplicates` those that ended because a tag was used twice, and `nacks` the
    calls that were refused before anything was done for them.
    """

    limits: Limits = attrs.field(factory=Limits)
    ages: Ages = attrs.field(factory=Ages)
    allow_half_close: bool = False
    orphans: Counter = attrs.field(factory=Counter)
    draining: Counter = attrs.field(factory=Counter)
    duplicates: Counter = attrs.field(factory=Counter)
    nacks: Counter = attrs.field(factory=Counter)


def serving(limits: Limits, ages: Ages, scope: Metrics, *, allow_half_close: bool = False) -> Serving:
    """Return how a listener serves whose metrics are in `scope`."""
    mux = scope.scope("mux")
    return Serving(
        limits,
        ages,
        allow_half_close,
        mux.counter("orphaned_tdiscard"),
        mux.counter("draining"),
        mux.counter("duplicate_tag"),
        scope.counter("nacks"),
    )
