"""Paths: the names that requests carry and dtabs rewrite, such as `/svc/web`."""

from collections.abc import Iterator
from typing import Final, NoReturn, final, overload

from mesh.naming.syntax import SHOWABLE, Scanner, read_whole

_SHOWABLE_BYTES = "".join(sorted(SHOWABLE)).encode("ascii")
_set = object.__setattr__


@final
class Path:
    r"""An immutable sequence of byte strings, none of them empty; the empty sequence is written `/`.

    Equality and prefixes go by bytes, upper and lower case apart. A byte that a label may not hold is written `\xHH`, and
    so is then every byte of that element. Written by hand rather than with attrs, so that the hash is computed once:
    paths are the keys of every cache.
    Source: finagle-core, Path.scala.
    """

    __slots__ = ("_hash", "_shown", "elems")

    elems: tuple[bytes, ...]
    _hash: int
    _shown: str

    def __init__(self, elems: tuple[bytes, ...] = ()) -> None:
        """Make a path of `elems`; raise `ValueError` when one of them is empty."""
        if b"" in elems:
            raise ValueError(f"no element of a path may be empty: {elems!r}")
        _set(self, "elems", elems)
        _set(self, "_hash", hash(elems))
        _set(self, "_shown", "")

    @staticmethod
    def read(text: str) -> "Path":
        """Read a path from its written form; raise `NameSyntaxError` when it is none."""
        return read_whole(text, read_path)

    @staticmethod
    def utf8(*elems: str) -> "Path":
        """Make a path of texts, each an element as it stands: a slash in it is escaped, not a separator."""
        return Path(tuple(map(str.encode, elems)))

    def show(self) -> str:
        """Return the written form, which `read` reads back."""
        if not self._shown:
            _set(self, "_shown", "/" + "/".join(map(show_element, self.elems)))
        return self._shown

    def startswith(self, prefix: "Path") -> bool:
        """Whether the first elements are those of `prefix`."""
        return self.elems[: len(prefix.elems)] == prefix.elems

    def __add__(self, other: "Path") -> "Path":
        if not other.elems:
            return self
        return Path(self.elems + other.elems) if self.elems else other

    @overload
    def __getitem__(self, index: int) -> bytes: ...
    @overload
    def __getitem__(self, index: slice) -> "Path": ...
    def __getitem__(self, index: int | slice) -> "bytes | Path":
        if isinstance(index, slice):
            return Path(self.elems[index])
        return self.elems[index]

    def __len__(self) -> int:
        return len(self.elems)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.elems)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Path):
            return NotImplemented
        return self._hash == other._hash and self.elems == other.elems

    def __hash__(self) -> int:
        return self._hash

    def __str__(self) -> str:
        return self.show()

    def __repr__(self) -> str:
        return f"Path({self.show()!r})"

    def __reduce__(self) -> tuple[type["Path"], tuple[tuple[bytes, ...]]]:
        # A copy is made anew: the hash of bytes differs from process to process.
        return Path, (self.elems,)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a path is immutable; its {name} cannot be set")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a path is immutable; its {name} cannot be deleted")


EMPTY_PATH: Final = Path()


def read_path(scanner: Scanner) -> Path:
    """Take one path, and the blanks before it."""
    scanner.skip_blanks()
    scanner.expect("/")
    if not scanner.at_label:
        return EMPTY_PATH
    labels = [scanner.label()]
    while scanner.take("/"):
        labels.append(scanner.label())
    return Path(tuple(labels))


def show_element(element: bytes) -> str:
    r"""Return one element as it is written: as it stands if every byte may stand in a label, else each as `\xHH`."""
    if element.translate(None, _SHOWABLE_BYTES):
        return "".join(f"\\x{octet:02x}" for octet in element)
    return element.decode("ascii")
