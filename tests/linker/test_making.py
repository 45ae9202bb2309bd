"""Making what kinds describe."""

import pytest

from mesh.errors import ConfigError, PluginError, Problem
from mesh.keys import Category, Kind
from mesh.linker.making import below, collected, made


def doubled(number: int) -> int:
    """Make twice as much; refuse what is odd."""
    if number % 2:
        raise ValueError(f"{number} is odd")
    return 2 * number


def kind(factory: str) -> Kind:
    return Kind("double", Category.FILTER, "", factory=f"{__name__}:{factory}", plugin="acme")


def test_a_kind_makes_what_its_factory_returns() -> None:
    assert made(kind("doubled"), 2) == 4


def test_what_a_factory_refuses_comes_out_as_it_is() -> None:
    with pytest.raises(ValueError, match="3 is odd"):
        made(kind("doubled"), 3)


def test_what_nobody_expects_of_a_factory_names_who_brought_it() -> None:
    with pytest.raises(PluginError, match="double of acme cannot be made: TypeError"):
        made(kind("doubled"), None)


def test_every_item_is_built_whatever_becomes_of_the_others() -> None:
    problems: list[Problem] = []

    built = collected(problems, "numbers", [1, 2, 3, 4], doubled)

    assert built == [4, 8]
    assert [problem.show() for problem in problems] == ["numbers[0]: 1 is odd", "numbers[2]: 3 is odd"]


def test_keys_of_problems_are_completed() -> None:
    error = ConfigError(Problem("must be even", key="number"), Problem("is no good"))

    assert [problem.key for problem in below("filters[1]", error)] == ["filters[1].number", "filters[1]"]
