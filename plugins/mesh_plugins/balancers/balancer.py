"""Branch point three: keeps one node per endpoint, leases one per request, and builds endpoint stacks at first use.

Updates of the address set add and remove nodes and never touch the others, nor anything above. An endpoint that was
removed while requests were out closes with the last of them. A set that turns failed or pending keeps the last nodes;
while it is pending for the first time, requests wait for it, as long as they would for a binding.
"""

from collections.abc import Callable

import attrs
import trio

from mesh import (
    BOUND,
    ENDPOINT,
    HEALTH,
    LIFE,
    OTHER,
    AddrBound,
    AddrFailed,
    AddrNeg,
    AddrPending,
    AnyService,
    BindingTimeout,
    BoundName,
    Endpoint,
    Life,
    Make,
    MeshError,
    Metrics,
    Module,
    Param,
    Params,
    Reply,
    Request,
    Status,
    Unavailable,
    within,
)
from mesh_plugins.balancers.node import Distributor, NewDistributor, Node
from mesh_plugins.balancers.p2c import P2CConfig, p2c
from mesh_plugins.binding import BINDING_SECONDS
from mesh_plugins.filters.stats import client_scope

DRAWS = 8  # for a request that has tried endpoints, before every node is looked at; with 10,000 of them that takes 1 ms

NEW_DISTRIBUTOR: Param[NewDistributor] = Param(p2c(P2CConfig()), "balancer")


@attrs.define(eq=False)
class BalancerCounts:
    """What the balancer has seen; each number only grows."""

    adds: int = 0
    removes: int = 0
    updates: int = 0
    max_effort_exhausted: int = 0


class Balancer:
    """The service below a client stack. State: the nodes and the distributor over them, exchanged as a whole."""

    __slots__ = ("_distributor", "_name", "_new_distributor", "_params", "_rest", "_seconds", "counts", "nodes")

    def __init__(self, params: Params, rest: Make, name: BoundName) -> None:
        self._params = params
        self._rest = rest
        self._name = name
        self._new_distributor = params[NEW_DISTRIBUTOR]
        self._seconds = params[BINDING_SECONDS]
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
        nodes: dict[Endpoint, Node] = {}
        for endpoint in endpoints:
            if endpoint not in nodes:  # a namer should not say it twice
                nodes[endpoint] = self.nodes.get(endpoint) or Node(endpoint)
                nodes[endpoint].endpoint = endpoint
        # First, since it may raise, for weights that a plugin's namer made up: then everything stays as it was.
        self._distributor = self._new_distributor(list(nodes.values())) if nodes else None
        before, self.nodes = self.nodes, nodes
        self.counts.updates += 1
        self.counts.adds += sum(endpoint not in before for endpoint in nodes)
        for endpoint, node in before.items():
            if endpoint not in nodes:
                self._remove(node)

    def _remove(self, node: Node) -> None:
        self.counts.removes += 1
        node.removed = True
        if not node.load:
            node.close()

    async def __call__(self, request: Request, /) -> Reply:
        distributor = self._distributor
        if distributor is None:
            distributor = await self._first(request)
        context = request.context
        node = distributor.pick() if not context.tried else self._untried(distributor, context.tried)
        if node.health.status:
            self.counts.max_effort_exhausted += 1
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

    async def _first(self, request: Request) -> Distributor:
        """Wait for the first address set, if it is still to come. Raises `BindingTimeout`, or `Unavailable` if it is empty."""
        await within(request.context.expiry, self._wait)
        if self._distributor is None:
            raise self._nowhere(request)
        return self._distributor

    async def _wait(self) -> None:
        with trio.move_on_after(self._seconds):
            await self._name.addr.wait(lambda addr: not isinstance(addr, AddrPending))

    def _nowhere(self, request: Request) -> MeshError:
        """Return the error that says why there is no endpoint."""
        name = self._name.id.show()
        match self._name.addr.value:
            case AddrPending():
                path = request.context.path
                return BindingTimeout(
                    f"exceeded {self._seconds:g} s binding timeout while connecting to {name} for name: {path}"
                )
            case AddrFailed(cause):
                return Unavailable(f"{name} has no endpoints: {cause}")
            case AddrNeg():
                return Unavailable(f"{name} has no endpoints: there is no such name any more")
            case _:
                return Unavailable(f"{name} has no endpoints")

    def _untried(self, distributor: Distributor, tried: tuple[Endpoint, ...]) -> Node:
        """Pick among the endpoints this request has not been to, open ones first; among all, if it has been to all."""
        for _draw in range(DRAWS):
            node = distributor.pick()
            if node.health.status == 0 and node.endpoint not in tried:
                return node
        untried = [node for node in self.nodes.values() if node.endpoint not in tried]
        nodes = [node for node in untried if node.health.status == 0] or untried
        return self._new_distributor(nodes).pick() if nodes else distributor.pick()

    def _build(self, node: Node) -> AnyService:
        life: Life = self._params[LIFE].child(str(node.endpoint))
        params = self._params.put(ENDPOINT, node.endpoint).put(HEALTH, node.health).put(LIFE, life)
        try:
            service = self._rest(params)
        except BaseException:
            life.close()
            raise
        node.life = life
        node.service = service
        return service

    def count(self, status: Status) -> int:
        """Return how many endpoints have this status now."""
        return sum(node.health.status is status for node in self.nodes.values())


def show(balancer: Balancer, scope: Metrics) -> None:
    """Show a balancer among the metrics of its client, with Finagle's names."""
    counts, own = balancer.counts, scope.scope("loadbalancer")
    own.gauge("size", fn=lambda: len(balancer.nodes))
    own.gauge("available", fn=lambda: balancer.count(Status.OPEN))
    own.gauge("busy", fn=lambda: balancer.count(Status.BUSY))
    own.gauge("closed", fn=lambda: balancer.count(Status.CLOSED))
    own.gauge("load", fn=lambda: sum(node.load for node in balancer.nodes.values()))
    own.counter("adds", fn=lambda: counts.adds)
    own.counter("removes", fn=lambda: counts.removes)
    own.counter("updates", fn=lambda: counts.updates)
    own.counter("max_effort_exhausted", fn=lambda: counts.max_effort_exhausted)


def balancer(params: Params, rest: Make) -> AnyService:
    """Wrap the rest of the stack; see `Balancer`."""
    name = params[BOUND]
    if name is None:
        raise LookupError("a balancer needs a bound name")
    built = Balancer(params, rest, name)
    scope = client_scope(params)
    if scope.name != OTHER:
        show(built, scope)
    params[ON_BALANCER](built)
    return built.__call__


def _nobody(_balancer: Balancer) -> None:
    """Stand in for a module above that wants to know how many endpoints there are."""


ON_BALANCER: Param[Callable[[Balancer], None]] = Param(_nobody, "on balancer")
"""Told of each balancer that is built."""

BALANCER = Module(
    "balancer",
    balancer,
    above=("accrual", "pool"),
    why="picks among endpoints, by what each one's breaker and pool say of its health",
    branch="per endpoint",
    section="client",
)
