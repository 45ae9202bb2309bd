"""Places inside texts, however YAML writes them."""

import pytest

from mesh.config.nodes import Mapping, Scalar
from mesh.config.tree import read_tree
from mesh.config.within import place_within


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a: x!y", (1, 5)),
        ("a: x\n  !y", (2, 3)),
        ("a:\n    'x !y'", (2, 8)),
        ('a: "x\n\n  z !y"', (3, 5)),
        ("a: |\n  x\n   !y", (3, 4)),
        ("a: |2-  # ! here too\n\n  x\n  é!y", (4, 4)),
        ("a: >\n  x\n\n  w !y", (4, 5)),
        ("a: >-\r\n  x\r\n  !y", (3, 3)),
    ],
)
def test_a_character_is_found(source: str, expected: tuple[int, int]) -> None:
    node, _ = read_tree(source, "f")
    assert isinstance(node, Mapping)
    scalar = node.pairs[0].value
    assert isinstance(scalar, Scalar)

    assert place_within(source, scalar, scalar.text.index("!")) == expected


@pytest.mark.parametrize(("source", "expected"), [("a: xy", (1, 6)), ("a: |\n  xy\n  z\n", (3, 4)), ("a: ''", (1, 5))])
def test_the_end_is_behind_the_last_character(source: str, expected: tuple[int, int]) -> None:
    node, _ = read_tree(source, "f")
    assert isinstance(node, Mapping)
    scalar = node.pairs[0].value
    assert isinstance(scalar, Scalar)

    assert place_within(source, scalar, len(scalar.text)) == expected
