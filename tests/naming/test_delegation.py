"""The tree that shows the whole way of a name: simplification, JSON, and what transformers do to it."""

import json

import pytest

from mesh.endpoint import Addr, AddrBound, AddrFailed, AddrNeg, AddrPending, Endpoint
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
    Json,
    Transformation,
    addr_json,
    is_settled,
    map_leaves,
    simplified,
    to_json,
)
from mesh.naming.dtab import Dentry
from mesh.naming.namer import BoundName
from mesh.naming.path import EMPTY_PATH, Path
from mesh.var import Fixed

A, B, C, D = map(Path.read, ("/a", "/b", "/c", "/d"))
A_TO_B, B_TO_CD, B_TO_C, B_TO_NEG = map(Dentry.read, ("/a=>/b", "/b=>/c|/d", "/b=>/c", "/b=>~"))
BOUND = AddrBound((Endpoint("10.0.0.1", 80),))


def leaf(path: Path, dentry: Dentry | None, addr: Addr = BOUND) -> DelegateLeaf:
    return DelegateLeaf(path, dentry, BoundName(path, EMPTY_PATH, Fixed(addr)), addr)


def around(tree: Delegation) -> Delegation:
    return Delegate(A, None, tree)


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        pytest.param(
            Delegate(B, A_TO_B, DelegateAlt(B, B_TO_CD, (leaf(C, B_TO_CD), leaf(D, B_TO_CD)))),
            DelegateAlt(B, A_TO_B, (leaf(C, B_TO_CD), leaf(D, B_TO_CD))),
            id="a step that changes nothing goes, its dentry stays",
        ),
        pytest.param(
            Delegate(B, A_TO_B, DelegateAlt(B, B_TO_C, (leaf(C, B_TO_C),))),
            Delegate(B, A_TO_B, leaf(C, B_TO_C)),
            id="an alternate of one becomes a step",
        ),
        pytest.param(
            Delegate(B, A_TO_B, DelegateAlt(B, B_TO_NEG, ())),
            Delegate(B, A_TO_B, DelegateNeg(B, B_TO_NEG)),
            id="an alternate of none becomes negative",
        ),
        pytest.param(
            Delegate(B, A_TO_B, DelegateUnion(B, B_TO_C, (DelegateBranch(1.0, leaf(C, B_TO_C)),))),
            Delegate(B, A_TO_B, leaf(C, B_TO_C)),
            id="a union of one becomes a step",
        ),
        pytest.param(
            Delegate(B, A_TO_B, DelegateUnion(B, B_TO_NEG, ())),
            Delegate(B, A_TO_B, DelegateNeg(B, B_TO_NEG)),
            id="a union of none becomes negative",
        ),
        pytest.param(
            DelegateAlt(B, A_TO_B, (DelegateAlt(B, B_TO_CD, (leaf(C, B_TO_CD), leaf(D, B_TO_CD))), leaf(A, A_TO_B))),
            DelegateAlt(B, A_TO_B, (leaf(C, B_TO_CD), leaf(D, B_TO_CD), leaf(A, A_TO_B))),
            id="an alternate within one of the same name is one",
        ),
        pytest.param(
            DelegateUnion(
                B, A_TO_B, (DelegateBranch(2.0, Delegate(C, B_TO_C, leaf(C, None))), DelegateBranch(1.0, leaf(D, None)))
            ),
            DelegateUnion(B, A_TO_B, (DelegateBranch(2.0, leaf(C, B_TO_C)), DelegateBranch(1.0, leaf(D, None)))),
            id="branches are simplified",
        ),
    ],
)
def test_what_changes_nothing_is_left_out(tree: Delegation, expected: Delegation) -> None:
    assert simplified(around(tree)) == around(expected)


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        (DelegateEmpty(A, A_TO_B), {"type": "empty", "path": "/a"}),
        (DelegateFail(A, A_TO_B), {"type": "fail", "path": "!"}),
        (DelegateFail(Path.read("/$/fail/x"), A_TO_B), {"type": "fail", "path": "/$/fail/x"}),
        (DelegateNeg(A, A_TO_B), {"type": "neg", "path": "/a"}),
        (DelegateNeg(EMPTY_PATH, A_TO_B), {"type": "neg", "path": "~"}),
        (DelegateError(A, A_TO_B, "boom"), {"type": "exception", "path": "/a", "message": "boom"}),
        (
            DelegatePending(A, A_TO_B),
            {"type": "exception", "path": "/a", "message": "pending: the namer has not answered yet"},
        ),
    ],
)
def test_an_end_is_shown_with_its_type_its_path_and_its_dentry(tree: Delegation, expected: Json) -> None:
    assert to_json(tree) == expected | {"dentry": {"prefix": "/a", "dst": "/b"}}


def test_what_was_asked_has_no_dentry() -> None:
    assert to_json(DelegateNeg(A, None)) == {"type": "neg", "path": "/a"}


def test_choices_and_steps_are_shown_with_what_is_below_them() -> None:
    branch = DelegateUnion(
        B, A_TO_B, (DelegateBranch(3.0, DelegateNeg(C, None)), DelegateBranch(1.0, DelegateNeg(D, None)))
    )
    tree = Delegate(A, None, DelegateAlt(B, A_TO_B, (branch, DelegateNeg(D, B_TO_CD))))

    shown = to_json(tree)

    assert shown == {
        "type": "delegate",
        "path": "/a",
        "delegate": {
            "type": "alt",
            "path": "/b",
            "dentry": {"prefix": "/a", "dst": "/b"},
            "alt": [
                {
                    "type": "union",
                    "path": "/b",
                    "dentry": {"prefix": "/a", "dst": "/b"},
                    "union": [
                        {"weight": 3.0, "tree": {"type": "neg", "path": "/c"}},
                        {"weight": 1.0, "tree": {"type": "neg", "path": "/d"}},
                    ],
                },
                {"type": "neg", "path": "/d", "dentry": {"prefix": "/b", "dst": "/c | /d"}},
            ],
        },
    }
    assert json.loads(json.dumps(shown)) == shown


def test_a_leaf_is_shown_with_its_addresses_and_its_residual() -> None:
    addr = AddrBound((Endpoint("10.0.0.1", 80, 2.5, {"nodeName": "n1"}), Endpoint("::1", 81)), {"authority": "web"})
    bound = BoundName(B, Path.read("/rest"), Fixed(addr))

    shown = to_json(DelegateLeaf(Path.read("/b/rest"), B_TO_C, bound, addr))

    assert shown == {
        "type": "leaf",
        "path": "/b/rest",
        "dentry": {"prefix": "/b", "dst": "/c"},
        "bound": {
            "addr": {
                "type": "bound",
                "addrs": [
                    {"ip": "10.0.0.1", "port": 80, "meta": {"nodeName": "n1", "endpoint_addr_weight": 2.5}},
                    {"ip": "::1", "port": 81, "meta": {}},
                ],
                "meta": {"authority": "web"},
            },
            "id": "/b",
            "path": "/rest",
        },
    }


@pytest.mark.parametrize(
    ("addr", "expected"),
    [
        (AddrPending(), {"type": "pending"}),
        (AddrNeg(), {"type": "neg"}),
        (AddrFailed("down"), {"type": "failed", "cause": "down"}),
        (AddrBound((), stale="down"), {"type": "bound", "addrs": [], "meta": {}, "stale": "down"}),
    ],
)
def test_an_address_set_is_shown_by_its_state(addr: Addr, expected: Json) -> None:
    assert addr_json(addr) == expected


def test_a_transformation_is_shown_between_the_name_and_what_became_of_it() -> None:
    def localhost(found: DelegateLeaf) -> Delegation:
        path = Path.read("/%/io.l5d.localhost") + found.bound.id
        return Transformation(found.path, None, "localhost", found.bound, found.addr, leaf(path, found.dentry))

    tree = map_leaves(DelegateAlt(A, None, (DelegateNeg(B, A_TO_B), around(leaf(C, B_TO_C)))), localhost)

    shown = to_json(tree)
    alternates = shown["alt"]
    assert isinstance(alternates, list)
    bound = {"addr": addr_json(BOUND), "id": "/c", "path": "/"}
    assert alternates[1]["delegate"] == {
        "type": "transformation",
        "path": "/c",
        "name": "localhost",
        "bound": bound,
        "tree": {
            "type": "leaf",
            "path": "/%/io.l5d.localhost/c",
            "dentry": {"prefix": "/b", "dst": "/c"},
            "bound": bound | {"id": "/%/io.l5d.localhost/c"},
        },
    }


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        (leaf(A, None), True),
        (leaf(A, None, AddrPending()), False),
        (DelegatePending(A, None), False),
        (DelegateUnion(A, None, (DelegateBranch(1.0, DelegateNeg(A, None)),)), True),
        (DelegateUnion(A, None, (DelegateBranch(1.0, DelegatePending(A, None)),)), False),
    ],
)
def test_a_delegation_is_settled_when_everything_on_the_way_has_answered(tree: Delegation, expected: bool) -> None:
    assert is_settled(around(tree)) is expected
