"""Endpoints, the changing sets of them, and what is known of their health."""

from collections.abc import Callable, Mapping
from enum import IntEnum
from types import MappingProxyType

import attrs

from mesh.params import Param

NO_META: Mapping[str, str] = MappingProxyType({})


@attrs.frozen
class Endpoint:
    """One IP address and port, with its weight and what discovery knows about it; equal by host and port alone."""

    host: str
    port: int
    weight: float = attrs.field(default=1.0, eq=False)
    meta: Mapping[str, str] = attrs.field(default=NO_META, eq=False)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@attrs.frozen
class AddrPending:
    """Nothing is known yet."""


def _exactly(endpoints: tuple[Endpoint, ...]) -> list[tuple[str, int, float, Mapping[str, str]]]:
    """Return what tells two sets apart: weights and metadata too, which do not make an endpoint another one."""
    return [(endpoint.host, endpoint.port, endpoint.weight, endpoint.meta) for endpoint in endpoints]


@attrs.frozen
class AddrBound:
    """The set is known, possibly empty; `meta` belongs to the set (such as `authority`). In order of discovery, no doubles.

    `stale` is why the source no longer answers, if it does not: then this is its last good answer.
    """

    endpoints: tuple[Endpoint, ...] = attrs.field(eq=_exactly)
    meta: Mapping[str, str] = NO_META
    stale: str = ""


@attrs.frozen
class AddrNeg:
    """There is no such name."""


@attrs.frozen
class AddrFailed:
    """The source could not answer, and never could before."""

    cause: str


Addr = AddrPending | AddrBound | AddrNeg | AddrFailed


class Status(IntEnum):
    """How fit an endpoint is, best first; a balancer prefers the smaller."""

    OPEN = 0
    BUSY = 1
    CLOSED = 2


class Health:
    """The cell that a balancer gives down for one endpoint; breakers, probes and the pool write it, the balancer reads it.

    Each writer has its own name; the status is the worst that any of them says. Changes take effect at the next pick.
    """

    __slots__ = ("_said", "_told", "status")

    def __init__(self) -> None:
        self._said: dict[str, Status] = {}
        self._told: dict[str, Callable[[Status], None]] = {}
        self.status = Status.OPEN

    def say(self, writer: str, status: Status) -> None:
        """Set what `writer` thinks, replacing what it thought before."""
        said, before = self._said.get(writer, Status.OPEN), self.status
        if status is Status.OPEN:
            self._said.pop(writer, None)
        else:
            self._said[writer] = status
        self.status = max(self._said.values(), default=Status.OPEN)
        if self.status is not before:
            self.changed(before)
        if status is not said and writer in self._told:
            self._told[writer](status)  # last, since it may well say something itself

    def changed(self, before: Status) -> None:
        """Take note that the status is another one than `before`; for those that extend this class."""

    def on_change(self, writer: str, callback: Callable[[Status], None]) -> None:
        """Call `callback` whenever `writer` changes its mind, with what it thinks now; replaces an earlier callback."""
        self._told[writer] = callback

    @property
    def reasons(self) -> Mapping[str, Status]:
        """What each writer that is not content says."""
        return self._said


ENDPOINT = Param(Endpoint("", 0), "endpoint")
"""The endpoint that an endpoint stack is built for."""
HEALTH = Param(Health(), "health")
"""The endpoint's health cell; the default one is read by nobody."""
