"""Power of two choices: of two endpoints drawn at random, the one with fewer outstanding requests.

Source: finagle-core, loadbalancer/p2c/P2CPick.scala and P2CLeastLoaded.scala; weights as in TrafficDistributor.scala.
"""

from collections.abc import Callable
from random import Random

import attrs

from mesh import AliasTable, alias_table, key
from mesh_plugins.balancers.node import Distributor, Node


@attrs.frozen
class P2CConfig:
    """Two random endpoints, the one with fewer outstanding requests wins."""

    max_effort: int = key(
        "How often a pick that met an endpoint which is not available is drawn again; then the last one is used anyway.",
        5,
        least=1,
    )
    enable_probation: bool = key("Keep endpoints that discovery removed while they are healthy.", False, built=False)


class P2C:
    """The rule over one list of nodes of equal weight. `source` has `random()`, uniform in [0, 1)."""

    __slots__ = ("_count", "_draw", "_max_effort", "_nodes")

    def __init__(self, nodes: list[Node], max_effort: int, source: Random) -> None:
        self._nodes = nodes
        self._count = len(nodes)
        self._max_effort = max_effort
        self._draw: Callable[[], float] = source.random

    def pick(self) -> Node:
        nodes, count, draw = self._nodes, self._count, self._draw
        if count == 1:
            return nodes[0]
        node = nodes[0]
        for _effort in range(self._max_effort):
            first = int(draw() * count)
            second = int(draw() * (count - 1))
            if second >= first:
                second += 1
            node, other = nodes[first], nodes[second]
            better = other.health.status - node.health.status
            if better < 0 or (better == 0 and other.load < node.load):
                node = other
            if node.health.status == 0:
                return node
        return node


class Weighted:
    """P2C inside a class of equal weight; the class is drawn with a probability of weight times size."""

    __slots__ = ("_classes", "_source", "_table")

    def __init__(self, classes: list[P2C], table: AliasTable, source: Random) -> None:
        self._classes = classes
        self._table = table
        self._source = source

    def pick(self) -> Node:
        start = self._table.draw(self._source)
        node = self._classes[start].pick()
        if node.health.status == 0:
            return node
        for offset in range(1, len(self._classes)):
            other = self._classes[(start + offset) % len(self._classes)].pick()
            if other.health.status == 0:
                return other
        return node


def p2c(config: P2CConfig, source: Random | None = None) -> Callable[[list[Node]], Distributor]:
    """Return the maker of distributors for a `p2c` in a stack file; `source` is for tests."""
    source = source or Random()

    def distribute(nodes: list[Node]) -> Distributor:
        classes: dict[float, list[Node]] = {}
        for node in nodes:
            classes.setdefault(node.endpoint.weight, []).append(node)
        if len(classes) == 1:
            return P2C(nodes, config.max_effort, source)
        table = alias_table([weight * len(members) for weight, members in classes.items()])
        return Weighted([P2C(members, config.max_effort, source) for members in classes.values()], table, source)

    return distribute
