"""What hashing balancers have in common: a circle of places, each an endpoint's; a request begins at the place of its hash.

If the endpoint there is not open, was tried, or is over its bound of load, the circle is followed to the next one, so that
like requests go to the same second endpoint as well. Requests without a value to hash are balanced by p2c.
Source of the bound: Mirrokni, Thorup, Zadimoghaddam, Consistent Hashing with Bounded Loads, 2017.
"""

from collections.abc import Callable
from random import Random

from mesh import Endpoint, Metrics, Request
from mesh_plugins.balancers.hash_keys import HashKeys, digest
from mesh_plugins.balancers.node import Distributor, Node
from mesh_plugins.balancers.p2c import P2CConfig, p2c

STEPS = 16  # places of the circle that are looked at for each endpoint of the effort; one endpoint may have several in a row


class BoundedNode(Node):
    """A node whose requests count towards the mean."""

    __slots__ = ("rule",)

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(endpoint)
        self.rule: Hashed | None = None

    def acquire(self) -> Callable[[], None]:
        """Count a request, of the node and of all."""
        self.load += 1
        if self.rule is not None:
            self.rule.total += 1
        return self.release

    def release(self) -> None:
        """Count one reply as closed."""
        if self.rule is not None:
            self.rule.total -= 1
        super().release()


class Hashed(Distributor):
    """The part of a rule that does not depend on how the circle is made. `total` counts the requests of all nodes."""

    __slots__ = (
        "_circle",
        "_down",
        "_extracts",
        "_factor",
        "_max_effort",
        "_nodes",
        "_others",
        "_source",
        "diverted",
        "plain",
        "total",
        "unkeyed",
    )

    pins = True

    def __init__(self, keys: HashKeys, source: Random) -> None:
        self._extracts = keys.extracts
        self._source = source
        self._factor = (keys.hash_balance_factor or 0) / 100.0
        self._max_effort = keys.max_effort
        self._others = p2c(P2CConfig(), source)()
        self._circle: list[Node] = []
        self._nodes: list[Node] = []
        self._down: set[Node] = set()
        self.plain = not self._factor
        self.total = 0
        self.diverted = 0
        self.unkeyed = 0

    def new_node(self, endpoint: Endpoint) -> Node:
        """Return a node; one that counts its requests here, if there is a bound."""
        return Node(endpoint) if self.plain else BoundedNode(endpoint)

    def update(self, nodes: list[Node]) -> None:
        """Make the circle of these, changing it as little as may be."""
        for gone in self._nodes:
            if isinstance(gone, BoundedNode) and gone.rule is self:
                gone.rule = None
        for node in nodes:
            if isinstance(node, BoundedNode):
                node.rule = self
        self.total = sum(node.load for node in nodes)
        self._nodes = nodes
        self._down = {node for node in nodes if node.status}
        self._others.update(nodes)
        self._circle = self.circle(nodes)

    def circle(self, nodes: list[Node]) -> list[Node]:
        """Return the owner of each place."""
        raise NotImplementedError

    def place(self, value: int) -> int:
        """Return the place at which a hash begins."""
        raise NotImplementedError

    def changed(self, node: Node, /) -> None:
        """Keep count of who is open."""
        if node.status:
            self._down.add(node)
        else:
            self._down.discard(node)
        self._others.changed(node)

    def pick(self, request: Request, /) -> Node:
        """Return the owner of the request's place, or the next one that will do."""
        value = self._value(request)
        if value is None:
            self.unkeyed += 1
            return self._others.pick(request)
        place = self.place(digest(value))
        node = self._circle[place]
        if node.status or self._factor or request.context.tried:
            return self._follow(place, request)
        return node

    def _value(self, request: Request) -> bytes | None:
        for extract in self._extracts:
            value = extract(request)
            if value is not None:
                return value
        return None

    def lot(self, request: Request, /) -> float:
        """Return a number that does not go with the place, or else a level above would have a part of the circle alone."""
        value = self._value(request)
        return self._source.random() if value is None else digest(b"lot " + value) / 2**64

    def _follow(self, place: int, request: Request) -> Node:
        """Return the first node from `place` that is open, untried, and under the bound; failing that, the first open one."""
        circle, tried, bound = self._circle, request.context.tried, self._bound()
        own, second = circle[place], None
        seen: set[Node] = set()
        for step in range(min(len(circle), STEPS * self._max_effort)):
            node = circle[place + step - len(circle)]
            if node in seen:
                continue
            if not node.status and node.endpoint not in tried:
                if node.load < bound:
                    self.diverted += node is not own
                    return node
                second = second or node
            seen.add(node)
            if len(seen) >= self._max_effort:
                break
        self.diverted += second is not None and second is not own
        return second or own

    def _bound(self) -> float:
        if not self._factor:
            return float("inf")
        open_ones = len(self._nodes) - len(self._down)
        return self._factor * (self.total + 1) / (open_ones or len(self._nodes))

    def show(self, scope: Metrics, /) -> None:
        """Show the circle, and how many requests did not go where their hash said."""
        own = scope.scope("hash")
        own.gauge("entries", fn=lambda: len(self._circle))
        own.counter("diverted", fn=lambda: self.diverted)
        own.counter("unkeyed", fn=lambda: self.unkeyed)
