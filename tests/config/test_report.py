"""What is found while a file is read."""

import pytest

from mesh.config.nodes import Scalar
from mesh.config.places import Place
from mesh.config.report import Report
from mesh.errors import NameSyntaxError


@pytest.mark.parametrize(
    ("key", "expected"),
    [("a.b", (1, 2)), ("a.b.c", (1, 2)), ("a.b[7].c", (1, 2)), ("a", (0, 0)), ("", (0, 0)), ("x[1]", (0, 0))],
)
def test_a_default_stands_where_the_next_map_around_it_does(key: str, expected: tuple[int, int]) -> None:
    report = Report("f", "")
    report.remember(Place("a.b"), Scalar("x", 1, 2), Scalar("y", 3, 4))

    assert report.origin(key) == expected


def test_only_the_line_of_a_syntax_error_is_shown() -> None:
    text = "first\nsec!ond\nthird"
    report = Report("f", text)

    report.syntax(Scalar(text, 1, 1), Place("k"), NameSyntaxError("x expected at 'y'", text=text, position=9))

    assert [problem.show() for problem in report.problems] == ["f, line 2, column 4: k: x expected at 'sec[!]ond'"]


def test_a_message_stays_one_line() -> None:
    report = Report("", "")

    report.problem(Scalar("x", 1, 1), Place().child("a\nb"), "one\ntwo")

    assert [problem.show() for problem in report.problems] == ["a b: one two"]


def test_what_stands_inside_of_something_planned_is_not_told_again() -> None:
    report = Report("", "")

    report.not_built(Scalar("x", 1, 1), Place("a", planned=True), "x")

    assert report.planned == []
