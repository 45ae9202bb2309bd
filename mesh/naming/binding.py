"""Binding: rewriting a path by dtab and namers until only bound names are left, and keeping the result up to date.

A binding is computed from the dtab and from every namer's answer on the way, and again when one of them changes. It walks
with a stack of its own, so that no dtab, however hostile, meets Python's recursion limit; it counts its steps, so that
none makes it run for ever. Source: finagle-core, Namer.scala (`bind`), and linkerd, ConfiguredDtabNamer.scala.
"""

from collections.abc import Sequence
from typing import Final

import attrs

from mesh.endpoint import Addr, AddrPending
from mesh.naming.dtab import Dtab
from mesh.naming.linklocal import guarded, link_local
from mesh.naming.namer import PENDING, BoundName, BoundTree, Failed, Looked, Namer, Namers, Pending
from mesh.naming.path import Path
from mesh.naming.tree import NEG, Alt, Fail, Leaf, NameTree, Neg, Union, Weighted
from mesh.var import Computed, Readable, Reader

MAX_DEPTH: Final = 100  # Finagle's bound; a cycle such as `/a => /a` ends here.
MAX_NODES: Final = 10_000  # A doubling such as `/a => /a & /a` would take 2^100 steps; real bindings take some dozens.
MAX_UNIONS: Final = 100  # One within the other: one for each look-up. Deeper trees could not even be compared.

DtabState = Dtab | Pending | Failed
"""A dtab that may not have been read yet, or could not be."""


class Binder:
    """Binds paths by a dtab that may change, and namers."""

    def __init__(
        self,
        dtab: Readable[DtabState],
        namers: Sequence[tuple[Path, Namer]],
        system: Namer | None = None,
        *,
        max_depth: int = MAX_DEPTH,
        max_nodes: int = MAX_NODES,
    ) -> None:
        """Take the base dtab, the namers in the order of the configuration (the last is asked first), and that of `/$`."""
        self.dtab = dtab
        self.namers = Namers(namers, system)
        self._max_depth = max_depth
        self._max_nodes = max_nodes

    def bind(self, local: Dtab, path: Path) -> Computed[BoundTree]:
        """Return what `path` is bound to under the base dtab followed by `local`, a request's override.

        A name that the override leads to is refused when it has link-local addresses: they belong to the machine (cloud
        credentials are served there), and whoever may send a request must not reach them by it.
        """
        return self.bind_tree(local, Leaf(path))

    def bind_tree(self, local: Dtab, tree: NameTree[Path]) -> Computed[BoundTree]:
        """Return what a whole tree of paths is bound to."""
        return Computed(lambda read: self._bind(read, local, tree))

    def _bind(self, read: Reader, local: Dtab, tree: NameTree[Path]) -> BoundTree:
        base = read(self.dtab)
        if not isinstance(base, Dtab):
            return base
        walk = _Walk(base, local, self.namers, read, self._max_depth, self._max_nodes)
        try:
            return walk.run(tree)
        except _TooLargeError as error:
            return Failed(f"binding {tree}: {error}")


class Held(Computed[BoundTree]):
    """A binding that keeps its last good tree when there is none any more: a later `Pending` or `Failed` changes nothing.

    `stale` says why the tree is the last good one and not the present one; empty, it is the present one. A tree that is
    negative is a good one. Source: linkerd's DynBoundFactory; finagle's DynNameFactory.
    """

    __slots__ = ("_last", "stale")

    def __init__(self, binding: Readable[BoundTree]) -> None:
        self.stale = ""
        self._last: NameTree[BoundName] | None = None
        super().__init__(lambda read: self._keep(read(binding)))

    def _keep(self, tree: BoundTree) -> BoundTree:
        if isinstance(tree, NameTree):
            self._last = tree
            self.stale = ""
            return tree
        if self._last is None:
            return tree
        self.stale = tree.cause if isinstance(tree, Failed) else "pending"
        return self._last


def held(binding: Readable[BoundTree]) -> Held:
    """Return `binding` with its last good tree kept."""
    return Held(binding)


class _TooLargeError(Exception):
    """The binding takes more than any honest dtab needs."""


@attrs.frozen
class _Todo:
    """A tree to be bound: `depth` look-ups from the start, under a union's `weight`, led to by the override or not."""

    tree: NameTree[Path | BoundName]
    depth: int = 0
    weight: float | None = None
    by_override: bool = False


class _Walk:
    """One computation of one binding.

    Theory of operation: `_descend` follows a tree to its first outcome; each Alt or Union with several children that it
    passes becomes a frame on the stack. The outcome goes to the topmost frame, which either names the next child to
    descend into or, being done, has an outcome of its own, which goes to the frame below. A look-up is a jump, not a
    frame, so the stack only grows with the nesting of choices. The mutable state is private to one run.
    """

    __slots__ = ("_base", "_dtab", "_frames", "_local", "_max_depth", "_namers", "_nodes_left", "_read", "_unions")

    def __init__(self, base: Dtab, local: Dtab, namers: Namers, read: Reader, max_depth: int, max_nodes: int) -> None:
        self._dtab = base + local
        self._local = local
        self._namers = namers
        self._read = read
        self._max_depth = max_depth
        self._nodes_left = max_nodes
        self._frames: list[_AltFrame | _UnionFrame] = []
        self._unions = 0

    def run(self, tree: NameTree[Path]) -> BoundTree:
        todo: _Todo | None = _Todo(tree)
        while todo is not None:
            outcome = self._descend(todo)
            todo = None
            while self._frames and todo is None:
                todo = self._frames[-1].take(outcome)
                if todo is None:
                    frame = self._frames.pop()
                    self._unions -= isinstance(frame, _UnionFrame)
                    outcome = frame.outcome
        return outcome

    def _descend(self, todo: _Todo) -> BoundTree:
        tree, depth, weight, by_override = todo.tree, todo.depth, todo.weight, todo.by_override
        while True:
            self._count()
            match tree:
                case Leaf(Path() as path):
                    by_override = by_override or (len(self._local) > 0 and bool(self._local.lookup_with_dentries(path)))
                    looked = self._lookup(path)
                    if not isinstance(looked, NameTree):
                        return looked
                    tree = looked
                    depth += 1
                    if depth > self._max_depth:
                        return Failed(f"Max recursion level: {self._max_depth} reached in Namer lookup")
                case Leaf(BoundName() as bound):
                    return self._leaf(bound, weight, by_override)
                case Alt(()) | Union(()):
                    return NEG
                case Alt((only,)):
                    tree = only
                case Union((branch,)):
                    tree, weight = branch.tree, branch.weight
                case Alt(trees):
                    todo = _Todo(tree, depth, weight, by_override)
                    self._frames.append(_AltFrame(todo, trees))
                    tree = trees[0]
                case Union(branches):
                    todo = _Todo(tree, depth, weight, by_override)
                    self._frames.append(_UnionFrame(todo, branches))
                    self._unions += 1
                    if self._unions > MAX_UNIONS:
                        raise _TooLargeError(f"more than {MAX_UNIONS} unions within each other")
                    tree, weight = branches[0].tree, branches[0].weight
                case _:
                    return tree  # type: ignore[return-value]  # Neg, Fail or Empty: no leaf, so of every type

    def _count(self) -> None:
        self._nodes_left -= 1
        if self._nodes_left < 0:
            raise _TooLargeError("the dtab leads to too many names; look for a rule that leads to itself twice")

    def _lookup(self, path: Path) -> Looked:
        tree = self._dtab.lookup(path)
        return self._namers.ask(path, self._read) if isinstance(tree, Neg) else tree

    def _leaf(self, bound: BoundName, weight: float | None, by_override: bool) -> BoundTree:
        addr: Readable[Addr] = bound.addr
        if by_override:
            now = self._read(addr)
            if isinstance(now, AddrPending):
                return PENDING
            refused = link_local(now)
            if refused:
                return Failed(f"{bound}: the override leads to {refused}, a link-local address")
            addr = guarded(addr)
        elif weight is None:
            return Leaf(bound)
        return Leaf(BoundName(bound.id, bound.residual, addr, weight))


class _AltFrame:
    """Children are bound in turn until one is not negative."""

    __slots__ = ("_at", "_next", "_trees", "outcome")

    def __init__(self, at: _Todo, trees: tuple[NameTree[Path | BoundName], ...]) -> None:
        self._at = at
        self._trees = trees
        self._next = 1
        self.outcome: BoundTree = NEG

    def take(self, outcome: BoundTree) -> _Todo | None:
        if isinstance(outcome, Neg) and self._next < len(self._trees):
            tree = self._trees[self._next]
            self._next += 1
            return attrs.evolve(self._at, tree=tree)
        self.outcome = outcome
        return None


class _UnionFrame:
    """All children are bound; those that have no tree yet or cannot have one are left out while another has."""

    __slots__ = ("_at", "_branches", "_outcomes", "outcome")

    def __init__(self, at: _Todo, branches: tuple[Weighted[Path | BoundName], ...]) -> None:
        self._at = at
        self._branches = branches
        self._outcomes: list[BoundTree] = []
        self.outcome: BoundTree = NEG

    def take(self, outcome: BoundTree) -> _Todo | None:
        self._outcomes.append(outcome)
        done = len(self._outcomes)
        if done < len(self._branches):
            branch = self._branches[done]
            return attrs.evolve(self._at, tree=branch.tree, weight=branch.weight)
        self.outcome = self._joined()
        return None

    def _joined(self) -> BoundTree:
        """Join what the children came to; they are simplified already, so only this level is left to do."""
        good = [
            Weighted(branch.weight, outcome)
            for branch, outcome in zip(self._branches, self._outcomes, strict=True)
            if isinstance(outcome, NameTree)
        ]
        if not good:
            return next((outcome for outcome in self._outcomes if isinstance(outcome, Failed)), PENDING)
        if len(good) == 1:
            return good[0].tree
        kept = tuple(branch for branch in good if not isinstance(branch.tree, Neg | Fail))
        if len(kept) > 1:
            return Union(kept)
        return kept[0].tree if kept else NEG
