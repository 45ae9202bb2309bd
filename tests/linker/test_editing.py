"""What a stack file changes of a protocol's stack."""

import attrs
import pytest

from mesh.config import read_text
from mesh.errors import ConfigError
from mesh.linker.editing import edited
from mesh.plugins import find
from mesh.settings import FilterEntry, FilterLists
from mesh_plugins.http.protocol import STACK
from tests.linker.entries import entry

(ROUTER,) = read_text(
    "routers:\n- protocol: http\n  servers:\n  - port: 0\n", file="test.yaml", kinds=find()
).stack.routers


def roles_with(section: str, *entries: FilterEntry) -> tuple[str, ...]:
    """Return the roles of a section once these changes of it were made."""
    lists = FilterLists(**{section: entries})
    return edited(STACK, attrs.evolve(ROUTER, filters=lists)).section(section).roles


def problems_of(section: str, *entries: FilterEntry) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        roles_with(section, *entries)
    return [problem.show() for problem in caught.value.problems]


def test_a_kind_that_raises_what_nobody_expects_is_named() -> None:
    assert problems_of("server", entry("broken")) == [
        "filters.server[0]: broken of acme cannot be made: TypeError: no such thing"
    ]


@pytest.mark.parametrize(
    ("section", "last", "own"),
    [
        ("server", "router", "greeting"),
        ("service", "binding", "greeting"),
        ("client", "balancer", "greeting"),
    ],
)
def test_a_filter_without_a_place_comes_last_before_the_branch_point(section: str, last: str, own: str) -> None:
    assert roles_with(section, entry())[-2:] == (own, last)


def test_a_filter_of_the_endpoint_stack_comes_last_before_the_pool() -> None:
    usual = roles_with("endpoint")

    assert roles_with("endpoint", entry()) == (*usual, "greeting")


def test_a_filter_may_be_all_there_is_of_the_endpoint_stack() -> None:
    removed = [FilterEntry(remove=role) for role in roles_with("endpoint")]

    assert roles_with("endpoint", *removed, entry()) == ("greeting",)


def test_a_filter_stands_where_it_was_put() -> None:
    usual = roles_with("client")
    place = usual.index("requeues")

    before = roles_with("client", entry(before="requeues"))
    after = roles_with("client", entry(after="requeues"))

    assert before == (*usual[:place], "greeting", *usual[place:])
    assert after == (*usual[: place + 1], "greeting", *usual[place + 1 :])


def test_a_role_may_be_replaced_or_taken_out() -> None:
    usual = roles_with("service")

    assert roles_with("service", entry(replace="via")) == tuple("greeting" if role == "via" else role for role in usual)
    assert roles_with("service", FilterEntry(remove="via")) == tuple(role for role in usual if role != "via")


def test_changes_are_made_in_order() -> None:
    roles = roles_with("server", entry(before="errors"), entry(after="greeting"))

    place = roles.index("greeting")
    assert roles[place : place + 3] == ("greeting", "greeting_2", "errors")


def test_what_replaces_a_role_of_its_own_name_keeps_it() -> None:
    roles = roles_with("server", entry(before="errors"), entry(replace="greeting"))

    assert roles[roles.index("errors") - 1] == "greeting"
    assert "greeting_2" not in roles


def test_an_unknown_role_is_answered_with_those_there_are() -> None:
    (problem,) = problems_of("client", entry(before="requeue"))

    said, _expected, roles = problem.partition("expected one of ")
    assert said == "filters.client[0]: the client stack has no role requeue; "
    assert roles.startswith("destination, trace_fields, ")
    assert roles.endswith(", requeues, client_limits, balancer; did you mean requeues?")


@pytest.mark.parametrize("place", ["after", "replace", "remove"])
def test_a_branch_point_stays_where_it_is(place: str) -> None:
    change = FilterEntry(remove="binding") if place == "remove" else entry(**{place: "binding"})

    (problem,) = problems_of("service", change)

    assert "binding is a branch point" in problem


def test_a_filter_may_stand_just_before_a_branch_point() -> None:
    assert roles_with("service", entry(before="binding"))[-2:] == ("greeting", "binding")


def test_a_module_that_must_stand_above_others_stands_just_there_unless_it_is_told_where() -> None:
    roles = roles_with("server", entry("as_module"))

    assert roles[roles.index("mine") + 1] == "errors"
