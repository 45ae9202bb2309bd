"""Ring hash: each endpoint has points on a ring of numbers; a request goes to the owner of the first point after its hash.

When an endpoint comes or goes, only the requests that it gets or had change their endpoint. Every process that knows the same
endpoints has the same ring. Source of the idea: ketama (R. Jones, last.fm, 2007); Envoy, ring_hash_lb.cc.
"""

from bisect import bisect_left
from collections.abc import Iterator
from hashlib import blake2b
from itertools import islice
from operator import itemgetter
from random import Random
from struct import unpack

import attrs

from mesh import Endpoint, key
from mesh_plugins.balancers.hash_keys import HashKeys
from mesh_plugins.balancers.hashed import Hashed
from mesh_plugins.balancers.node import NewDistributor, Node


@attrs.frozen
class RingHashConfig(HashKeys):
    """Like requests go to the same endpoint, the owner of the next point on a ring."""

    points_per_endpoint: int = key(
        "How many points the endpoint of the greatest weight has; more are fairer and take more memory.", 128, least=1
    )
    maximum_ring_size: int = key(
        "The points of the ring; where all endpoints together would have more, each has half as many, and so on.",
        65536,
        least=1024,
        most=8388608,
    )


class RingHash(Hashed):
    """The rule. State: `_points` in order, and how many of them each node has."""

    __slots__ = ("_counts", "_most", "_per_endpoint", "_points")

    algorithm = "ring_hash"

    def __init__(self, config: RingHashConfig, source: Random) -> None:
        super().__init__(config, source)
        self._per_endpoint = config.points_per_endpoint
        self._most = config.maximum_ring_size
        self._points: list[int] = []
        self._counts: dict[Node, int] = {}

    def circle(self, nodes: list[Node]) -> list[Node]:
        """Return the owners of the points in order; only the points of nodes that came, went or changed are touched."""
        counts = self._count(nodes)
        known = self._counts
        same = {node for node, count in counts.items() if known.get(node) == count}
        pairs = [pair for pair in zip(self._points, self._circle, strict=True) if pair[1] in same]
        for node, count in counts.items():
            if node not in same:
                pairs += [(point, node) for point in islice(points_of(node.endpoint), count)]
        pairs.sort(key=itemgetter(0))
        self._counts = counts
        self._points = [point for point, _node in pairs]
        return [node for _point, node in pairs]

    def _count(self, nodes: list[Node]) -> dict[Node, int]:
        """Return how many points each node has: in proportion to its weight, none for none, while others have a weight."""
        heaviest = max((node.endpoint.weight for node in nodes), default=0.0)
        shares = {node: node.endpoint.weight / heaviest if heaviest else 1.0 for node in nodes}
        total, points = sum(shares.values()), self._per_endpoint
        while points > 1 and points * total > self._most:
            points //= 2
        return {node: max(round(points * share), 1) if share else 0 for node, share in shares.items()}

    def place(self, value: int) -> int:
        """Return the place of the first point at or after a hash."""
        place = bisect_left(self._points, value)
        return place if place < len(self._points) else 0


def points_of(endpoint: Endpoint) -> Iterator[int]:
    """Yield the points of an endpoint, always the same ones in the same order, eight from each digest."""
    name, number = str(endpoint).encode(), 0
    while True:
        yield from unpack(">8Q", blake2b(b"%s_%d" % (name, number)).digest())
        number += 1


def ring_hash(config: RingHashConfig, source: Random | None = None) -> NewDistributor:
    """Return the maker of the rule of a `ringHash` in a stack file; `source` is for tests."""
    drawn = source or Random()
    return lambda: RingHash(config, drawn)
