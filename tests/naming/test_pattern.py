import re

import pytest

from mesh.errors import NameSyntaxError
from mesh.naming.path import Path
from mesh.naming.pattern import PathPattern, substitute


@pytest.mark.parametrize(
    ("pattern", "path", "captures"),
    [
        ("/", "/a/b", {}),
        ("", "/", {}),
        ("/a/", "/a/b", {}),
        ("a/b", "/a/b", {}),
        ("/*/b", "/a/b", {}),
        ("/*", "/", None),
        ("/foo/bar/{A}:http", "/foo/bar/bas:http", {"A": "bas"}),
        ("/{A}.com", "/.com", {"A": ""}),
        ("/{A}.com", "/foo.com.evil", None),
        ("/api-{A}", "/my-api-1", None),
        ("/ab{A}ba", "/aba", None),
        ("/{A}{B}", "/ab", {"A": "ab", "B": ""}),
        ("/{A}-{A}", "/a-b", {"A": "b"}),
        ("/{A}/{A}", "/a/b", {"A": "b"}),
        ("/{A.b:c_d-1}", "/x", {"A.b:c_d-1": "x"}),
        ("/{A}.{B}", "/axb", None),
        ("/\\x66oo", "/foo", {}),
        ("/\\x2f", "/\\x2f", {}),
        ("/{A}", "/\\x2f", {"A": "\\x2f"}),
    ],
)
def test_a_pattern_matches_the_beginning_of_a_path(pattern: str, path: str, captures: dict[str, str] | None) -> None:
    assert PathPattern.read(pattern).match(Path.read(path)) == captures


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("/a//b", "label char expected but '/' found at '/a/[/]b'"),
        ("/{}", "capture name expected but '}' found at '/{[}]'"),
        ("/{a", "'}' expected but end of input found at '/{a[]'"),
        ("/a}", "'/' expected but '}' found at '/a[}]'"),
        ("/a*", "'/' expected but '*' found at '/a[*]'"),
        ("/**", "'/' expected but '*' found at '/*[*]'"),
        ("/a b", "'/' expected but ' ' found at '/a[ ]b'"),
        (" /a", "label char expected but ' ' found at '[ ]/a'"),
    ],
)
def test_a_pattern_that_can_match_no_path_is_refused(pattern: str, message: str) -> None:
    with pytest.raises(NameSyntaxError) as caught:
        PathPattern.read(pattern)

    assert str(caught.value) == message


def test_a_pattern_is_its_text() -> None:
    assert str(PathPattern.read("/a/{b}")) == "/a/{b}"
    assert PathPattern.read("/a/{b}") == PathPattern.read("/a/{b}")


def test_many_captures_do_not_go_back_and_try_again() -> None:
    # A regular expression of thirty `(.*)` would need about 200 to the power of 30 steps to find this out.
    pattern = PathPattern.read("/" + "".join(f"{{c{number}}}a" for number in range(30)) + "b-{d}-x")

    assert pattern.match(Path.utf8("a" * 200 + "c--x")) is None


@pytest.mark.parametrize("text", ["a-b-c-d", "--", "a-b", "-", "a--b-.-c", "-a-.b-"])
@pytest.mark.parametrize("pattern", ["{A}-{B}", "{A}-{B}-{C}", "a{A}-{B}", "{A}-{B}.{C}", "{A}{B}-", "-{A}-{B}"])
def test_captures_are_those_of_a_greedy_regular_expression(pattern: str, text: str) -> None:
    found = re.fullmatch(re.sub(r"\\\{(.)\\\}", r"(?P<\1>.*)", re.escape(pattern)), text)

    captures = PathPattern.read("/" + pattern).match(Path.utf8(text))

    assert captures == (None if found is None else found.groupdict())


def test_captures_replace_their_names() -> None:
    assert substitute("{A}.{B}.{A}/{C}/{", {"A": "x", "B": "{A}"}) == "x.{A}.x/{C}/{"
