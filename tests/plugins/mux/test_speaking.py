"""What sessions of Mux count."""

from mesh import Health, Limits, Metrics
from mesh_plugins.mux.detector import Detection
from mesh_plugins.mux.speaking import speaking
from tests.plugins.rest import numbers


def test_sessions_count_under_the_names_of_finagle() -> None:
    scope = Metrics()

    how = speaking(Limits(), Detection(), Health(), scope)
    how.draining.value, how.drained.value, how.leased.value = 1, 2, 3

    assert numbers(scope, "mux") == {"draining": 1, "drained": 2, "leased": 3}
