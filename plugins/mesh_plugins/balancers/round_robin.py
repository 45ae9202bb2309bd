"""Round robin: one endpoint after the other, whatever its load.

The circle has the endpoints that were open when it was made, or all others if there were none. A pick that meets one which is
not open any more goes on to the next, and has the circle made anew; so does an endpoint outside that is open again.
Source: finagle-core, loadbalancer/roundrobin/RoundRobinBalancer.scala.
"""

from collections.abc import Callable
from random import Random

import attrs

from mesh import Request, key
from mesh_plugins.balancers.node import Distributor, NewDistributor, Node
from mesh_plugins.balancers.p2c import EFFORT
from mesh_plugins.balancers.weights import by_weight


@attrs.frozen
class RoundRobinConfig:
    """One endpoint after the other."""

    max_effort: int = key(EFFORT, 5, least=1)


class RoundRobin(Distributor):
    """The rule over nodes of equal weight. Each circle begins at a place drawn from `source`.

    Otherwise all processes that see an update together would turn to the same endpoint first.
    """

    __slots__ = ("_circle", "_draw", "_max_effort", "_next", "_nodes", "_outside", "_rebuilds", "_stale")

    algorithm = "round_robin"

    def __init__(self, max_effort: int, source: Random) -> None:
        self._nodes: list[Node] = []
        self._circle: list[Node] = []
        self._outside: frozenset[Node] = frozenset()
        self._next = 0
        self._stale = False
        self._rebuilds = 0
        self._max_effort = max_effort
        self._draw: Callable[[], float] = source.random

    def update(self, nodes: list[Node]) -> None:
        """Go round these from now on."""
        self._nodes = nodes
        self._close_circle()

    def _close_circle(self) -> None:
        self._outside = frozenset(node for node in self._nodes if node.status)
        self._circle = [node for node in self._nodes if not node.status] or self._nodes
        self._next = int(self._draw() * len(self._circle))
        self._stale = False

    def _rebuild(self) -> None:
        self._close_circle()
        self._rebuilds += 1

    def pick(self, _request: Request, /) -> Node:
        """Return the next one that is open; after `max_effort` that are not, the next of a circle made anew."""
        for _effort in range(self._max_effort):
            node = self._turn()
            if not node.status:
                if self._stale:
                    self._rebuild()
                return node
            self._stale = True
        self._rebuild()
        return self._turn()

    def _turn(self) -> Node:
        circle, index = self._circle, self._next
        self._next = index + 1 if index + 1 < len(circle) else 0
        return circle[index]

    def changed(self, node: Node, /) -> None:
        """Let the circle be made anew, after the next pick, for an endpoint that was not open when it was made."""
        if not node.status and node in self._outside:
            self._stale = True

    def rebuilds(self) -> int:
        """Return how often the circle was made anew because of health."""
        return self._rebuilds


def round_robin(config: RoundRobinConfig, source: Random | None = None) -> NewDistributor:
    """Return the maker of the rule of a `roundRobin` in a stack file; `source` is for tests."""
    drawn = source or Random()
    return by_weight(lambda: RoundRobin(config.max_effort, drawn), drawn)
