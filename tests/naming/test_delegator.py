"""Following a name through dtab and namers, every alternative, with the dentry of each step."""

import json

import pytest

from mesh.endpoint import Addr, AddrBound, AddrPending, Endpoint
from mesh.naming.delegation import (
    Delegate,
    DelegateAlt,
    DelegateBranch,
    DelegateEmpty,
    DelegateError,
    DelegateFail,
    DelegateLeaf,
    DelegateNeg,
    DelegatePending,
    DelegateUnion,
    Delegation,
    children,
    to_json,
)
from mesh.naming.delegator import delegate
from mesh.naming.dtab import EMPTY_DTAB, Dentry, Dtab
from mesh.naming.namer import PENDING, BoundName, Failed, Looked, Namers
from mesh.naming.path import EMPTY_PATH, Path
from mesh.naming.tree import EMPTY, FAIL, NEG, Leaf, Union, Weighted
from mesh.var import Fixed, Readable, Reader, Var
from tests.work import counted

MOST_CALLS = 2_000_000  # for a dtab that was made to explode: some half a second

BOUND = AddrBound((Endpoint("10.0.0.1", 80),))


class Answers:
    """A namer of fixed answers by first element; it binds what is `bound`."""

    def lookup(self, path: Path) -> Readable[Looked]:
        answers: dict[bytes, Looked] = {
            b"bound": Leaf(self.name("bound", path[1:])),
            b"pair": Union((Weighted(2.0, Leaf(self.name("pair"))), Weighted(1.0, NEG))),
            b"alias": Leaf(Path.read("/svc/other")),
            b"empty": EMPTY,
            b"fail": FAIL,
            b"pending": PENDING,
            b"failed": Failed("down"),
        }
        return Fixed(answers.get(path[0], NEG) if path else NEG)

    def name(self, text: str, residual: Path = EMPTY_PATH) -> BoundName:
        return BoundName(Path.read("/#/t/" + text), residual, Fixed(BOUND))


ANSWERS = Answers()


def delegation_of(dtab: str, path: str) -> Delegation:
    namers = Namers([(Path.read("/#/t"), ANSWERS)])
    return delegate(Dtab.read(dtab), namers, Leaf(Path.read(path)), Reader())


def bound(path: str, dentry: str, name: BoundName) -> DelegateLeaf:
    return DelegateLeaf(Path.read(path), Dentry.read(dentry), name, BOUND)


def test_each_step_knows_the_dentry_that_led_to_it() -> None:
    tree = delegation_of("/srv => /#/t; /svc => /srv", "/svc/bound/rest")

    assert tree == Delegate(
        Path.read("/svc/bound/rest"),
        None,
        Delegate(
            Path.read("/srv/bound/rest"),
            Dentry.read("/svc => /srv"),
            bound("/#/t/bound/rest", "/srv => /#/t", ANSWERS.name("bound", Path.read("/rest"))),
        ),
    )


def test_a_dentry_knows_where_it_stands() -> None:
    tree = delegation_of("/srv => /#/t;\n  /svc => /srv", "/svc/bound")

    assert isinstance(tree, Delegate)
    dentry = tree.tree.dentry
    assert dentry is not None
    assert (dentry.line, dentry.column) == (2, 3)


def test_every_alternative_is_followed_the_stronger_rule_first() -> None:
    older, newer = Dentry.read("/svc => /#/t/bound"), Dentry.read("/svc => /none | /#/t/pair")

    tree = delegation_of("/svc => /#/t/bound; /svc => /none | /#/t/pair", "/svc")

    pair = DelegateUnion(
        Path.read("/#/t/pair"),
        newer,
        (
            DelegateBranch(2.0, DelegateLeaf(Path.read("/#/t/pair"), newer, ANSWERS.name("pair"), BOUND)),
            DelegateBranch(1.0, DelegateNeg(EMPTY_PATH, newer)),
        ),
    )
    expected = DelegateAlt(
        Path.read("/svc"),
        None,
        (
            DelegateNeg(Path.read("/none"), newer),
            pair,
            DelegateLeaf(Path.read("/#/t/bound"), older, ANSWERS.name("bound"), BOUND),
        ),
    )
    assert json.dumps(to_json(tree)) == json.dumps(to_json(expected))


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/#/t/empty", DelegateEmpty(Path.read("/#/t/empty"), Dentry.read("/svc => /#/t/empty"))),
        ("/#/t/fail", DelegateFail(Path.read("/#/t/fail"), Dentry.read("/svc => /#/t/fail"))),
        ("/#/t/pending", DelegatePending(Path.read("/#/t/pending"), Dentry.read("/svc => /#/t/pending"))),
        ("/#/t/failed", DelegateError(Path.read("/#/t/failed"), Dentry.read("/svc => /#/t/failed"), "down")),
        ("/#/t/none", DelegateNeg(Path.read("/#/t/none"), Dentry.read("/svc => /#/t/none"))),
        ("/none", DelegateNeg(Path.read("/none"), Dentry.read("/svc => /none"))),
        ("~", DelegateNeg(EMPTY_PATH, Dentry.read("/svc => ~"))),
        ("!", DelegateFail(Path.read("/svc"), Dentry.read("/svc => !"))),
        ("$", DelegateEmpty(Path.read("/svc"), Dentry.read("/svc => $"))),
    ],
)
def test_what_does_not_bind_ends_with_the_name_that_it_had(target: str, expected: Delegation) -> None:
    tree = delegation_of(f"/svc => {target}", "/svc")

    assert tree == Delegate(Path.read("/svc"), None, expected)


def test_a_name_that_no_rule_and_no_namer_knows_is_negative() -> None:
    assert delegation_of("/srv => /x", "/svc") == DelegateNeg(Path.read("/svc"), None)


def test_what_a_namer_makes_of_a_name_is_a_step_without_dentry() -> None:
    tree = delegation_of("/svc/a => /#/t/alias; /svc/other => /#/t/bound", "/svc/a")

    assert tree == Delegate(
        Path.read("/svc/a"),
        None,
        Delegate(
            Path.read("/#/t/alias"),
            Dentry.read("/svc/a => /#/t/alias"),
            Delegate(
                Path.read("/svc/other"),
                None,
                bound("/#/t/bound", "/svc/other => /#/t/bound", ANSWERS.name("bound")),
            ),
        ),
    )


def test_a_lone_neg_does_not_keep_a_namer_from_being_asked_just_as_in_a_binding() -> None:
    tree = delegation_of("/#/t => ~", "/#/t/bound")

    assert tree == DelegateLeaf(Path.read("/#/t/bound"), None, ANSWERS.name("bound"), BOUND)


def test_a_leaf_shows_the_addresses_as_they_are_now() -> None:
    addr: Var[Addr] = Var(AddrPending())
    name = BoundName(Path.read("/#/t/x"), EMPTY_PATH, addr)
    addr.set(BOUND)

    tree = delegate(EMPTY_DTAB, Namers([]), Leaf(name), Reader())  # type: ignore[arg-type]  # as a namer would answer

    assert tree == DelegateLeaf(EMPTY_PATH, None, name, BOUND)


def ends(tree: Delegation) -> list[Delegation]:
    below = children(tree)
    return [end for child in below for end in ends(child)] if below else [tree]


def test_a_circle_ends_in_an_error() -> None:
    tree = delegation_of("/a => /b; /b => /a", "/a")

    (end,) = ends(tree)
    assert isinstance(end, DelegateError)
    assert end.message == "Max recursion level reached."


def test_a_circle_that_changes_nothing_is_one_error() -> None:
    assert delegation_of("/a => /a", "/a") == DelegateError(Path.read("/a"), None, "Max recursion level reached.")


@pytest.mark.parametrize(
    "dtab",
    [
        "/a => /a & /a",
        "/a => /a | /a",
        "/a => /a/x | /a/y",
        "/a => /b | /x; /b => /a | /y",
        "/a => /b & /x; /b => /a & /y | /b",
        "/a => " + "(/x | (/y & " * 49 + "/a" + "))" * 49,
        "/a => " + "(/x & (/y & " * 49 + "/b" + "))" * 49 + "; /b => /a | /a",
    ],
)
def test_a_hostile_dtab_gives_a_tree_that_can_be_shown(dtab: str) -> None:
    with counted() as work:
        tree = delegation_of(dtab, "/a")

    assert json.dumps(to_json(tree))
    assert tree == delegation_of(dtab, "/a")
    messages = {end.message for end in ends(tree) if isinstance(end, DelegateError)}
    assert messages <= {"Max recursion level reached.", "The dtab leads to too many names."}
    assert messages
    assert work.calls < MOST_CALLS
