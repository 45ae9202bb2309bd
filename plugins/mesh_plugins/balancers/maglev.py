"""Maglev: a table of places that endpoints fill in turn, each in an order of its own; a request goes to the owner of its hash.

All endpoints have the same number of places, give or take one; when one comes or goes, nearly only the requests that it gets
or had change their endpoint. Every process that knows the same endpoints has the same table.
Source: D. Eisenbud et al., Maglev: A Fast and Reliable Software Network Load Balancer, NSDI 2016, section 3.4; weights as in
Envoy, maglev_lb.cc.
"""

from hashlib import blake2b
from random import Random
from struct import unpack

import attrs

from mesh import key
from mesh_plugins.balancers.hash_keys import HashKeys
from mesh_plugins.balancers.hashed import Hashed
from mesh_plugins.balancers.node import NewDistributor, Node

MOST_PLACES = 5000011  # Envoy's bound


@attrs.frozen
class MaglevConfig(HashKeys):
    """Like requests go to the same endpoint, by a table that all endpoints share evenly. Raises `ValueError`."""

    table_size: int = key(
        "The places of the table, a prime; to be even it should be a hundred times the number of endpoints.",
        16381,
        least=2,
        most=MOST_PLACES,
    )

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        if not _is_prime(self.table_size):
            raise ValueError(f"`tableSize` must be a prime, such as 16381 or 65537, not {self.table_size}")


class Maglev(Hashed):
    """The rule."""

    __slots__ = ("_size",)

    algorithm = "maglev"

    def __init__(self, config: MaglevConfig, source: Random) -> None:
        super().__init__(config, source)
        self._size = config.table_size

    def circle(self, nodes: list[Node]) -> list[Node]:
        """Return the table; it depends on the names and weights of the endpoints, not on the order they are found in."""
        if not nodes:
            return []
        weighty = [node for node in nodes if node.endpoint.weight]
        heavy = sorted(weighty or nodes, key=lambda node: str(node.endpoint))
        heaviest = max(node.endpoint.weight for node in heavy) or 1.0
        shares = [node.endpoint.weight / heaviest or 1.0 for node in heavy]
        return fill([_order(node, self._size) for node in heavy], shares, heavy, self._size)

    def place(self, value: int) -> int:
        """Return the place of a hash."""
        return value % self._size


def fill(orders: list[tuple[int, int]], shares: list[float], nodes: list[Node], size: int) -> list[Node]:
    """Let the nodes take places in turn: each the next in its order that is free, every `1 / share` rounds."""
    table: list[Node | None] = [None] * size
    nexts = [offset for offset, _skip in orders]
    skips = [skip for _offset, skip in orders]
    turns = [0.0] * len(nodes)
    left = size
    while True:
        for index, node in enumerate(nodes):
            turns[index] += shares[index]
            if turns[index] < 1.0:
                continue
            turns[index] -= 1.0
            place, skip = nexts[index], skips[index]
            while table[place] is not None:
                place += skip
                if place >= size:
                    place -= size
            table[place] = node
            nexts[index] = (place + skip) % size
            left -= 1
            if not left:
                return [owner for owner in table if owner is not None]


def _order(node: Node, size: int) -> tuple[int, int]:
    """Return where the order of a node begins, and by how much it goes on; `size` is prime, so that it meets every place."""
    offset, skip = unpack(">2Q", blake2b(str(node.endpoint).encode(), digest_size=16).digest())
    return offset % size, skip % (size - 1) + 1


def _is_prime(number: int) -> bool:
    return number > 1 and all(number % divisor for divisor in range(2, int(number**0.5) + 1))


def maglev(config: MaglevConfig, source: Random | None = None) -> NewDistributor:
    """Return the maker of the rule of a `maglev` in a stack file; `source` is for tests."""
    drawn = source or Random()
    return lambda: Maglev(config, drawn)
