"""Aperture without chance: of several like processes each knows which one it is, and takes its own part of a ring.

The endpoints lie on a ring of the length 1, each on an arc in proportion to its weight, in an order that all processes
agree on. A process begins at its own part of the ring and goes on until its window has enough endpoints; the windows of
all processes together cover every endpoint equally often. Endpoints are drawn by how much of their arc lies inside.
Source: finagle-core, loadbalancer/aperture/WeightedAperture.scala and DeterministicAperture.scala.
"""

from collections.abc import Sequence
from math import ceil
from random import Random

import attrs

from mesh import AliasTable, Metrics, Request, alias_table, key
from mesh_plugins.balancers.hash_keys import digest
from mesh_plugins.balancers.node import Distributor, Node

LEAST = 12  # endpoints of a window, so that the load stays even when one of them fails; Finagle's
SECOND_DRAWS = 5  # until the second of two is another one; windows may have one endpoint that is nearly all of them
EQUAL = 1e-4  # parts of the ring that differ by less count as equal; Finagle's


@attrs.frozen
class Coordinate:
    """Which of several like processes this one is. Raises `ValueError` for one beyond the last."""

    instance: int = key("Its number, from 0.", least=0)
    total: int = key("How many of them there are.", least=1)

    def __attrs_post_init__(self) -> None:
        if self.instance >= self.total:
            raise ValueError(f"`instance` ({self.instance}) must be below `total` ({self.total})")


def parts(weights: Sequence[float], coordinate: Coordinate, least: int = LEAST) -> list[float]:
    """Return how much of the arc of each endpoint lies in the window of one process, as a part of the whole ring."""
    size, unit = len(weights), 1.0 / coordinate.total
    offset = coordinate.instance * unit
    width = min(1.0, ceil(round(min(least, size) / size / unit, 9)) * unit)
    total = sum(weights)
    arcs = [weight / total for weight in weights] if total else [1.0 / size] * size
    found, begin = [], 0.0
    for arc in arcs:
        end = begin + arc
        inside = _overlap(begin, end, offset, offset + width) + _overlap(begin, end, offset - 1.0, offset + width - 1.0)
        found.append(inside if inside > 1e-12 else 0.0)  # less is what adding up floats has left over
        begin = end
    return found


def _overlap(begin: float, end: float, low: float, high: float) -> float:
    return max(min(end, high) - max(begin, low), 0.0)


class Deterministic(Distributor):
    """The rule over nodes of any weight. State: those in the window, with their parts."""

    __slots__ = ("_coordinate", "_least", "_max_effort", "_parts", "_source", "_table", "_window")

    algorithm = "aperture_least_loaded"

    def __init__(self, coordinate: Coordinate, least: int, max_effort: int, source: Random) -> None:
        self._coordinate = coordinate
        self._least = max(least, LEAST)
        self._max_effort = max_effort
        self._source = source
        self._window: list[Node] = []
        self._parts: list[float] = []
        self._table: AliasTable = alias_table([1.0])

    def update(self, nodes: list[Node]) -> None:
        """Lay these on the ring, in the order of the hashes of their addresses."""
        if not nodes:
            self._window = []
            return
        ring = sorted(nodes, key=lambda node: digest(str(node.endpoint).encode()))
        inside = parts([node.endpoint.weight for node in ring], self._coordinate, self._least)
        self._window = [node for node, part in zip(ring, inside, strict=True) if part]
        self._parts = [part for part in inside if part]
        self._table = alias_table(self._parts)

    def pick(self, _request: Request, /) -> Node:
        """Return the better of two in the window, by status, then by load in proportion to their parts."""
        window, table, source = self._window, self._table, self._source
        node = window[0]
        if len(window) == 1:
            return node
        for _effort in range(self._max_effort):
            first = table.draw(source)
            for _draw in range(SECOND_DRAWS):
                second = table.draw(source)
                if second != first:
                    break
            node = self._better(first, second)
            if not node.status:
                return node
        return node

    def _better(self, first: int, second: int) -> Node:
        node, other = self._window[first], self._window[second]
        if node.status != other.status:
            return node if node.status < other.status else other
        part, others = self._parts[first], self._parts[second]
        if abs(part - others) < EQUAL * max(part, others):
            return node if node.load <= other.load else other
        return node if node.load * others <= other.load * part else other

    def show(self, scope: Metrics, /) -> None:
        """Show the window."""
        scope.gauge("logical_aperture", fn=lambda: len(self._window))
        scope.gauge("physical_aperture", fn=lambda: sum(node.service is not None for node in self._window))
        scope.gauge("use_deterministic_ordering", fn=lambda: 1)
