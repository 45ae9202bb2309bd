"""Delegation tables: ordered rules that rewrite a path into a name tree.

Source: finagle-core, DtabBase.scala (`Dtab`, `Dentry`, `Dentry.Prefix`).
"""

import enum
import json
from collections.abc import Iterator
from typing import ClassVar, Final, overload

import attrs

from mesh.errors import NameSyntaxError
from mesh.naming.path import Path, show_element
from mesh.naming.syntax import Scanner, read_whole
from mesh.naming.tree import FAIL, NEG, Alt, NameTree, Neg, read_tree
from mesh.naming.trie import PrefixTrie

# A request's dtab is base + limited + local, three runs. Longer chains come from a dtab that grows dentry by dentry;
# they are copied into one run, so that a lookup asks a handful of indexes at most.
_MAX_RUNS = 8


class Wildcard(enum.Enum):
    """The type of `WILDCARD`."""

    ANY = "*"


WILDCARD: Final = Wildcard.ANY
"""The element of a prefix that matches any one element of a path."""


@attrs.frozen
class Prefix:
    """The left side of a dentry; `/` matches every path. Raise `ValueError` when an element is empty."""

    elems: tuple[bytes | Wildcard, ...] = ()

    def __attrs_post_init__(self) -> None:
        if b"" in self.elems:
            raise ValueError(f"no element of a prefix may be empty: {self.elems!r}")

    @staticmethod
    def read(text: str) -> "Prefix":
        """Read a prefix from its written form; raise `NameSyntaxError` when it is none."""
        return read_whole(text, _read_prefix)

    def show(self) -> str:
        """Return the written form, which `read` reads back."""
        return "/" + "/".join("*" if elem is WILDCARD else show_element(elem) for elem in self.elems)

    def matches(self, path: Path) -> bool:
        """Whether `path` begins with this prefix."""
        if len(self.elems) > len(path.elems):
            return False
        pairs = zip(self.elems, path.elems, strict=False)
        return all(mine is WILDCARD or mine == theirs for mine, theirs in pairs)

    def __len__(self) -> int:
        return len(self.elems)

    def __str__(self) -> str:
        return self.show()


@attrs.frozen
class Dentry:
    """One rule: a path that begins with `prefix` stands for `dst`, the rest of the path appended to each leaf.

    `line` and `column`, from 1, say where it stood in the text that it was read from; 0 if it was not read. They take no
    part in equality.
    """

    prefix: Prefix
    dst: NameTree[Path]
    line: int = attrs.field(default=0, eq=False)
    column: int = attrs.field(default=0, eq=False)

    @staticmethod
    def read(text: str) -> "Dentry":
        """Read a dentry from its written form; raise `NameSyntaxError` when it is none."""
        return read_whole(text, _read_dentry)

    def show(self) -> str:
        """Return the written form, `prefix=>dst`."""
        return f"{self.prefix.show()}=>{self.dst.show()}"

    def __str__(self) -> str:
        return self.show()


class Dtab:
    """Dentries in order; the later wins.

    An immutable value. It consists of runs, each with its own index, which sums share with what they were made of: adding
    a request's few dentries to a large base copies and indexes only those few. The first lookup builds the indexes.
    """

    __slots__ = ("_dentries", "_hash", "_runs")

    fail: ClassVar["Dtab"]
    """The dtab `/=>!`, under which every path fails."""

    def __init__(self, dentries: tuple[Dentry, ...] = ()) -> None:
        self._dentries: tuple[Dentry, ...] | None = tuple(dentries)
        self._runs: tuple[_Run, ...] = (_Run(self._dentries),) if self._dentries else ()
        self._hash: int | None = None

    @staticmethod
    def read(text: str) -> "Dtab":
        """Read a dtab from its written form; raise `NameSyntaxError` when it is none.

        Dentries are divided by `;`, one more may follow the last; a text of nothing but blanks is the empty dtab.
        """
        return read_whole(text, _read_dtab)

    @staticmethod
    def from_json(entries: object) -> "Dtab":
        """Read the decoded JSON form, a list of `{"prefix": …, "dst": …}`; raise `NameSyntaxError` when it is none."""
        if not isinstance(entries, list):
            raise _bad_json("list of dentries", entries)
        return Dtab(tuple(_read_json_dentry(entry) for entry in entries))

    def to_json(self) -> list[dict[str, str]]:
        """Return the form that the control plane's JSON has: a list of `{"prefix": …, "dst": …}`."""
        return [{"prefix": dentry.prefix.show(), "dst": dentry.dst.show()} for dentry in self.dentries]

    @property
    def dentries(self) -> tuple[Dentry, ...]:
        """All dentries in order."""
        if self._dentries is None:
            self._dentries = tuple(dentry for run in self._runs for dentry in run.dentries)
        return self._dentries

    def show(self) -> str:
        """Return the written form, which `read` reads back but for weights, which have two decimals."""
        return ";".join(dentry.show() for dentry in self.dentries)

    def lookup(self, path: Path) -> NameTree[Path]:
        """Rewrite `path` once by every dentry whose prefix matches.

        Later dentries come first in the result, an `Alt`; one alone gives its tree as it is, none gives `NEG`. What the
        path has beyond a prefix is appended to every leaf. Nothing is simplified.
        """
        trees = tuple(tree for _, tree in self.lookup_with_dentries(path))
        if not trees:
            return NEG
        return trees[0] if len(trees) == 1 else Alt(trees)

    def lookup_with_dentries(self, path: Path) -> list[tuple[Dentry, NameTree[Path]]]:
        """Return every dentry that matches, the later first, each with what it makes of `path`."""
        return [
            (dentry, _append(dentry.dst, path[len(dentry.prefix) :]))
            for run in reversed(self._runs)
            for dentry in run.matching(path)
        ]

    @property
    def simplified(self) -> "Dtab":
        """The same rules with simplified destinations, without those that only say "not here"."""
        simple = (attrs.evolve(dentry, dst=dentry.dst.simplified) for dentry in self.dentries)
        return Dtab(tuple(dentry for dentry in simple if not isinstance(dentry.dst, Neg)))

    def strip_prefix(self, other: "Dtab") -> "Dtab":
        """Return what follows `other` if this dtab begins with all of it, else this dtab."""
        size = len(other)
        return self[size:] if self.dentries[:size] == other.dentries else self

    def __add__(self, other: "Dtab") -> "Dtab":
        if not other._runs:
            return self
        if not self._runs:
            return other
        runs = self._runs + other._runs
        if len(runs) > _MAX_RUNS:
            return Dtab(self.dentries + other.dentries)
        joined = Dtab()
        joined._dentries = None
        joined._runs = runs
        return joined

    @overload
    def __getitem__(self, index: int) -> Dentry: ...
    @overload
    def __getitem__(self, index: slice) -> "Dtab": ...
    def __getitem__(self, index: int | slice) -> "Dentry | Dtab":
        if isinstance(index, slice):
            return Dtab(self.dentries[index])
        return self.dentries[index]

    def __len__(self) -> int:
        return sum(len(run.dentries) for run in self._runs)

    def __iter__(self) -> Iterator[Dentry]:
        return iter(self.dentries)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Dtab):
            return NotImplemented
        return self is other or self.dentries == other.dentries

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(self.dentries)
        return self._hash

    def __str__(self) -> str:
        return self.show()

    def __repr__(self) -> str:
        return f"Dtab({self.show()!r})"

    def __reduce__(self) -> tuple[type["Dtab"], tuple[tuple[Dentry, ...]]]:
        # A copy is made anew: the hash of bytes differs from process to process.
        return Dtab, (self.dentries,)


class _Run:
    """Dentries that stand together, and their index. The mutable state is the index, built once, by the first lookup."""

    __slots__ = ("_index", "dentries")

    def __init__(self, dentries: tuple[Dentry, ...]) -> None:
        self.dentries = dentries
        self._index: PrefixTrie | None = None

    def matching(self, path: Path) -> list[Dentry]:
        """Return the dentries whose prefix matches, the last first."""
        if self._index is None:
            self._index = PrefixTrie(
                [None if elem is WILDCARD else elem for elem in dentry.prefix.elems] for dentry in self.dentries
            )
        return [self.dentries[position] for position in self._index.matching(path.elems)]


EMPTY_DTAB: Final = Dtab()
Dtab.fail = Dtab((Dentry(Prefix(), FAIL),))


def _append(tree: NameTree[Path], residual: Path) -> NameTree[Path]:
    return tree.map(lambda leaf: leaf + residual) if residual else tree


def _read_prefix(scanner: Scanner) -> Prefix:
    scanner.skip_blanks()
    scanner.expect("/")
    if not scanner.at_label and scanner.peek() != "*":
        return Prefix()
    elems = [_read_prefix_element(scanner)]
    while scanner.take("/"):
        elems.append(_read_prefix_element(scanner))
    return Prefix(tuple(elems))


def _read_prefix_element(scanner: Scanner) -> bytes | Wildcard:
    return WILDCARD if scanner.take("*") else scanner.label()


def _read_dentry(scanner: Scanner) -> Dentry:
    scanner.skip_blanks()
    line, column = scanner.place()
    prefix = _read_prefix(scanner)
    scanner.skip_blanks()
    scanner.expect("=")
    scanner.expect(">")
    return Dentry(prefix, read_tree(scanner), line, column)


def _read_dtab(scanner: Scanner) -> Dtab:
    dentries = []
    while True:
        scanner.skip_blanks()
        if not scanner.at_end:
            dentries.append(_read_dentry(scanner))
        if not scanner.take(";"):
            break
    return Dtab(tuple(dentries))


def _read_json_dentry(entry: object) -> Dentry:
    match entry:
        case {"prefix": str(prefix), "dst": str(dst)}:
            return Dentry(Prefix.read(prefix), NameTree.read(dst))
        case _:
            raise _bad_json('{"prefix": …, "dst": …}', entry)


def _bad_json(expected: str, found: object) -> NameSyntaxError:
    text = json.dumps(found, default=repr)
    return NameSyntaxError(f"{expected} expected but {text} found", text=text, position=0)
