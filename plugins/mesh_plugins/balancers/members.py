"""The nodes of one balancer and the rule over them: who comes and goes, who is on probation, and whether health counts.

Theory of operation. An update of the address set makes nodes for new endpoints and keeps all others, with what they know.
The health of each node is pushed here when it changes, so that nobody counts nodes to learn how many are open. With a
panic threshold, too few open ones let picks ignore health: then every node has the status 0, until enough are open again.
With probation, an endpoint that left the set stays while it is open.
"""

from collections.abc import Callable, Sequence
from math import isfinite

import attrs

from mesh import Endpoint, Param, Request, Status
from mesh_plugins.balancers.node import OPEN, Distributor, Node

MOST_ON_PROBATION = 1000  # of a set that changes for ever; the eldest go first


@attrs.define(eq=False)
class BalancerCounts:
    """What the balancer has seen; each number only grows."""

    adds: int = 0
    removes: int = 0
    updates: int = 0
    rebuilds: int = 0
    max_effort_exhausted: int = 0
    panicked: int = 0


class Members:
    """State: `nodes` by endpoint, `census`, how many of them have each status, `pick`, which is None while there is none.

    `panicking` says that health is ignored. Changed by updates of the address set and by changes of health alone.
    """

    __slots__ = (
        "_on_probation",
        "_panic_percent",
        "_probation",
        "_watcher",
        "census",
        "counts",
        "distributor",
        "nodes",
        "panicking",
        "pick",
        "plain",
    )

    def __init__(self, distributor: Distributor, *, panic_percent: float = 0.0, probation: bool = False) -> None:
        self.distributor = distributor
        self._panic_percent = panic_percent
        self._probation = probation
        self._on_probation: dict[Endpoint, Node] = {}
        self._watcher = self._changed
        self.nodes: dict[Endpoint, Node] = {}
        self.census = [0] * len(Status)
        self.counts = BalancerCounts()
        self.panicking = False
        self.pick: Callable[[Request], Node] | None = None
        self.plain = distributor.plain

    def update(self, endpoints: Sequence[Endpoint]) -> None:
        """Let the address set be this one. Raises `ValueError` for weights that make no sense; then nothing has changed."""
        _check([endpoint.weight for endpoint in endpoints])
        before, nodes, news = dict(self.nodes), dict[Endpoint, Node](), 0
        altered = False
        for endpoint in endpoints:
            node = before.pop(endpoint, None)
            if node is None:
                if endpoint in nodes:  # a namer should not say it twice
                    continue
                node = self._add(endpoint)
                news += 1
            elif node.endpoint.weight != endpoint.weight or node.endpoint.meta != endpoint.meta:
                altered = True
            node.endpoint = endpoint
            nodes[endpoint] = node
        gone = list(before.values())
        if self._probation:
            gone = self._keep(gone, nodes)
        self.nodes = nodes
        for node in gone:
            self._remove(node)
        self.counts.updates += 1
        self.counts.adds += news
        if news or gone or altered:
            self._distribute()

    def _keep(self, gone: list[Node], nodes: dict[Endpoint, Node]) -> list[Node]:
        """Put those that are well on probation, and among the nodes; return those that go."""
        kept = [node for node in gone if node.said is Status.OPEN][-MOST_ON_PROBATION:]
        self._on_probation = {node.endpoint: node for node in kept}
        nodes.update(self._on_probation)
        return [node for node in gone if node.endpoint not in self._on_probation]

    def _add(self, endpoint: Endpoint) -> Node:
        node = self.distributor.new_node(endpoint)
        node.watcher = self._watcher
        self.census[OPEN] += 1
        return node

    def _remove(self, node: Node) -> None:
        self.counts.removes += 1
        self.census[node.said] -= 1
        node.watcher = None
        node.removed = True
        if not node.load:
            node.close()

    def _distribute(self) -> None:
        """Tell the rule of the nodes there are."""
        self.distributor.update(list(self.nodes.values()))
        self.counts.rebuilds += 1
        self._judge()
        self._point()

    def _point(self) -> None:
        if not self.nodes:
            self.pick = None
        elif self.panicking:
            self.pick = self._pick_whoever
        else:
            self.pick = self.distributor.picking

    def _changed(self, node: Node, before: Status) -> None:
        """Take note that the health of a node is another one."""
        if node.endpoint in self._on_probation:
            self.census[before] -= 1
            self.census[node.said] += 1
            del self._on_probation[node.endpoint], self.nodes[node.endpoint]
            self._remove(node)
            self._distribute()
            return
        self.census[before] -= 1
        self.census[node.said] += 1
        if not self.panicking:
            node.status = int(node.said)
        self.distributor.changed(node)
        self._judge()

    def _judge(self) -> None:
        """Begin or cease to ignore health, by how many nodes are open."""
        panicking = self.census[OPEN] * 100.0 < self._panic_percent * len(self.nodes)
        if panicking is self.panicking:
            return
        self.panicking = panicking
        for node in self.nodes.values():
            status = OPEN if panicking else int(node.said)
            if node.status != status:
                node.status = status
                self.distributor.changed(node)
        self._point()

    def _pick_whoever(self, request: Request) -> Node:
        self.counts.panicked += 1
        return self.distributor.pick(request)

    def says(self, writer: str) -> int:
        """Return how many endpoints `writer` is not content with."""
        return sum(node.said is not Status.OPEN and writer in node.health.reasons for node in self.nodes.values())

    @property
    def on_probation(self) -> int:
        """How many endpoints have left the address set and are still used."""
        return len(self._on_probation)

    def is_on_probation(self, node: Node) -> bool:
        """Return whether an endpoint has left the address set and is still used."""
        return node.endpoint in self._on_probation


def _check(weights: list[float]) -> None:
    if not all(isfinite(weight) and weight >= 0 for weight in weights):
        raise ValueError(f"a balancer needs every weight finite and not negative: {weights!r}")


MEMBERS: Param[Members | None] = Param(None, "members")
"""The endpoints of the balancer above, for whoever needs to know how its own stands among them."""
