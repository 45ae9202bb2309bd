"""Name trees: what a name stands for, before or after binding.

`Leaf` is one name; `Alt` (written `|`) is the first of its children that is not negative; `Union` (`&`) is all of them,
drawn by weight. `Neg` (`~`) says "not here", `Fail` (`!`) "stop looking", `Empty` (`$`) "here, without endpoints".
Source: finagle-core, NameTree.scala and NameTreeParsers.scala.
"""

import math
import operator
from collections.abc import Callable, Sequence
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import ClassVar, Final, Generic, Never, TypeVar, cast

import attrs

from mesh.naming.path import Path, read_path
from mesh.naming.syntax import Scanner, read_whole

DEFAULT_WEIGHT: Final = 1.0
# Deeper parentheses and larger trees are refused: they come from a hand that slipped or from an attack, never from a
# person's routing rules. Every walk over a tree is recursive, with one frame of Python's stack per node (so they are plain
# loops: a comprehension would be a second frame), two nodes per pair of parentheses at most.
MAX_DEPTH: Final = 100
MAX_NODES: Final = 10_000

# What may stand bare at some place of the written form: everything, all but an Alt, neither an Alt nor a Union.
_IN_PARENTHESES, _IN_ALT, _IN_UNION = range(3)
# A float has at most 309 digits before the point and needs two behind it.
_TWO_DECIMALS = Context(prec=400, rounding=ROUND_HALF_UP)

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
U = TypeVar("U")


class NameTree(Generic[T_co]):
    """The root of the tree classes; what it does by itself is right for those without leaves and children."""

    __slots__ = ()

    _sign: ClassVar[str]

    @staticmethod
    def read(text: str) -> "NameTree[Path]":
        """Read a tree from its written form; raise `NameSyntaxError` when it is none, or too deep or too large."""
        return read_whole(text, read_tree)

    def show(self) -> str:
        """Return the written form, which `read` reads back but for weights, which have two decimals."""
        return self._show(_IN_PARENTHESES)

    @property
    def simplified(self) -> "NameTree[T_co]":
        """The smallest tree that evaluates to the same.

        An `Alt` loses what is negative and what stands behind a `Fail`; a `Union` loses what is negative or failed; one
        child stands for itself, its weight lost; none is `Neg`, even if all had failed. `Empty` stays.
        """
        return self

    def eval(self) -> frozenset[T_co] | None:
        """Return the leaves that would be used, weights aside, or `None` when the tree is negative or failed.

        An `Alt` is its first child that is not negative: `Fail` and `Empty` end it too.
        """
        verdict = self._eval()
        return verdict if isinstance(verdict, frozenset) else None

    def map(self, fn: Callable[[T_co], U]) -> "NameTree[U]":
        """Return the tree with `fn` applied to the value of every leaf.

        It is this very tree if `fn` returned every value itself.
        """
        return cast("NameTree[U]", self)  # no leaf below, so of every type

    def leaves(self) -> tuple[T_co, ...]:
        """Return the values of all leaves, from left to right, whether they would be used or not."""
        return ()

    def __str__(self) -> str:
        return self.show()

    def _show(self, place: int) -> str:
        return self._sign

    def _eval(self) -> "frozenset[T_co] | Neg | Fail":
        raise NotImplementedError


@attrs.frozen
class Leaf(NameTree[T_co]):
    """One name: a path, or what a path is bound to."""

    value: T_co

    def map(self, fn: Callable[[T_co], U]) -> NameTree[U]:
        value = fn(self.value)
        return cast("NameTree[U]", self) if value is self.value else Leaf(value)

    def leaves(self) -> tuple[T_co, ...]:
        return (self.value,)

    def _show(self, place: int) -> str:
        return str(self.value)

    def _eval(self) -> "frozenset[T_co] | Neg | Fail":
        return frozenset((self.value,))


@attrs.frozen
class Neg(NameTree[Never]):
    """Not here: the next alternative is asked."""

    _sign = "~"

    def _eval(self) -> "frozenset[Never] | Neg | Fail":
        return self


@attrs.frozen
class Fail(NameTree[Never]):
    """Not here, and no alternative is to be asked."""

    _sign = "!"

    def _eval(self) -> "frozenset[Never] | Neg | Fail":
        return self


@attrs.frozen
class Empty(NameTree[Never]):
    """Here, but without any endpoint: no alternative is asked."""

    _sign = "$"

    def _eval(self) -> "frozenset[Never] | Neg | Fail":
        return frozenset()


NEG: Final = Neg()
FAIL: Final = Fail()
EMPTY: Final = Empty()


class _Inner(NameTree[T_co]):
    """What `Alt` and `Union` share: they are values, compared and hashed without recursion."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Inner):
            return NotImplemented
        return self is other or _flat(self) == _flat(other)

    def __hash__(self) -> int:
        return hash(tuple(_flat(self)))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.show()!r})"


@attrs.frozen(eq=False, repr=False)
class Alt(_Inner[T_co]):
    """The first of `trees` that is not negative."""

    trees: tuple[NameTree[T_co], ...]

    @property
    def simplified(self) -> NameTree[T_co]:
        kept: list[NameTree[T_co]] = []
        for tree in self.trees:
            simple = tree.simplified
            if not isinstance(simple, Neg):
                kept.append(simple)
            if isinstance(simple, Fail):
                break
        return _alt(kept)

    def map(self, fn: Callable[[T_co], U]) -> NameTree[U]:
        trees: list[NameTree[U]] = []
        for tree in self.trees:
            trees.append(tree.map(fn))
        return cast("NameTree[U]", self) if _is_same(trees, self.trees) else Alt(tuple(trees))

    def leaves(self) -> tuple[T_co, ...]:
        leaves: list[T_co] = []
        for tree in self.trees:
            leaves += tree.leaves()
        return tuple(leaves)

    def _show(self, place: int) -> str:
        if len(self.trees) < 2:
            return _alt(self.trees)._show(place)
        texts: list[str] = []
        for tree in self.trees:
            texts.append(tree._show(_IN_ALT))
        text = " | ".join(texts)
        return text if place == _IN_PARENTHESES else f"({text})"

    def _eval(self) -> frozenset[T_co] | Neg | Fail:
        for tree in self.trees:
            verdict = tree._eval()
            if not isinstance(verdict, Neg):
                return verdict
        return NEG


@attrs.frozen
class Weighted(Generic[T_co]):
    """A branch of a `Union`: `tree` gets requests in proportion to `weight`.

    Raise `ValueError` when the weight is negative or not finite.
    """

    weight: float
    tree: NameTree[T_co]

    def __attrs_post_init__(self) -> None:
        if not 0 <= self.weight < math.inf:
            raise ValueError(f"a weight must be finite and not negative: {self.weight!r}")


@attrs.frozen(eq=False, repr=False)
class Union(_Inner[T_co]):
    """All of `branches`, each request drawing one by weight. (The field's word; it has nothing to do with types.)"""

    branches: tuple[Weighted[T_co], ...]

    @property
    def simplified(self) -> NameTree[T_co]:
        kept: list[Weighted[T_co]] = []
        for branch in self.branches:
            simple = branch.tree.simplified
            if not isinstance(simple, Neg | Fail):
                kept.append(Weighted(branch.weight, simple))
        return _union(kept)

    def map(self, fn: Callable[[T_co], U]) -> NameTree[U]:
        branches: list[Weighted[U]] = []
        for branch in self.branches:
            tree = branch.tree.map(fn)
            is_same = _is_same([tree], [branch.tree])
            branches.append(cast("Weighted[U]", branch) if is_same else Weighted(branch.weight, tree))
        return cast("NameTree[U]", self) if _is_same(branches, self.branches) else Union(tuple(branches))

    def leaves(self) -> tuple[T_co, ...]:
        leaves: list[T_co] = []
        for branch in self.branches:
            leaves += branch.tree.leaves()
        return tuple(leaves)

    def _show(self, place: int) -> str:
        if len(self.branches) < 2:
            return _union(self.branches)._show(place)
        texts: list[str] = []
        for branch in self.branches:
            weight = "" if branch.weight == DEFAULT_WEIGHT else f"{show_weight(branch.weight)}*"
            texts.append(weight + branch.tree._show(_IN_UNION))
        text = " & ".join(texts)
        return f"({text})" if place == _IN_UNION else text

    def _eval(self) -> frozenset[T_co] | Neg | Fail:
        sets: list[frozenset[T_co]] = []
        for branch in self.branches:
            verdict = branch.tree._eval()
            if isinstance(verdict, frozenset):
                sets.append(verdict)
        return frozenset[T_co]().union(*sets) if sets else NEG


def read_tree(scanner: Scanner) -> NameTree[Path]:
    """Take one tree, and the blanks around it."""
    return _Reader(scanner).read_alt()


def show_weight(weight: float) -> str:
    """Return `weight` with two decimals, rounded as Java's `%.2f` does: half up, on the decimal digits of the float."""
    return format(Decimal(repr(weight)).quantize(Decimal("0.01"), context=_TWO_DECIMALS), "f")


@attrs.define(eq=False)
class _Reader:
    """Recursive descent over one tree.

    The mutable state, all of it private to one reading: the scanner, `depth`, the parentheses that are open, and `nodes`,
    the nodes made so far. A level costs three frames, so that `MAX_DEPTH` levels fit well into Python's stack.
    """

    scanner: Scanner
    depth: int = 0
    nodes: int = 0

    def read_alt(self) -> NameTree[Path]:
        trees = [self._read_union()]
        while self.scanner.take("|"):
            trees.append(self._read_union())
        if len(trees) > 1:
            self._count()
        return _alt(trees)

    def _read_union(self) -> NameTree[Path]:
        scanner = self.scanner
        branches = []
        while True:
            scanner.skip_blanks()
            weight = scanner.weight(DEFAULT_WEIGHT)
            branches.append(Weighted(weight, self._read_simple()))
            scanner.skip_blanks()
            if not scanner.take("&"):
                break
        if len(branches) > 1:
            self._count()
        return _union(branches)

    def _read_simple(self) -> NameTree[Path]:
        scanner = self.scanner
        char = scanner.peek()
        if char == "(":
            if self.depth == MAX_DEPTH:
                scanner.fail(f"at most {MAX_DEPTH} nested parentheses")
            scanner.expect("(")
            self.depth += 1
            tree = self.read_alt()
            self.depth -= 1
            scanner.expect(")")
            return tree
        self._count()
        if char == "/":
            return Leaf(read_path(scanner))
        for sign in (NEG, FAIL, EMPTY):
            if scanner.take(sign._sign):
                return sign
        return scanner.fail("simple")

    def _count(self) -> None:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            self.scanner.fail(f"at most {MAX_NODES} nodes in one tree")


def _alt(trees: Sequence[NameTree[T]]) -> NameTree[T]:
    """Make the simplest tree that means the first of `trees`."""
    if not trees:
        return NEG
    return trees[0] if len(trees) == 1 else Alt(tuple(trees))


def _union(branches: Sequence[Weighted[T]]) -> NameTree[T]:
    """Make the simplest tree that means all of `branches`; one branch alone has no weight."""
    if not branches:
        return NEG
    return branches[0].tree if len(branches) == 1 else Union(tuple(branches))


def _is_same(new: Sequence[object], old: Sequence[object]) -> bool:
    return all(map(operator.is_, new, old))


def _flat(root: NameTree[T]) -> list[object]:
    """Return what the tree consists of, in an order and with the counts that no other tree shares."""
    parts: list[object] = []
    pending = [root]
    while pending:
        tree = pending.pop()
        match tree:
            case Alt(trees):
                parts += ("|", len(trees))
                pending += trees
            case Union(branches):
                parts += ("&", len(branches), *(branch.weight for branch in branches))
                pending += (branch.tree for branch in branches)
            case _:
                parts.append(tree)
    return parts
