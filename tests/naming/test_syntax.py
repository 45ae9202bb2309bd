from collections.abc import Callable

import pytest

from mesh.errors import NameSyntaxError
from mesh.naming.dtab import Dentry, Dtab, Prefix
from mesh.naming.path import Path
from mesh.naming.syntax import Scanner, read_whole
from mesh.naming.tree import NameTree

# What the code of Finagle's NameTreeParsers.scala says of texts that its tests leave out.
PATHS = {
    "": "'/' expected but end of input found at '[]'",
    "foo": "'/' expected but 'f' found at '[f]oo'",
    "//foo": "end of input expected but '/' found at '/[/]foo'",
    "/foo/": "label char expected but end of input found at '/foo/[]'",
    "/foo//bar": "label char expected but '/' found at '/foo/[/]bar'",
    "/foo/*": "label char expected but '*' found at '/foo/[*]'",
    "/foo/ bar": "label char expected but ' ' found at '/foo/[ ]bar'",
    "/foo bar": "end of input expected but 'b' found at '/foo [b]ar'",
    "/\\": "'x' expected but end of input found at '/\\[]'",
    "/\\X66": "'x' expected but 'X' found at '/\\[X]66'",
    "/a\\x6g": "hex char expected but 'g' found at '/a\\x6[g]'",
    "/a\\x6": "hex char expected but end of input found at '/a\\x6[]'",
    "/caf\u00e9": "end of input expected but '\u00e9' found at '/caf[\u00e9]'",
    "\u00a0/foo": "'/' expected but '\u00a0' found at '[\u00a0]/foo'",
}
TREES = {
    "": "simple expected but end of input found at '[]'",
    "foo": "simple expected but 'f' found at '[f]oo'",
    "/a |": "simple expected but end of input found at '/a |[]'",
    "/a | | /b": "simple expected but '|' found at '/a | [|] /b'",
    "(/a": "')' expected but end of input found at '(/a[]'",
    "(/a ; /b)": "')' expected but ';' found at '(/a [;] /b)'",
    "()": "simple expected but ')' found at '([)]'",
    "/a)": "end of input expected but ')' found at '/a[)]'",
    "/a /b": "end of input expected but '/' found at '/a [/]b'",
    "3 /a": "'*' expected but '/' found at '3 [/]a'",
    "3": "'*' expected but end of input found at '3[]'",
    "3 * ": "simple expected but end of input found at '3 * []'",
    "/foo & . * /bar": "weight expected but '.' found at '/foo & .[ ]* /bar'",
    ".": "weight expected but '.' found at '.[]'",
    "1..2 * /a": "number char expected but '.' found at '1.[.]2 * /a'",
    "\u0663 * /a": "simple expected but '\u0663' found at '[\u0663] * /a'",
}
PREFIXES = {
    "/a/": "label char expected but end of input found at '/a/[]'",
    "/**": "end of input expected but '*' found at '/*[*]'",
    "/*/*/": "label char expected but end of input found at '/*/*/[]'",
}
DENTRIES = {
    "": "'/' expected but end of input found at '[]'",
    "/a": "'=' expected but end of input found at '/a[]'",
    "/a = /b": "'>' expected but ' ' found at '/a =[ ]/b'",
    "/a =>": "simple expected but end of input found at '/a =>[]'",
    "/a/ => /b": "label char expected but ' ' found at '/a/[ ]=> /b'",
    "/a => /b;": "end of input expected but ';' found at '/a => /b[;]'",
}
DTABS = {
    "/a=>/b /c=>/d": "end of input expected but '/' found at '/a=>/b [/]c=>/d'",
    "/a=>/b,/c=>/d": "end of input expected but ',' found at '/a=>/b[,]/c=>/d'",
    "/a => /b ;\n/c = /d ;\n": "'>' expected but ' ' found at '/a => /b ;\n/c =[ ]/d ;\n'",
}
REFUSALS: list[tuple[Callable[[str], object], str, str]] = [
    *((Path.read, text, message) for text, message in PATHS.items()),
    *((NameTree.read, text, message) for text, message in TREES.items()),
    *((Prefix.read, text, message) for text, message in PREFIXES.items()),
    *((Dentry.read, text, message) for text, message in DENTRIES.items()),
    *((Dtab.read, text, message) for text, message in DTABS.items()),
]
BLANKS = "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \u1680\u2000\u2006\u2008\u200a\u2028\u2029\u205f\u3000"
NO_BLANKS = "\x00\x1b\x85\u00a0\u2007\u200b\u202f\ufeff"


@pytest.mark.parametrize(("read", "text", "message"), REFUSALS)
def test_a_refusal_says_what_was_expected_and_found_and_where(
    read: Callable[[str], object], text: str, message: str
) -> None:
    with pytest.raises(NameSyntaxError) as caught:
        read(text)

    assert str(caught.value) == message


def test_a_refusal_knows_line_and_column() -> None:
    with pytest.raises(NameSyntaxError) as caught:
        Dtab.read("/a => /b ;\n/c = /d ;\n")

    assert (caught.value.position, caught.value.line, caught.value.column) == (15, 2, 5)


@pytest.mark.parametrize("blank", BLANKS)
def test_what_java_calls_white_space_is_skipped(blank: str) -> None:
    assert Path.read(f"{blank}/a{blank}") == Path.utf8("a")


@pytest.mark.parametrize("char", NO_BLANKS)
def test_what_java_does_not_call_white_space_is_refused(char: str) -> None:
    with pytest.raises(NameSyntaxError):
        Path.read(f"{char}/a")


def test_a_comment_ends_at_a_line_feed_only() -> None:
    assert Path.read("# one\r/x\n  # two\n/a # three") == Path.utf8("a")


def test_a_label_takes_every_escape_in_either_case() -> None:
    scanner = Scanner(r"a\x00\xfF\x5Cb")

    assert scanner.label() == b"a\x00\xff\\b"
    assert scanner.at_end


def test_a_weight_takes_its_star() -> None:
    scanner = Scanner("2.50 * /a")

    assert scanner.weight(1.0) == 2.5
    assert scanner.peek() == "/"


def test_no_number_is_the_default_weight() -> None:
    scanner = Scanner("/a")

    assert scanner.weight(1.0) == 1.0
    assert scanner.position == 0


def test_places_count_lines_and_columns_from_one() -> None:
    scanner = Scanner("/a\n\n  /b/c")
    places = [scanner.place()]
    for _ in range(2):
        while scanner.peek() not in {"/", ""}:
            scanner.position += 1
        places.append(scanner.place())
        scanner.position += 2
        scanner.skip_blanks()
    places.append(scanner.place())

    assert places == [(1, 1), (1, 1), (3, 3), (3, 5)]


def test_what_is_left_over_is_refused() -> None:
    with pytest.raises(NameSyntaxError, match="end of input expected but 'b' found"):
        read_whole("a b", Scanner.label)
