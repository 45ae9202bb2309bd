"""Failures counted by the names of their errors."""

from mesh import Metrics, Overloaded, Reply, Unroutable
from mesh_plugins.filters.failures import FailuresByError
from tests.plugins.rest import numbers


def test_each_error_has_a_counter_once_it_was_seen() -> None:
    scope = Metrics()
    failures = FailuresByError(scope)

    for error in (Unroutable("x"), Overloaded("x"), Unroutable("y")):
        failures.count(error)

    assert numbers(scope, "failures") == {"Unroutable": 2, "Overloaded": 1}


def test_a_reply_that_is_a_failure_is_counted_by_its_name_if_it_has_one() -> None:
    scope = Metrics()
    names = iter(["Sad/DEEPLY", None, "Sad/DEEPLY"])
    failures = FailuresByError(scope, lambda _reply: next(names))

    for _ in range(3):
        failures.count_reply(Reply())

    assert numbers(scope, "failures") == {"Sad/DEEPLY": 2}


def test_replies_have_no_names_where_the_protocol_gives_them_none() -> None:
    scope = Metrics()

    FailuresByError(scope).count_reply(Reply())

    assert numbers(scope) == {}
