"""From text to nodes, with limits."""

import pytest

from mesh.config.nodes import Mapping, Node, Scalar, Sequence
from mesh.config.tree import MAX_DEPTH, MAX_NODES, read_tree
from mesh.errors import ConfigError
from tests.work import counted


def plain(node: Node | None) -> object:
    match node:
        case Scalar(text=text):
            return text
        case Sequence(items=items):
            return [plain(item) for item in items]
        case Mapping(pairs=pairs):
            return {pair.key.text: plain(pair.value) for pair in pairs}
    return None


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read_tree(text, "f")
    return str(caught.value)


def test_texts_stay_as_they_are_written() -> None:
    node, _ = read_tree("a: no\nb: 41:40\nc: 1.20\nd: 2020-01-01\ne: ~\n1: 0x10\n", "f")

    assert plain(node) == {"a": "no", "b": "41:40", "c": "1.20", "d": "2020-01-01", "e": "~", "1": "0x10"}


def test_lines_and_columns_start_at_one() -> None:
    node, _ = read_tree("- a\n-   bé: c\n", "f")

    assert isinstance(node, Sequence)
    second = node.items[1]
    assert isinstance(second, Mapping)
    assert (second.line, second.column) == (2, 5)
    assert (second.pairs[0].value.line, second.pairs[0].value.column) == (2, 9)


def test_an_alias_stands_for_its_anchor() -> None:
    node, _ = read_tree("a: &x {b: [1]}\nc: *x\n", "f")

    assert plain(node) == {"a": {"b": ["1"]}, "c": {"b": ["1"]}}


def test_an_anchor_may_be_given_again() -> None:
    node, _ = read_tree("[&x 1, *x, &x 2, *x]", "f")

    assert plain(node) == ["1", "1", "2", "2"]


def test_aliases_of_aliases_are_counted_in_full() -> None:
    levels = "".join(f"l{n + 1}: &l{n + 1} [{', '.join([f'*l{n}'] * 10)}]\n" for n in range(30))

    with counted() as work:
        message = refusal("l0: &l0 [x]\n" + levels)

    assert message.endswith(f"the file is too large: more than {MAX_NODES} values, aliases counted in full")
    assert work.calls < MAX_NODES


def test_aliases_do_not_get_around_the_depth() -> None:
    chain = "".join(f"l{n + 1}: &l{n + 1} [*l{n}]\n" for n in range(MAX_DEPTH + 1))

    assert f"more than {MAX_DEPTH} deep" in refusal("l0: &l0 [x]\n" + chain)


@pytest.mark.parametrize("text", ["[" * 100_000, "{a: " * 100_000, "- " * 100_000, "? " * 100_000])
def test_deep_nesting_is_refused_early(text: str) -> None:
    assert f"more than {MAX_DEPTH} deep" in refusal(text) or "cannot be a key" in refusal(text)


def test_many_values_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mesh.config.tree.MAX_NODES", 100)

    assert "the file is too large: more than 100 values" in refusal("[" + "1," * 100 + "]")


def test_every_key_that_is_given_twice_is_told() -> None:
    _, problems = read_tree("a: {b: 1, b: 2, b: 3}\nc: 1\nc: [{d: 1, d: 1}]\n", "f")

    assert [(problem.key, problem.line, problem.column) for problem in problems] == [
        ("a.b", 1, 11),
        ("a.b", 1, 17),
        ("c", 3, 1),
        ("c[0].d", 3, 12),
    ]


def test_the_first_of_two_values_counts() -> None:
    node, _ = read_tree("a: 1\na: 2\n", "f")

    assert plain(node) == {"a": "1"}


@pytest.mark.parametrize("text", ["a: !!int 1", "a: !own {}", "! a", "!!map {}", "[!<x> b]"])
def test_tags_are_refused(text: str) -> None:
    assert "the tag " in refusal(text)


@pytest.mark.parametrize("text", ["--- a\n...\n--- b\n", "a\n---\n"])
def test_a_second_document_is_refused(text: str) -> None:
    assert "a second document begins here" in refusal(text)


def test_one_document_may_be_marked() -> None:
    assert plain(read_tree("%YAML 1.1\n---\na: 1\n...\n", "f")[0]) == {"a": "1"}


@pytest.mark.parametrize(("text", "code"), [("a\0", "U+0000"), ("\x1b[1m", "U+001B"), ("a: '\ud800'", "U+D800")])
def test_control_characters_are_refused(text: str, code: str) -> None:
    assert f"the character {code} is not allowed" in refusal(text)


def test_an_empty_text_has_no_document() -> None:
    assert read_tree(" # nothing\n", "f") == (None, [])
