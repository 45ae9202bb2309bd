"""Power of two choices: of two endpoints drawn at random, the one with fewer outstanding requests.

Source: finagle-core, loadbalancer/p2c/P2CPick.scala and P2CLeastLoaded.scala.
"""

from collections.abc import Callable
from random import Random

import attrs

from mesh import Request, key
from mesh_plugins.balancers.node import Distributor, NewDistributor, Node
from mesh_plugins.balancers.weights import by_weight

EFFORT = (
    "How often a pick that met an endpoint which is not available is drawn again; then the last one is used anyway."
)


@attrs.frozen
class P2CConfig:
    """Two random endpoints, the one with fewer outstanding requests wins."""

    max_effort: int = key(EFFORT, 5, least=1)


class P2C(Distributor):
    """The rule over nodes of equal weight: the first `count` of them. `source` has `random()`, uniform in [0, 1)."""

    __slots__ = ("_draw", "_max_effort", "_nodes", "count")

    algorithm = "p2c_least_loaded"

    def __init__(self, max_effort: int, source: Random) -> None:
        self._nodes: list[Node] = []
        self.count = 0
        self._max_effort = max_effort
        self._draw: Callable[[], float] = source.random

    def update(self, nodes: list[Node]) -> None:
        """Draw among these from now on."""
        self._nodes = nodes
        self.count = len(nodes)

    def pick(self, _request: Request, /) -> Node:
        """Return the better of two, by status, then by load."""
        nodes, count, draw = self._nodes, self.count, self._draw
        node = nodes[0]
        if count == 1:
            return node
        for _effort in range(self._max_effort):
            first = int(draw() * count)
            second = int(draw() * (count - 1))
            if second >= first:
                second += 1
            node, other = nodes[first], nodes[second]
            if other.status == node.status:
                if other.load < node.load:
                    node = other
            elif other.status < node.status:
                node = other
            if not node.status:
                return node
        return node


def p2c(config: P2CConfig, source: Random | None = None) -> NewDistributor:
    """Return the maker of the rule of a `p2c` in a stack file; `source` is for tests."""
    drawn = source or Random()
    return by_weight(lambda: P2C(config.max_effort, drawn), drawn)
