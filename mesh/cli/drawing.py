"""A delegation as a tree of lines: every step with the rule that led to it, and what is taken of several ways."""

from collections.abc import Callable, Iterator, Sequence
from enum import Enum

import attrs

from mesh.endpoint import Addr, AddrBound, AddrFailed, AddrNeg, AddrPending
from mesh.naming.delegation import (
    Delegate,
    DelegateAlt,
    DelegateEmpty,
    DelegateError,
    DelegateFail,
    DelegateLeaf,
    DelegateNeg,
    DelegatePending,
    DelegateUnion,
    Delegation,
    Transformation,
    children,
    label,
)
from mesh.naming.dtab import Dentry

MAX_ENDPOINTS = 20  # shown of one name
MAX_LINES = 200  # a rule that leads to itself makes some 300
MAX_WIDTH = 60  # of the left column; what is wider pushes its rule to the right

Where = Callable[[Dentry], str]
"""Says where a rule stands."""


class Verdict(Enum):
    """What a node comes to for a binding."""

    FOUND = "found"
    NEGATIVE = "negative"
    FAILED = "failed"
    UNKNOWN = "unknown"


@attrs.frozen
class _Row:
    left: str
    right: str = ""


@attrs.frozen
class _Place:
    """How the line of a node begins, how those below it begin, and whether a binding comes here."""

    head: str
    indent: str
    is_taken: bool

    def below(self, weight: str, *, is_taken: bool, is_last: bool) -> "_Place":
        is_taken = is_taken and self.is_taken
        head = f"{self.indent}{'└' if is_last else '├'}{'►' if is_taken else '─'} {weight}"
        return _Place(head, f"{self.indent}{' ' if is_last else '│'}  ", is_taken)


def draw(tree: Delegation, where: Where) -> list[str]:
    """Return the lines. The way that a binding takes is marked `►`, every branch of a union that counts included."""
    rows = list(_rows(tree, None, _Place("", "", is_taken=True), where))
    width = min(max((len(row.left) for row in rows if row.right), default=0), MAX_WIDTH)
    lines = [f"{row.left:{width}}  {row.right}".rstrip() for row in rows]
    return lines if len(lines) <= MAX_LINES else [*lines[:MAX_LINES], f"… and {len(lines) - MAX_LINES} more lines"]


def verdict(tree: Delegation) -> Verdict:
    """Return what a binding makes of a node."""
    match tree:
        case Delegate() | Transformation():
            return verdict(tree.tree)
        case DelegateAlt():
            found = (verdict(child) for child in tree.trees)
            return next((each for each in found if each is not Verdict.NEGATIVE), Verdict.NEGATIVE)
        case DelegateUnion():
            return _joined([verdict(branch.tree) for branch in tree.branches])
        case DelegateNeg():
            return Verdict.NEGATIVE
        case DelegateFail():
            return Verdict.FAILED
        case DelegatePending() | DelegateError():
            return Verdict.UNKNOWN
        case DelegateLeaf() | DelegateEmpty():
            return Verdict.FOUND


def endpoints(tree: Delegation) -> int:
    """Return how many endpoints a binding reaches."""
    if isinstance(tree, DelegateLeaf):
        return len(tree.addr.endpoints) if isinstance(tree.addr, AddrBound) else 0
    return sum(endpoints(child) for child, is_taken in _ways(tree) if is_taken)


def _joined(verdicts: list[Verdict]) -> Verdict:
    """Return what a union comes to: branches without a name are left out while another one has one."""
    for each in (Verdict.FOUND, Verdict.UNKNOWN):
        if each in verdicts:
            return each
    return Verdict.NEGATIVE


def _ways(tree: Delegation) -> list[tuple[Delegation, bool]]:
    """Return the nodes right below, and whether a binding goes there."""
    below = children(tree)
    match tree:
        case DelegateAlt():
            verdicts = [verdict(child) for child in below]
            chosen = next((n for n, each in enumerate(verdicts) if each is not Verdict.NEGATIVE), None)
            return [(child, number == chosen) for number, child in enumerate(below)]
        case DelegateUnion():
            whole = verdict(tree)
            return [(child, whole is verdict(child)) for child in below]
        case _:
            return [(child, True) for child in below]


def _rows(tree: Delegation, parent: Delegation | None, place: _Place, where: Where) -> Iterator[_Row]:
    """Yield the line of a node and those below it; a rule that is also the parent's is not repeated."""
    rule = tree.dentry
    is_new = rule is not None and (parent is None or parent.dentry is not rule)
    yield _Row(place.head + label(tree), f"{rule.prefix} => {rule.dst}  ({where(rule)})" if rule and is_new else "")
    for line in _ending(tree):
        yield _Row(f"{place.indent}   {line}")
    ways, weights = _ways(tree), _weights(tree)
    for number, (child, is_taken) in enumerate(ways):
        weight = f"{weights[number]} " if weights else ""
        yield from _rows(child, tree, place.below(weight, is_taken=is_taken, is_last=number == len(ways) - 1), where)


def _weights(tree: Delegation) -> Sequence[str]:
    """Return, for a union, the share of each branch as it is written."""
    if not isinstance(tree, DelegateUnion):
        return ()
    total = sum(branch.weight for branch in tree.branches) or 1.0
    return [f"[{branch.weight:g} of {total:g}]" for branch in tree.branches]


def _ending(tree: Delegation) -> list[str]:
    """Return what is said below a node that ends a way, or where it divides."""
    match tree:
        case DelegateLeaf():
            residual = f", residual {tree.bound.residual}" if tree.bound.residual else ""
            return [f"bound to {tree.bound.id}{residual}", *_addresses(tree.addr)]
        case DelegateNeg():
            return ["not found"]
        case DelegateFail():
            return ["stop: no alternative is tried"]
        case DelegateEmpty():
            return ["here, but without endpoints"]
        case DelegateError():
            return [f"failed: {tree.message}"]
        case DelegatePending():
            return ["no answer yet"]
        case DelegateAlt():
            return ["the first that is found of:"]
        case DelegateUnion():
            return ["drawn for each request from:"]
        case Transformation():
            return [f"changed by {tree.name}:"]
        case _:
            return []


def _addresses(addr: Addr) -> list[str]:
    match addr:
        case AddrBound(found, _, stale):
            shown = [
                f"  {endpoint}" + (f", weight {endpoint.weight:g}" if endpoint.weight != 1.0 else "")
                for endpoint in found[:MAX_ENDPOINTS]
            ]
            more = [f"  and {len(found) - MAX_ENDPOINTS} more"] if len(found) > MAX_ENDPOINTS else []
            old = [f"  the last good answer: {stale}"] if stale else []
            return [*shown, *more, *old] or ["  no endpoints"]
        case AddrNeg():
            return ["  there is no such address"]
        case AddrFailed(cause):
            return [f"  failed: {cause}"]
        case AddrPending():
            return ["  no answer yet"]
