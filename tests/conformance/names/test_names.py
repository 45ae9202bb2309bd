"""What Finagle and linkerd answer to names, case by case, from the YAML files beside this one.

None of these cases is answered otherwise on purpose. What Finagle and linkerd do beyond them is not copied in three places:
trees are limited in depth and size and a weight beyond the range of a float is refused (`limits.yaml`), since both come
from requests; a digit that is not ASCII is no number, where Finagle ends in an error of Java's; and a segment of a path
pattern matches from end to end, since linkerd's search inside it lets `{host}.com` match `a.com.evil`.
"""

from collections.abc import Callable, Iterator
from pathlib import Path as FilePath
from typing import Any

import pytest
import yaml

from mesh.errors import NameSyntaxError
from mesh.naming.drawing import alias_table
from mesh.naming.dtab import WILDCARD, Dentry, Dtab, Prefix
from mesh.naming.path import Path, show_element
from mesh.naming.pattern import PathPattern, substitute
from mesh.naming.tree import EMPTY, FAIL, NEG, Alt, Leaf, NameTree, Union, Weighted, show_weight

# A case's own shape depends on its group, so it is `Any` until the group's function takes it apart.
Check = Callable[[Any, Any], None]

MARKS = {"!": FAIL, "~": NEG, "$": EMPTY}


def tree_of(encoded: Any) -> NameTree[Path]:
    """Make the tree that a case describes as its leaf's text, a mark, or a map with one key."""
    match encoded:
        case str(mark) if mark in MARKS:
            return MARKS[mark]
        case str(text) | {"leaf": str(text)}:
            return Leaf(Path.read(text))
        case {"alt": trees}:
            return Alt(tuple(map(tree_of, trees)))
        case {"union": branches}:
            return Union(tuple(Weighted(branch["weight"], tree_of(branch["tree"])) for branch in branches))
    raise AssertionError(f"a tree of unknown form: {encoded!r}")


def text_of(given: Any) -> str:
    text = given["in"] if "in" in given else given["text"]
    assert isinstance(text, str)
    return text


def check_refusal(read: Callable[[str], object], text: str, expect: Any) -> None:
    with pytest.raises(NameSyntaxError) as caught:
        read(text)

    refusal = str(caught.value)
    assert refusal == (refusal if expect["error"] is True else expect["error"])
    assert expect.get("error_contains", "") in refusal


def reads(read: Callable[[str], Any], see: Callable[[Any], object]) -> Check:
    """Check that a text reads as `see` shows it, or is refused in the expected words."""

    def check(given: Any, expect: Any) -> None:
        if "error" in expect:
            check_refusal(read, text_of(given), expect)
        else:
            assert see(read(text_of(given))) == expect

    return check


def check_tree(given: Any, expect: Any) -> None:
    if "error" in expect:
        check_refusal(NameTree.read, text_of(given), expect)
    else:
        tree = NameTree.read(text_of(given))
        assert tree == tree_of(expect["tree"])
        assert tree.show() == expect.get("show", tree.show())


def check_simplified(given: Any, expect: Any) -> None:
    tree = NameTree.read(given["in"]).simplified

    assert (tree, tree.show()) == (tree_of(expect["tree"]), expect["show"])


def leaves_of(text: str) -> list[str] | None:
    leaves = NameTree.read(text).eval()
    return None if leaves is None else sorted(map(str, leaves))


def check_eval(given: Any, expect: Any) -> None:
    leaves = leaves_of(given["tree"])

    assert leaves == (None if expect["set"] is None else sorted(expect["set"]))


def check_dentry(given: Any, expect: Any) -> None:
    if "error" in expect:
        check_refusal(Dentry.read, text_of(given), expect)
    else:
        dentry = Dentry.read(text_of(given))
        assert (dentry.prefix.show(), dentry.dst) == (expect["prefix"], tree_of(expect["dst"]))
        assert dentry.show() == expect["show"]


def see_dentry(dentry: Dentry) -> dict[str, object]:
    elems = [{"wildcard": True} if elem is WILDCARD else elem.decode() for elem in dentry.prefix.elems]
    return {"prefix_elems": elems, "dst": type(dentry.dst).__name__.lower()}


def check_lookup(given: Any, expect: Any) -> None:
    tree = Dtab.read(given["dtab"]).lookup(Path.read(given["path"]))

    assert tree == tree_of(expect.get("tree", expect))
    assert tree.show() == expect.get("show", tree.show())


def check_match(given: Any, expect: Any) -> None:
    captures = PathPattern.read(given["pattern"]).match(Path.read(given["path"]))

    assert captures == expect.get("captures")


def check_substitute(given: Any, expect: Any) -> None:
    captures = PathPattern.read(given["pattern"]).match(Path.read(given["path"]))
    text = None if captures is None else substitute(given["template"], captures)

    assert text == expect.get("text")


def check_alias_table(given: Any, expect: Any) -> None:
    if "error" in expect:
        with pytest.raises(ValueError, match=expect["error"]):
            alias_table(given["weights"])
    else:
        table = alias_table(given["weights"])
        assert list(table.alias) == expect["alias"]
        assert list(table.prob) == pytest.approx(expect["prob"], rel=1e-9)


def check_limit(given: Any, expect: Any) -> None:
    text = "".join(part["text"] * part.get("times", 1) for part in given)

    if "dentries" in expect:
        assert len(Dtab.read(text)) == expect["dentries"]
    else:
        check_refusal(Dtab.read, text, expect)


def equal(answer: Callable[[Any], object]) -> Check:
    """Check that `answer` of what is given is exactly what is expected."""

    def check(given: Any, expect: Any) -> None:
        assert answer(given) == expect

    return check


def path_of(elems: list[str]) -> Path:
    return Path(tuple(map(bytes.fromhex, elems)))


CHECKS: dict[str, Check] = {
    "path_parse": reads(Path.read, lambda path: {"elems": [elem.hex() for elem in path], "show": path.show()}),
    "path_show": equal(lambda given: path_of(given["elems"]).show()),
    "tree_parse": check_tree,
    "tree_simplify": check_simplified,
    "tree_eval": equal(lambda given: leaves_of(given["in"])),
    "dentry_parse": check_dentry,
    "dtab_parse": reads(Dtab.read, lambda dtab: {"show": dtab.show(), "n": len(dtab)}),
    "dtab_lookup": check_lookup,
    "dtab_concat": equal(lambda given: (Dtab.read(given["a"]) + Dtab.read(given["b"])).show()),
    "dtab_strip_prefix": equal(lambda given: Dtab.read(given["dtab"]).strip_prefix(Dtab.read(given["prefix"])).show()),
    "prefix_matches": equal(lambda given: Prefix.read(given["prefix"]).matches(Path.read(given["path"]))),
    "java_percent_2f": equal(lambda given: show_weight(given["x"])),
    "drv_alias_table": check_alias_table,
    "parse_path": reads(Path.read, lambda path: {"segments": [show_element(elem) for elem in path]}),
    "parse_tree": check_tree,
    "parse_dentry": reads(Dentry.read, see_dentry),
    "dtab_to_json": equal(lambda given: {"json": Dtab.read(given["text"]).to_json()}),
    "eval_tree": check_eval,
    "lookup": check_lookup,
    "match": check_match,
    "substitute": check_substitute,
    "dtab_limit": check_limit,
}


def cases() -> Iterator[Any]:
    """Yield every case of every file as a parameter set with the case's id."""
    for file in sorted(FilePath(__file__).parent.glob("*.yaml")):
        groups = yaml.safe_load(file.read_text(encoding="utf-8"))
        for group, entries in groups.items():
            for case in entries:
                yield pytest.param(CHECKS[group], case["given"], case["expect"], id=f"{file.stem}:{case['id']}")


@pytest.mark.parametrize(("check", "given", "expect"), list(cases()))
def test_a_name_is_answered_as_published(check: Check, given: Any, expect: Any) -> None:
    check(given, expect)
