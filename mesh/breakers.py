"""The circuit breakers of a router, for whoever operates it: what state each is in, and how to reset one."""

from collections.abc import Callable, Mapping
from typing import Protocol

import attrs

from mesh.endpoint import Endpoint
from mesh.params import Param


class Breaker(Protocol):
    """The circuit breaker of one endpoint."""

    def show(self) -> Mapping[str, object]:
        """Return its state as JSON."""

    def reset(self) -> None:
        """Forget every failure, and let requests through from now on."""


@attrs.frozen(eq=False)
class Placed:
    """A breaker and where it stands: the client's id, and the endpoint."""

    client: str
    endpoint: Endpoint
    breaker: Breaker


@attrs.define(eq=False)
class Breakers:
    """State: the breakers of the endpoints that are in use, in the order in which they were first used."""

    _placed: dict[Placed, None] = attrs.field(factory=dict, init=False)

    def add(self, client: str, endpoint: Endpoint, breaker: Breaker) -> Callable[[], None]:
        """Add a breaker; return what takes it out again."""
        placed = Placed(client, endpoint, breaker)
        self._placed[placed] = None
        return lambda: self._placed.pop(placed, None)

    def join(self, others: "Breakers") -> None:
        """Share one list with `others` from now on, those of a router whose place this one's router takes."""
        others._placed.update(self._placed)
        self._placed = others._placed

    def find(self, client: str = "", endpoint: str = "") -> list[Placed]:
        """Return those of a client and of an endpoint (`10.0.0.1:80`); of any, where that is empty."""
        return [
            placed
            for placed in self._placed
            if client in ("", placed.client) and endpoint in ("", str(placed.endpoint))
        ]


BREAKERS = Param(Breakers(), "breakers")
"""The breakers of the router; the default ones are shown to nobody."""
