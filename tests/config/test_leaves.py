"""Every annotation that a config class may have."""

import pathlib
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Literal, NewType, Optional

import pytest

from mesh.config.leaves import LeafReader
from mesh.config.places import Place
from mesh.config.report import FAILED, Report
from mesh.config.tree import read_tree
from mesh.keys import Key
from mesh.naming.dtab import Dtab
from mesh.naming.path import Path


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


Name = NewType("Name", str)


def read(text: str, annotation: Any) -> tuple[Any, list[str]]:
    node, _ = read_tree(text, "")
    report = Report("", text)
    assert node is not None
    value = LeafReader(report, _no_maps).read(node, annotation, Key(), Place("key"))
    return value, [problem.show() for problem in report.problems]


def _no_maps(*_: object) -> Any:
    raise AssertionError("no config class is read here")


@pytest.mark.parametrize(
    ("text", "annotation", "expected"),
    [
        ("7", int, 7),
        ("7", float, 7.0),
        ("7", str, "7"),
        ("yes", bool, True),
        ("7", int | None, 7),
        ("7", Optional[int], 7),  # noqa: UP045  plugins may still write it so
        ("7", str | int, 7),
        ("x", str | int, "x"),
        ("1.5", int | float, 1.5),
        ("[1, 2]", list[int], [1, 2]),
        ("[1, 2]", tuple[int, ...], (1, 2)),
        ("[1, 2]", Sequence[int], [1, 2]),
        ("[a, [b]]", list[Any], ["a", ["b"]]),
        ("[1]", int | list[int], [1]),
        ("{a: 1}", dict[str, int], {"a": 1}),
        ("{a: 1}", Mapping[str, int], {"a": 1}),
        ("{a: [1, x]}", dict, {"a": [1, "x"]}),
        ("{a: 1}", int | dict[str, int], {"a": 1}),
        ("fast", Literal["fast", "slow"], "fast"),
        ("2", Literal[1, 2], 2),
        ("blue", Colour, Colour.BLUE),
        ("x", Name, "x"),
        ("a/b", pathlib.Path, pathlib.Path("a/b")),
        ("/a/b", Path, Path.utf8("a", "b")),
        ("/a => /b", Dtab, Dtab.read("/a=>/b")),
        ("{a: 1}", object, {"a": 1}),
    ],
)
def test_an_annotation_is_read(text: str, annotation: Any, expected: object) -> None:
    value, problems = read(text, annotation)

    assert problems == []
    assert (value, type(value)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("text", "annotation", "expected"),
    [
        ("x", int | float, "key: x found; expected a whole number or a number"),
        ("x", int | list[int], "key: x found; expected a whole number or a list"),
        ("{}", int | list[int], "key: a map found; expected a list"),
        ("{}", int, "key: a map found; expected a whole number"),
        ("green", Colour, "key: green found; expected one of red, blue"),
        ("blu", Colour, "key: blu found; expected one of red, blue; did you mean blue?"),
        ("x", dict[str, int], "key: x found; expected a map"),
        ("[~]", list[str], ""),
        ("x", complex, "key: the type <class 'complex'> of this key cannot be read from a stack file"),
    ],
)
def test_what_does_not_fit_is_told(text: str, annotation: Any, expected: str) -> None:
    _, problems = read(text, annotation)

    assert problems == ([expected] if expected else [])


def test_the_readable_items_of_a_list_are_kept() -> None:
    value, problems = read("[1, x, 3]", list[int])

    assert (value, problems) == ([1, 3], ["key[1]: x found; expected a whole number"])


def test_a_list_of_which_no_item_can_be_read_is_not_an_empty_one() -> None:
    value, problems = read("[x]", list[int])

    assert value is FAILED
    assert len(problems) == 1


def test_a_syntax_error_is_where_its_character_is() -> None:
    node, _ = read_tree("\n  /a//b", "")
    report = Report("", "\n  /a//b")
    assert node is not None

    value = LeafReader(report, _no_maps).read(node, Path, Key(), Place("key"))

    assert value is FAILED
    assert [(problem.line, problem.column) for problem in report.problems] == [(2, 6)]
