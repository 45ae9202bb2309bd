"""Making a delegation: following a name through dtab and namers, every alternative, with the dentry of each step.

Where a binding stops at the first alternative that is not negative, this follows them all.
Source: linkerd, DefaultInterpreterInitializer.scala (`delegateBind`, `delegateLookup`).
"""

from typing import Final

import attrs

from mesh.naming.binding import MAX_DEPTH, MAX_NODES
from mesh.naming.delegation import (
    DelegateBranch,
    DelegateEmpty,
    DelegateError,
    DelegateFail,
    DelegateLeaf,
    DelegateNeg,
    DelegatePending,
    Delegation,
    alternatives,
    branches_of,
    step,
)
from mesh.naming.dtab import Dentry, Dtab
from mesh.naming.namer import BoundName, Failed, Looked, Namers, Pending
from mesh.naming.path import EMPTY_PATH, Path
from mesh.naming.tree import Alt, Empty, Fail, Leaf, NameTree, Neg, Union
from mesh.var import Reader

MAX_LEVELS: Final = 120  # Of the tree. What compares, shows and encodes it is recursive, and so is this.
_TOO_DEEP = "Max recursion level reached."


def delegate(dtab: Dtab, namers: Namers, tree: NameTree[Path], read: Reader) -> Delegation:
    """Follow `tree` through dtab and namers; what is read through `read` is what the delegation depends on."""
    return _Walk(dtab, namers, read).follow(EMPTY_PATH, None, tree, None, 0, 0)


@attrs.define(eq=False)
class _Walk:
    """One delegation. The mutable state is `nodes_left`; past it, whatever is still to be followed is an error."""

    dtab: Dtab
    namers: Namers
    read: Reader
    nodes_left: int = MAX_NODES

    def follow(
        self,
        path: Path,
        dentry: Dentry | None,
        tree: NameTree[Path | BoundName],
        via: Dentry | None,
        depth: int,
        level: int,
    ) -> Delegation:
        """Follow a tree that `path`, led to by `dentry`, stands for; its own paths are then led to by `via`."""
        self.nodes_left -= 1
        match tree:
            case Leaf(BoundName() as bound):
                return DelegateLeaf(path, dentry, bound, self.read(bound.addr))
            case Leaf(Path() as target):
                return self._look_up(target, via, depth, level)
            case Alt() | Union() if level >= MAX_LEVELS:
                return DelegateError(path, dentry, _TOO_DEEP)
            case Alt(trees):
                followed = [self.follow(path, dentry, child, via, depth, level + 1) for child in trees]
                return alternatives(path, dentry, followed)
            case Union(branches):
                weighted = [
                    DelegateBranch(branch.weight, self.follow(path, dentry, branch.tree, via, depth, level + 1))
                    for branch in branches
                ]
                return branches_of(path, dentry, weighted)
            case Fail():
                return DelegateFail(path, dentry)
            case Empty():
                return DelegateEmpty(path, dentry)
            case _:
                return DelegateNeg(EMPTY_PATH, dentry)

    def _look_up(self, path: Path, dentry: Dentry | None, depth: int, level: int) -> Delegation:
        if depth >= MAX_DEPTH or level >= MAX_LEVELS:
            return DelegateError(path, dentry, _TOO_DEEP)
        if self.nodes_left < 0:
            return DelegateError(path, dentry, "The dtab leads to too many names.")
        matches = self.dtab.lookup_with_dentries(path)
        if not matches or (len(matches) == 1 and isinstance(matches[0][1], Neg)):  # a lone `~` is no more than no rule
            answer = self.namers.ask(path, self.read)
            if not matches or not isinstance(answer, Neg):
                return self._named(path, dentry, answer, depth, level)
        followed = [self.follow(path, rule, tree, rule, depth + 1, level + 1) for rule, tree in matches]
        return alternatives(path, dentry, followed)

    def _named(self, path: Path, dentry: Dentry | None, answer: Looked, depth: int, level: int) -> Delegation:
        match answer:
            case Pending():
                return DelegatePending(path, dentry)
            case Failed(cause):
                return DelegateError(path, dentry, cause)
            case Neg():
                return DelegateNeg(path, dentry)
            case Leaf(Path()):
                return step(path, dentry, self.follow(path, dentry, answer, None, depth + 1, level + 1))
            case _:
                return self.follow(path, dentry, answer, None, depth + 1, level)
