"""Explaining a delegation in one line of steps: what was asked, what it became by which rule, and where that ended."""

import attrs

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
from mesh.naming.path import Path

# What a node comes to; in a union, the branch that comes first here speaks for all.
_BOUND, _NEG, _FAIL, _ERROR, _PENDING = range(5)


@attrs.frozen
class Step:
    """One name on the way; `dentry` is the rule that led to it, None for what was asked or what a namer made of it."""

    name: str
    dentry: Dentry | None


@attrs.frozen
class Explanation:
    """The way that a binding takes: `steps` from what was asked to `end`, the node where it ended.

    If everything is negative, it is the way of the strongest rule, and `others` counts the further dead ends.
    """

    steps: tuple[Step, ...]
    end: Delegation
    others: int

    @property
    def ending(self) -> str:
        """Where it ended, in words that follow the last step's name."""
        match self.end:
            case DelegateLeaf():
                return f"bound to {self.end.bound.id}"
            case DelegateFail():
                return "stopped here: fail"
            case DelegateEmpty():
                return "here, but without any endpoint"
            case DelegateError():
                return f"failed: {self.end.message}"
            case DelegatePending():
                return "pending: the namer has not answered yet"
            case _:
                return "not found: no rule and no namer knows it" if label(self.end) != "~" else "not found: `~`"


def explain_steps(tree: Delegation) -> Explanation:
    """Return the way that a binding takes through `tree`; of a union, the first branch that counts."""
    verdict, reversed_steps, end = _way(tree)
    others = _dead_ends(tree) - 1 if verdict == _NEG else 0
    return Explanation(tuple(reversed(reversed_steps)), end, others)


def steps_to(tree: Delegation, bound: Path) -> tuple[Step, ...]:
    """Return the first way through `tree` that ends at what is bound to `bound`; no step if there is none."""
    if isinstance(tree, DelegateLeaf) and tree.bound.id != bound:
        return ()
    own = (Step(label(tree), tree.dentry),)
    if isinstance(tree, DelegateLeaf):
        return own
    ways = (steps_to(child, bound) for child in children(tree))
    return next((own + way for way in ways if way), ())


_Way = tuple[int, list[Step], Delegation]


def _way(tree: Delegation) -> _Way:
    verdict, steps, end = _way_below(tree)
    steps.append(Step(label(tree), tree.dentry))
    return verdict, steps, end


def _way_below(tree: Delegation) -> _Way:
    match tree:
        case Delegate() | Transformation():
            return _way(tree.tree)
        case DelegateAlt():
            ways = [_way(child) for child in tree.trees]
            return next((way for way in ways if way[0] != _NEG), ways[0])
        case DelegateUnion():
            verdict, steps, end = min((_way(branch.tree) for branch in tree.branches), key=lambda way: way[0])
            return (_NEG if verdict == _FAIL else verdict), steps, end
        case DelegateLeaf() | DelegateEmpty():
            return _BOUND, [], tree
        case DelegateNeg():
            return _NEG, [], tree
        case DelegatePending():
            return _PENDING, [], tree
        case DelegateFail():
            return _FAIL, [], tree
        case DelegateError():
            return _ERROR, [], tree


def _dead_ends(tree: Delegation) -> int:
    return 1 if isinstance(tree, DelegateNeg) else sum(map(_dead_ends, children(tree)))
