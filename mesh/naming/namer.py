"""Namers: what turns a path into a name tree, and how an answer is told apart from "not yet" and "I cannot say"."""

import logging
from collections.abc import Mapping, Sequence
from typing import Final, Protocol, runtime_checkable

import attrs

from mesh.endpoint import Addr
from mesh.naming.path import Path
from mesh.naming.tree import NEG, NameTree, Neg
from mesh.var import Readable, Reader

logger = logging.getLogger(__name__)

SYSTEM_PREFIX: Final = Path((b"$",))
"""Names that every router knows begin with it: `/$/inet/10.0.0.1/80`."""


@attrs.frozen
class Pending:
    """Nothing is known yet; an answer is on its way."""


@attrs.frozen
class Failed:
    """There is no answer, for the reason given; one may still come."""

    cause: str


PENDING: Final = Pending()


@attrs.frozen
class BoundName:
    """A name that is bound: `id` is what was bound, `residual` the rest of the path, `addr` the endpoints as they change.

    Two are equal if id and residual are; whoever caches by name caches by `id`. `weight` is that of the nearest union
    around the name while it was bound, kept even when the union shrank to this one name; None if there was none.
    """

    id: Path
    residual: Path
    addr: Readable[Addr] = attrs.field(eq=False, repr=False)
    weight: float | None = attrs.field(default=None, eq=False)

    def __str__(self) -> str:
        return (self.id + self.residual).show()


Looked = NameTree[Path | BoundName] | Pending | Failed
"""What a namer says of a path: a tree of names, some perhaps to be looked up in turn."""

BoundTree = NameTree[BoundName] | Pending | Failed
"""What a path is bound to: simplified, without any `Alt`."""


class Namer(Protocol):
    """Answers for the names under one prefix, which it was told when it was built."""

    def lookup(self, path: Path) -> Readable[Looked]:
        """Return the answer for `path`, which is what follows the prefix; ids of bound names begin with the prefix.

        Never blocks and never raises: what is not known yet is `Pending`, what is not there `NEG`. While somebody holds
        the answer, the same path gives the same one, so that a binding that is computed again keeps its watch; the
        namer watches its source only while the answer is watched.
        """
        ...


@runtime_checkable
class Listing(Protocol):
    """A namer that can list its names."""

    def names(self) -> list[Path]:
        """Return the ids that can be bound now, in order."""
        ...


@runtime_checkable
class Watching(Protocol):
    """A namer that can say what it watches, and what it last saw there."""

    def state(self) -> Mapping[str, object]:
        """Return, as JSON, the state of everything that is watched now, by name.

        linkerd's shape: `state` is what is known (`value`, an address set; `stale`, why it may be out of date), `watch` where
        it comes from and when that last changed.
        """
        ...


class Namers:
    """All namers of a router, in the order in which they are asked: the last configured first, the system's at the end."""

    __slots__ = ("_order",)

    def __init__(self, configured: Sequence[tuple[Path, Namer]], system: Namer | None = None) -> None:
        """Take the namers as configured, each with its whole prefix (`/#/io.l5d.fs`), and the one for `/$`."""
        last = () if system is None else ((SYSTEM_PREFIX, system),)
        self._order = (*reversed(configured), *last)

    def ask(self, path: Path, read: Reader) -> Looked:
        """Return the first answer that is not negative, of those namers under whose prefix `path` is."""
        for prefix, namer in self._order:
            if path.startswith(prefix):
                answer = _ask(namer, prefix, path, read)
                if not isinstance(answer, Neg):
                    return answer
        return NEG


def _ask(namer: Namer, prefix: Path, path: Path, read: Reader) -> Looked:
    try:
        return read(namer.lookup(path[len(prefix) :]))
    except Exception as error:
        logger.exception("the namer %s raised on %s", prefix, path)
        return Failed(f"the namer {prefix} raised {type(error).__name__}: {error}")
