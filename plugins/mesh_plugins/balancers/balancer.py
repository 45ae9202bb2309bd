"""Branch point three: keeps one node per endpoint, leases one per request, and builds endpoint stacks at first use.

Updates of the address set add and remove nodes and never touch the others, nor anything above. An endpoint that was
removed while requests were out closes with the last of them. A set that turns failed or pending keeps the last nodes.
"""

import attrs

from mesh import (
    BOUND,
    ENDPOINT,
    HEALTH,
    LIFE,
    AddrBound,
    AddrNeg,
    AnyService,
    BoundName,
    Endpoint,
    Life,
    Make,
    Module,
    Param,
    Params,
    Reply,
    Request,
    Unavailable,
)
from mesh_plugins.balancers.node import Distributor, NewDistributor, Node
from mesh_plugins.balancers.p2c import P2CConfig, p2c

NEW_DISTRIBUTOR: Param[NewDistributor] = Param(p2c(P2CConfig()), "balancer")


@attrs.define(eq=False)
class BalancerCounts:
    """What the balancer has seen; each number only grows."""

    adds: int = 0
    removes: int = 0
    updates: int = 0


class Balancer:
    """The service below a client stack. State: the nodes and the distributor over them, exchanged as a whole."""

    __slots__ = ("_distributor", "_name", "_new_distributor", "_params", "_rest", "counts", "nodes")

    def __init__(self, params: Params, rest: Make, name: BoundName) -> None:
        self._params = params
        self._rest = rest
        self._name = name
        self._new_distributor = params[NEW_DISTRIBUTOR]
        self._distributor: Distributor | None = None
        self.nodes: dict[Endpoint, Node] = {}
        self.counts = BalancerCounts()
        life = params[LIFE]
        life.on_close(name.addr.watch(self._update))
        self._update()

    def _update(self) -> None:
        addr = self._name.addr.value
        if isinstance(addr, AddrBound):
            endpoints = addr.endpoints
        elif isinstance(addr, AddrNeg):
            endpoints = ()
        else:
            return
        before, self.nodes = self.nodes, {}
        for endpoint in endpoints:
            node = before.pop(endpoint, None)
            if node is None:
                node = Node(endpoint)
                self.counts.adds += 1
            node.endpoint = endpoint
            self.nodes[endpoint] = node
        for node in before.values():
            self._remove(node)
        self.counts.updates += 1
        self._distributor = self._new_distributor(list(self.nodes.values())) if self.nodes else None

    def _remove(self, node: Node) -> None:
        self.counts.removes += 1
        node.removed = True
        if not node.load:
            node.close()

    async def __call__(self, request: Request, /) -> Reply:
        if self._distributor is None:
            raise Unavailable(f"{self._name.id.show()} has no endpoints")
        context = request.context
        node = self._distributor.pick() if not context.tried else self._untried(context.tried)
        context.endpoint = node.endpoint
        service = node.service or self._build(node)
        node.load += 1
        try:
            reply: Reply = await service(request)
        except BaseException:
            node.release()
            raise
        if reply.whole:
            node.release()
        else:
            reply.on_close(node.release)
        return reply

    def _untried(self, tried: tuple[Endpoint, ...]) -> Node:
        """Pick among the endpoints this request has not been to, open ones first; among all, if it has been to all."""
        if self._distributor is None:
            raise Unavailable(f"{self._name.id.show()} has no endpoints")
        untried = [node for node in self.nodes.values() if node.endpoint not in tried]
        nodes = [node for node in untried if node.health.status == 0] or untried
        return self._new_distributor(nodes).pick() if nodes else self._distributor.pick()

    def _build(self, node: Node) -> AnyService:
        life: Life = self._params[LIFE].child(str(node.endpoint))
        params = self._params.put(ENDPOINT, node.endpoint).put(HEALTH, node.health).put(LIFE, life)
        node.life = life
        node.service = self._rest(params)
        return node.service


def balancer(params: Params, rest: Make) -> AnyService:
    """Wrap the rest of the stack; see `Balancer`."""
    name = params[BOUND]
    if name is None:
        raise LookupError("a balancer needs a bound name")
    built = Balancer(params, rest, name)
    params[ON_BALANCER](built)
    return built.__call__


def _nobody(_balancer: Balancer) -> None:
    """Stand in for statistics and admin pages."""


ON_BALANCER = Param(_nobody, "on balancer")
"""Told of each balancer that is built."""

BALANCER = Module(
    "balancer",
    balancer,
    above=("accrual", "pool"),
    why="picks among endpoints, by what each one's breaker and pool say of its health",
    branch="per endpoint",
    section="client",
)
