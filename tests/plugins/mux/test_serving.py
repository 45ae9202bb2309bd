"""How a listener serves."""

from mesh import Limits, Metrics
from mesh_plugins.connections.ages import Ages
from mesh_plugins.mux.serving import serving
from tests.plugins.rest import numbers


def test_a_listener_counts_under_its_own_scope() -> None:
    metrics = Metrics()

    how = serving(Limits(), Ages(), metrics, allow_half_close=True)
    for counter in (how.orphans, how.draining, how.duplicates, how.nacks):
        counter.value += 1

    assert numbers(metrics) == {"mux/orphaned_tdiscard": 1, "mux/draining": 1, "mux/duplicate_tag": 1, "nacks": 1}
    assert how.allow_half_close
