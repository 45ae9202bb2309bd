import pytest

from mesh.errors import NameSyntaxError
from mesh.naming.path import Path
from mesh.naming.tree import EMPTY, FAIL, NEG, Alt, Empty, Fail, Leaf, NameTree, Neg, Union, Weighted, show_weight

A, B, C = (Leaf(Path.utf8(name)) for name in "abc")


def test_marks_are_read_as_their_singletons() -> None:
    tree = NameTree.read("~ | ! | $")

    assert isinstance(tree, Alt)
    assert [mark is read for mark, read in zip((NEG, FAIL, EMPTY), tree.trees, strict=True)] == [True] * 3


def test_a_tree_is_matched_by_its_class() -> None:
    def kind(tree: NameTree[Path]) -> str:
        match tree:
            case Leaf(value):
                return f"leaf {value}"
            case Alt(trees):
                return f"alt of {len(trees)}"
            case Union(branches):
                return f"union of {len(branches)}"
            case Neg() | Fail() | Empty():
                return f"mark {tree}"
        raise AssertionError(tree)

    assert [kind(NameTree.read(text)) for text in ("/a", "/a|/b", "/a&/b&/c", "!")] == [
        "leaf /a",
        "alt of 2",
        "union of 3",
        "mark !",
    ]


def test_a_union_binds_tighter_than_an_alternative() -> None:
    assert NameTree.read("/a | /b & 2 * /c") == Alt((A, Union((Weighted(1, B), Weighted(2, C)))))


def test_equal_trees_hash_alike() -> None:
    text = "/a | 2 * /b & ($ | /c)"

    assert NameTree.read(text) == NameTree.read(text)
    assert hash(NameTree.read(text)) == hash(NameTree.read(text))


@pytest.mark.parametrize(
    "text",
    ["/a", "/a | /b | /c", "/a & /b", "/b | /a", "/a | (/b | /c)", "(/a | /b) | /c", "2 * /a & /b", "/a & 2 * /b", "~"],
)
def test_trees_of_another_shape_differ(text: str) -> None:
    others = ["/a | /b", "/a & /b & /c", "/a & (/b & /c)", "2 * /a & 2 * /b", "!"]

    assert [NameTree.read(text) == NameTree.read(other) for other in others] == [False] * len(others)


@pytest.mark.parametrize("weight", [-1, float("inf"), float("nan")])
def test_a_weight_that_cannot_be_drawn_by_is_refused(weight: float) -> None:
    with pytest.raises(ValueError, match="finite and not negative"):
        Weighted(weight, A)


@pytest.mark.parametrize(
    ("tree", "text"),
    [
        (Alt((A,)), "/a"),
        (Union((Weighted(3, A),)), "/a"),
        (Alt((Union((Weighted(3, Alt((A, B))),)),)), "/a | /b"),
        (Alt(()), "~"),
        (Union((Weighted(1, Union(())), Weighted(1, A))), "~ & /a"),
        (Alt((Alt((A, B)), C)), "(/a | /b) | /c"),
        (Leaf("not a path"), "not a path"),
    ],
)
def test_a_tree_shows_as_the_text_that_means_it(tree: NameTree[object], text: str) -> None:
    assert tree.show() == str(tree) == text


@pytest.mark.parametrize(
    ("weight", "text"),
    [
        (3, "3.00"),
        (0.001, "0.00"),
        (0.999, "1.00"),
        (1e22, "10000000000000000000000.00"),
        (1e300, "1" + "0" * 300 + ".00"),
    ],
)
def test_a_weight_shows_two_decimals(weight: float, text: str) -> None:
    assert show_weight(weight) == text


def test_childless_trees_simplify_to_negative() -> None:
    assert Alt(()).simplified == NEG
    assert Union(()).simplified == NEG


def test_childless_trees_evaluate_to_nothing() -> None:
    assert Alt(()).eval() is None
    assert Union(()).eval() is None


def test_mapping_changes_every_leaf_and_keeps_weights() -> None:
    tree = NameTree.read("/a | 2 * /b & ($ | /c) | !")

    assert tree.map(lambda path: path + Path.utf8("x")) == NameTree.read("/a/x | 2 * /b/x & ($ | /c/x) | !")


def test_mapping_that_changes_nothing_returns_the_tree_itself() -> None:
    tree = NameTree.read("/a | 2 * /b & ($ | /c) | !")

    assert tree.map(lambda path: path) is tree


def test_leaves_come_from_left_to_right_used_or_not() -> None:
    tree = NameTree.read("! | /a & (/b | /c) | /a")

    assert tree.leaves() == tuple(Path.utf8(name) for name in "abca")


def test_a_hundred_nested_parentheses_are_read() -> None:
    assert NameTree.read("(" * 100 + "/a" + ")" * 100) == A


def test_the_deepest_tree_can_be_used() -> None:
    tree = NameTree.read("~ | /a & (" * 100 + "/a" + ")" * 100)

    assert NameTree.read(tree.show()) == tree
    assert tree.eval() == tree.simplified.eval() == frozenset((Path.utf8("a"),))
    assert len(tree.leaves()) == 101
    assert hash(tree.map(lambda path: path + path)) != hash(tree)
    assert repr(tree).startswith("Alt('~ | /a & (~ | /a & (")


def test_deeper_parentheses_are_refused_where_they_open() -> None:
    with pytest.raises(NameSyntaxError, match="at most 100 nested parentheses expected but '\\(' found") as caught:
        NameTree.read("(" * 2000 + "/a" + ")" * 2000)

    assert caught.value.position == 100


def test_a_tree_of_too_many_nodes_is_refused_where_they_become_too_many() -> None:
    with pytest.raises(NameSyntaxError, match="at most 10000 nodes in one tree expected but '~' found") as caught:
        NameTree.read("~|" * 20_000 + "~")

    assert caught.value.position == 20_000
