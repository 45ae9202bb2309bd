"""An endpoint inside a balancer."""

from typing import Protocol

from mesh import AnyService, Endpoint, Health, Life


class Node:
    """One endpoint with its load: the number of requests whose replies are not closed. `service` is built at first use."""

    __slots__ = ("endpoint", "health", "life", "load", "removed", "service")

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.health = Health()
        self.load = 0
        self.service: AnyService | None = None
        self.life: Life | None = None
        self.removed = False

    def release(self) -> None:
        """Count one reply as closed; the last one of a removed endpoint closes its stack."""
        self.load -= 1
        if self.removed and not self.load:
            self.close()

    def close(self) -> None:
        """Close the endpoint's stack, if one was built."""
        if self.life is not None:
            self.life.close()


class Distributor(Protocol):
    """The rule that picks a node, over a fixed list of them; the balancer makes a new one when the list changes."""

    def pick(self) -> Node:
        """Return a node, preferably an open one; never fails, since a balancer fails open. The list is not empty."""


class NewDistributor(Protocol):
    """What the factory of a balancer kind returns."""

    def __call__(self, nodes: list[Node], /) -> Distributor: ...
