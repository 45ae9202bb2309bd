"""A rule over nodes of the test's own, wired to their health as a balancer does it."""

from collections import Counter
from collections.abc import Callable
from random import Random

from mesh import Endpoint, Request
from mesh.testing import request
from mesh_plugins.balancers.members import Members
from mesh_plugins.balancers.node import NewDistributor, Node


def endpoint(number: int, weight: float = 1.0) -> Endpoint:
    return Endpoint(f"10.{number // 65536}.{number // 256 % 256}.{number % 256}", 80, weight)


def ruled(new: NewDistributor, *weights: float) -> Members:
    """Return the members of a balancer: one endpoint for each weight."""
    members = Members(new())
    members.update([endpoint(number, weight) for number, weight in enumerate(weights)])
    return members


def nodes_of(members: Members) -> list[Node]:
    return list(members.nodes.values())


def pick(members: Members, asked: Request | None = None) -> Node:
    assert members.pick is not None
    return members.pick(request() if asked is None else asked)


def acquire(members: Members) -> tuple[int, Callable[[], None]]:
    """Send a request; return the number of its endpoint, and what ends it."""
    node = pick(members)
    return nodes_of(members).index(node), node.acquire()


def picked(members: Members, times: int, asked: Request | None = None) -> Counter[int]:
    """Return how often each node was picked."""
    numbers = {node: number for number, node in enumerate(nodes_of(members))}
    return Counter(numbers[pick(members, asked)] for _time in range(times))


class Counting(Random):
    """Counts what is drawn."""

    draws = 0

    def random(self) -> float:
        self.draws += 1
        return super().random()


class Low(Random):
    """Draws always the least number."""

    def random(self) -> float:
        return 0.0
