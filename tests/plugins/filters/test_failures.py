"""Failures counted by the names of their errors."""

from mesh import Metrics, Overloaded, Unroutable
from mesh_plugins.filters.failures import FailuresByError
from tests.plugins.rest import numbers


def test_each_error_has_a_counter_once_it_was_seen() -> None:
    scope = Metrics()
    failures = FailuresByError(scope)

    for error in (Unroutable("x"), Overloaded("x"), Unroutable("y")):
        failures.count(error)

    assert numbers(scope, "failures") == {"Unroutable": 2, "Overloaded": 1}
