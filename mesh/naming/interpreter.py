"""Interpreters: what a router asks for the meaning of a name."""

from collections.abc import Sequence
from typing import Protocol

from mesh.naming.binding import Binder, DtabState
from mesh.naming.delegation import DelegateError, DelegatePending, Delegation
from mesh.naming.delegator import delegate
from mesh.naming.dtab import EMPTY_DTAB, Dtab
from mesh.naming.namer import BoundTree, Failed, Namer, Pending
from mesh.naming.path import Path
from mesh.naming.tree import Leaf
from mesh.params import Param
from mesh.var import Computed, Fixed, Readable, Reader


class Interpreter(Protocol):
    """Binds names by a base dtab, which it holds, and the override that a request brought."""

    @property
    def dtab(self) -> Readable[DtabState]:
        """The base dtab."""
        ...

    def bind(self, local: Dtab, path: Path) -> Readable[BoundTree]:
        """Return what `path` is bound to under the base dtab followed by `local`.

        Costs next to nothing until it is read or watched; keeps no good tree when a bad one follows (`held` does).
        """
        ...

    def delegate(self, local: Dtab, path: Path) -> Readable[Delegation]:
        """Return the whole way of `path`, every alternative included.

        Watch it until `is_settled` says that all have answered: some answer only when they are watched.
        """
        ...


class LocalInterpreter:
    """Binds in this process, with the namers of the stack file, wherever the dtab comes from."""

    def __init__(
        self, dtab: Readable[DtabState], namers: Sequence[tuple[Path, Namer]] = (), system: Namer | None = None
    ) -> None:
        """Take the base dtab, the namers in the order of the configuration (the last is asked first), and that of `/$`."""
        self.dtab = dtab
        self._binder = Binder(dtab, namers, system)

    def bind(self, local: Dtab, path: Path) -> Computed[BoundTree]:
        """Return what `path` is bound to; see `Binder.bind`."""
        return self._binder.bind(local, path)

    def delegate(self, local: Dtab, path: Path) -> Computed[Delegation]:
        """Return the whole way of `path`."""

        def follow(read: Reader) -> Delegation:
            base = read(self.dtab)
            match base:
                case Pending():
                    return DelegatePending(path, None)
                case Failed(cause):
                    return DelegateError(path, None, cause)
                case _:
                    return delegate(base + local, self._binder.namers, Leaf(path), read)

        return Computed(follow)


INTERPRETER: Param[Interpreter] = Param(LocalInterpreter(Fixed(EMPTY_DTAB)), "interpreter")
"""The interpreter of the router; the default one knows no name."""
BASE_DTAB: Param[Readable[DtabState]] = Param(Fixed(EMPTY_DTAB), "base dtab")
"""The router's own dtab, for an interpreter to build on."""
NAMERS: Param[Sequence[tuple[Path, Namer]]] = Param((), "namers")
"""The configured namers with their whole prefixes, in the order of the configuration."""
SYSTEM_NAMER: Param[Namer | None] = Param(None, "system namer")
"""The namer of `/$`."""
