"""How what is written is shown in messages."""

import pytest

from mesh.config.nodes import show
from mesh.config.tree import read_tree


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7", "7"),
        ("'7'", "the text '7'"),
        ("~", "nothing"),
        ("a\n  b", "a b"),
        ("'a\n\n  b'", "the text 'a\\nb'"),
        ("[]", "an empty list"),
        ("[1]", "a list"),
        ("{}", "a map"),
        ("x" * 50, "x" * 39 + "…"),
    ],
)
def test_a_node_is_shown(text: str, expected: str) -> None:
    node, _ = read_tree(text, "f")
    assert node is not None

    assert show(node) == expected
