"""Delegations: the whole way of a name through dtab and namers, every alternative included, for people to look at.

Source: linkerd, DelegateTree.scala and DelegateApiHandler.scala.
"""

from collections.abc import Callable, Sequence

import attrs

from mesh.endpoint import Addr, AddrBound, AddrFailed, AddrNeg, AddrPending, Endpoint
from mesh.naming.dtab import Dentry
from mesh.naming.namer import BoundName
from mesh.naming.path import Path

_FAIL_NAME = Path((b"$", b"fail"))
_WEIGHT_META = "endpoint_addr_weight"  # Finagle's key for the weight of an address

Json = dict[str, "Json | list[Json] | str | int | float"]


@attrs.frozen
class _Node:
    """`path` is the name as it was here, `dentry` the rule that led here: None for what was asked, or after a namer."""

    path: Path
    dentry: Dentry | None


@attrs.frozen
class DelegateEmpty(_Node):
    """Here, but without any endpoint."""


@attrs.frozen
class DelegateFail(_Node):
    """Not here, and no alternative is asked."""


@attrs.frozen
class DelegateNeg(_Node):
    """Not here. The path is empty where a dentry says `~`."""


@attrs.frozen
class DelegatePending(_Node):
    """A namer has not answered yet."""


@attrs.frozen
class DelegateError(_Node):
    """A namer failed, or a limit was reached."""

    message: str


@attrs.frozen
class DelegateLeaf(_Node):
    """A bound name, with the endpoints it has now."""

    bound: BoundName
    addr: Addr


@attrs.frozen
class Delegate(_Node):
    """One step: the name stands for `tree`."""

    tree: "Delegation"


@attrs.frozen
class DelegateAlt(_Node):
    """The first of `trees` that is not negative."""

    trees: tuple["Delegation", ...]


@attrs.frozen
class DelegateBranch:
    """A branch of a `DelegateUnion`, drawn in proportion to `weight`."""

    weight: float
    tree: "Delegation"


@attrs.frozen
class DelegateUnion(_Node):
    """All of `branches`."""

    branches: tuple[DelegateBranch, ...]


@attrs.frozen
class Transformation(_Node):
    """The transformer `name` made `tree` of `bound`."""

    name: str
    bound: BoundName
    addr: Addr
    tree: "Delegation"


Delegation = (
    DelegateEmpty
    | DelegateFail
    | DelegateNeg
    | DelegatePending
    | DelegateError
    | DelegateLeaf
    | Delegate
    | DelegateAlt
    | DelegateUnion
    | Transformation
)


def simplified(tree: Delegation) -> Delegation:
    """Leave out steps that change nothing; a choice of one becomes a step, a choice of none negative."""
    match tree:
        case Delegate(path, dentry, child):
            return step(path, dentry, simplified(child))
        case DelegateAlt(path, dentry, trees):
            return alternatives(path, dentry, [simplified(child) for child in trees])
        case DelegateUnion(path, dentry, branches):
            return branches_of(
                path, dentry, [attrs.evolve(branch, tree=simplified(branch.tree)) for branch in branches]
            )
        case _:
            return tree


def map_leaves(tree: Delegation, change: Callable[[DelegateLeaf], Delegation]) -> Delegation:
    """Return the tree with each leaf replaced by what `change` makes of it: how a transformer shows itself."""
    match tree:
        case DelegateLeaf():
            return change(tree)
        case Delegate() | Transformation():
            return attrs.evolve(tree, tree=map_leaves(tree.tree, change))
        case DelegateAlt():
            return attrs.evolve(tree, trees=tuple(map_leaves(child, change) for child in tree.trees))
        case DelegateUnion():
            return attrs.evolve(
                tree,
                branches=tuple(attrs.evolve(branch, tree=map_leaves(branch.tree, change)) for branch in tree.branches),
            )
        case _:
            return tree


def is_settled(tree: Delegation) -> bool:
    """Whether every namer and every address set on the way has answered."""
    match tree:
        case DelegatePending():
            return False
        case DelegateLeaf():
            return not isinstance(tree.addr, AddrPending)
        case _:
            return all(map(is_settled, children(tree)))


def label(tree: Delegation) -> str:
    """Return the name of a node as people see it: its path, or the `~` or `!` that a dentry says."""
    match tree:
        case DelegateNeg(path) if not path:
            return "~"
        case DelegateFail(path) if not path.startswith(_FAIL_NAME):
            return "!"
        case _:
            return tree.path.show()


def to_json(tree: Delegation) -> Json:
    """Return the tree as linkerd's `/delegator.json` shows it. What is pending is an `exception` that says so."""
    node: Json = {"type": _TYPES[type(tree)], "path": label(tree)}
    if tree.dentry is not None:
        node["dentry"] = {"prefix": tree.dentry.prefix.show(), "dst": tree.dentry.dst.show()}
    match tree:
        case DelegatePending():
            node["message"] = "pending: the namer has not answered yet"
        case DelegateError():
            node["message"] = tree.message
        case DelegateLeaf():
            node["bound"] = _bound_json(tree.bound, tree.addr)
        case Delegate():
            node["delegate"] = to_json(tree.tree)
        case DelegateAlt():
            node["alt"] = [to_json(child) for child in tree.trees]
        case DelegateUnion():
            node["union"] = [{"weight": branch.weight, "tree": to_json(branch.tree)} for branch in tree.branches]
        case Transformation():
            node |= {"name": tree.name, "bound": _bound_json(tree.bound, tree.addr), "tree": to_json(tree.tree)}
    return node


def addr_json(addr: Addr) -> Json:
    """Return an address set as linkerd's JSON shows it; `stale` is added where it is the last good answer."""
    match addr:
        case AddrBound():
            endpoints: list[Json] = [_endpoint_json(endpoint) for endpoint in addr.endpoints]
            bound: Json = {"type": "bound", "addrs": list(endpoints), "meta": dict(addr.meta)}
            return bound | {"stale": addr.stale} if addr.stale else bound
        case AddrFailed():
            return {"type": "failed", "cause": addr.cause}
        case AddrNeg():
            return {"type": "neg"}
        case AddrPending():
            return {"type": "pending"}


def children(tree: Delegation) -> Sequence[Delegation]:
    """Return the nodes right below this one, in the order in which they are tried."""
    match tree:
        case Delegate() | Transformation():
            return (tree.tree,)
        case DelegateAlt():
            return tree.trees
        case DelegateUnion():
            return tuple(branch.tree for branch in tree.branches)
        case _:
            return ()


def step(path: Path, dentry: Dentry | None, tree: Delegation) -> Delegation:
    """Return the node of one rewrite: what `tree` came from, by which rule."""
    if tree.path == path and not isinstance(tree, DelegateNeg | DelegateFail | DelegateEmpty | Transformation):
        return attrs.evolve(tree, dentry=dentry)
    return Delegate(path, dentry, tree)


def alternatives(path: Path, dentry: Dentry | None, trees: list[Delegation]) -> Delegation:
    """Return the node of an `Alt`; of one branch that is a step, of none a negative."""
    if not trees:
        return DelegateNeg(path, dentry)
    if len(trees) == 1:
        return step(path, dentry, trees[0])
    flat: list[Delegation] = []
    for tree in trees:
        flat += tree.trees if isinstance(tree, DelegateAlt) and tree.path == path else (tree,)
    return DelegateAlt(path, dentry, tuple(flat))


def branches_of(path: Path, dentry: Dentry | None, branches: list[DelegateBranch]) -> Delegation:
    """Return the node of a `Union`; of one branch that is a step, of none a negative."""
    if not branches:
        return DelegateNeg(path, dentry)
    if len(branches) == 1:
        return step(path, dentry, branches[0].tree)
    return DelegateUnion(path, dentry, tuple(branches))


_TYPES: dict[type[_Node], str] = {
    DelegateEmpty: "empty",
    DelegateFail: "fail",
    DelegateNeg: "neg",
    DelegatePending: "exception",
    DelegateError: "exception",
    DelegateLeaf: "leaf",
    Delegate: "delegate",
    DelegateAlt: "alt",
    DelegateUnion: "union",
    Transformation: "transformation",
}


def _bound_json(bound: BoundName, addr: Addr) -> Json:
    return {"addr": addr_json(addr), "id": bound.id.show(), "path": bound.residual.show()}


def _endpoint_json(endpoint: Endpoint) -> Json:
    meta: Json = dict(endpoint.meta)
    if endpoint.weight != 1.0:
        meta[_WEIGHT_META] = endpoint.weight
    return {"ip": endpoint.host, "port": endpoint.port, "meta": meta}
