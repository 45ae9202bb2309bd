"""Transformers: what changes bound names, those of one namer or those of a whole interpreter.

A transformer puts its own id in front of what it changes, so that a bound name says what was done to it:
`/%/io.l5d.port/4141/#/io.l5d.fs/web`. Source: linkerd, NameTreeTransformer.scala.
"""

from collections.abc import Callable, Sequence
from typing import Final, Protocol, cast
from weakref import WeakValueDictionary

import attrs

from mesh.endpoint import Addr
from mesh.naming.binding import DtabState
from mesh.naming.delegation import DelegateLeaf, Delegation, Transformation, map_leaves
from mesh.naming.dtab import Dtab
from mesh.naming.interpreter import Interpreter
from mesh.naming.namer import BoundName, BoundTree, Listing, Looked, Namer
from mesh.naming.path import Path
from mesh.naming.tree import NameTree
from mesh.var import Computed, Readable, Reader

TRANSFORMER_PREFIX: Final = Path((b"%",))
"""Ids of transformed names begin with it."""


class Transformer(Protocol):
    """Changes what was bound. Never awaits and never raises; what it reads through `read`, the result depends on."""

    def transform(self, tree: BoundTree, read: Reader) -> BoundTree:
        """Return what a bound tree, or the lack of one, becomes."""
        ...

    def show(self, tree: Delegation, read: Reader) -> Delegation:
        """Return a delegation with what was changed in it, so that people see it."""
        ...


@attrs.frozen(eq=False)
class AddrTransformer:
    """Changes the addresses of every bound name, as `change` says, and puts `prefix` in front of its id.

    `name` is what delegations call it.
    """

    name: str
    prefix: Path
    change: Callable[[Addr, Reader], Addr]

    def transform(self, tree: BoundTree, _read: Reader) -> BoundTree:
        return tree.map(self._changed) if isinstance(tree, NameTree) else tree

    def show(self, tree: Delegation, read: Reader) -> Delegation:
        def shown(leaf: DelegateLeaf) -> Delegation:
            after = self._changed(leaf.bound)
            below = DelegateLeaf(after.id, leaf.dentry, after, read(after.addr))
            return Transformation(leaf.path, leaf.dentry, self.name, leaf.bound, leaf.addr, below)

        return map_leaves(tree, shown)

    def _changed(self, bound: BoundName) -> BoundName:
        before, change = bound.addr, self.change
        addr: Readable[Addr] = Computed(lambda read: change(read(before), read))
        return attrs.evolve(bound, id=self.prefix + bound.id, addr=addr)


class TransformedInterpreter:
    """An interpreter whose bound names pass through transformers, in order."""

    __slots__ = ("_inner", "_transformers")

    def __init__(self, inner: Interpreter, transformers: Sequence[Transformer]) -> None:
        self._inner = inner
        self._transformers = tuple(transformers)

    @property
    def dtab(self) -> Readable[DtabState]:
        """The base dtab."""
        return self._inner.dtab

    def bind(self, local: Dtab, path: Path) -> Readable[BoundTree]:
        """Return what `path` is bound to, transformed."""
        source = self._inner.bind(local, path)
        return Computed(lambda read: _transformed(read(source), self._transformers, read))

    def delegate(self, local: Dtab, path: Path) -> Readable[Delegation]:
        """Return the whole way of `path`, with what each transformer makes of its end."""
        source = self._inner.delegate(local, path)

        def follow(read: Reader) -> Delegation:
            tree = read(source)
            for transformer in self._transformers:
                tree = transformer.show(tree, read)
            return tree

        return Computed(follow)


class TransformedNamer:
    """A namer whose answers pass through transformers, in order. Names that are yet to be looked up pass as they are."""

    __slots__ = ("_answers", "_inner", "_transformers")

    def __init__(self, inner: Namer, transformers: Sequence[Transformer]) -> None:
        self._inner = inner
        self._transformers = tuple(transformers)
        self._answers: WeakValueDictionary[Path, Readable[Looked]] = WeakValueDictionary()

    def lookup(self, path: Path) -> Readable[Looked]:
        """Return the answer for `path`, transformed; the same one as long as somebody holds it."""
        answer = self._answers.get(path)
        if answer is None:
            answer = self._answers[path] = self._answer(self._inner.lookup(path))
        return answer

    def _answer(self, source: Readable[Looked]) -> Readable[Looked]:
        def transform(read: Reader) -> Looked:
            looked = read(source)
            if isinstance(looked, NameTree) and any(isinstance(name, Path) for name in looked.leaves()):
                return looked
            return _transformed(cast(BoundTree, looked), self._transformers, read)

        return Computed(transform)


class TransformedListing(TransformedNamer):
    """The same for a namer that can list its names, which it lists as they are asked for, untransformed."""

    __slots__ = ("_listing",)

    def __init__(self, inner: Listing, transformers: Sequence[Transformer]) -> None:
        super().__init__(cast(Namer, inner), transformers)
        self._listing = inner

    def names(self) -> list[Path]:
        """Return the ids that can be bound now, in order."""
        return self._listing.names()


def transformed(namer: Namer, transformers: Sequence[Transformer]) -> Namer:
    """Return a namer with its answers transformed; the namer itself if there is nothing to do."""
    if not transformers:
        return namer
    if isinstance(namer, Listing):
        return TransformedListing(namer, transformers)
    return TransformedNamer(namer, transformers)


def _transformed(tree: BoundTree, transformers: Sequence[Transformer], read: Reader) -> BoundTree:
    for transformer in transformers:
        tree = transformer.transform(tree, read)
    return tree
