"""Branch point three: leases one node per request, and builds endpoint stacks at first use.

Updates of the address set add and remove nodes and never touch the others, nor anything above. An endpoint that was
removed while requests were out closes with the last of them. A set that turns failed or pending keeps the last nodes;
while it is pending for the first time, requests wait for it, as long as they would for a binding.
"""

from collections.abc import Callable

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
    Module,
    Param,
    Params,
    Reply,
    Request,
    Status,
    Unavailable,
    within,
)
from mesh_plugins.balancers.members import MEMBERS, BalancerCounts, Members
from mesh_plugins.balancers.node import Distributor, NewDistributor, Node
from mesh_plugins.balancers.p2c import P2CConfig, p2c
from mesh_plugins.balancers.shown import show, state
from mesh_plugins.binding import BINDING_SECONDS, ON_SHOWN
from mesh_plugins.scopes import client_scope

DRAWS = 8  # for a request that has tried endpoints, before every node is looked at; with 10,000 of them that takes 1 ms

_SPREAD = p2c(P2CConfig())

NEW_DISTRIBUTOR: Param[NewDistributor] = Param(_SPREAD, "balancer")
PANIC_PERCENT = Param(0.0, "panic threshold")
"""Of how many percent of open endpoints on health counts; 0 is always."""
PROBATION = Param(False, "probation")
"""Whether endpoints that left the address set stay while they are well."""


class Balancer:
    """The service below a client stack. State: the members, and a second rule over them for requests that come again."""

    __slots__ = ("_members", "_name", "_params", "_plain", "_rest", "_seconds", "_spread", "_spread_over")

    def __init__(self, params: Params, rest: Make, name: BoundName) -> None:
        self._rest = rest
        self._name = name
        self._seconds = params[BINDING_SECONDS]
        self._members = Members(
            params[NEW_DISTRIBUTOR](), panic_percent=params[PANIC_PERCENT], probation=params[PROBATION]
        )
        self._params = params.put(MEMBERS, self._members)
        self._plain = self._members.plain
        self._spread: Distributor | None = None
        self._spread_over = 0
        life = params[LIFE]
        life.on_close(name.addr.watch(self._update))
        self._update()

    @property
    def members(self) -> Members:
        """The nodes and the rule."""
        return self._members

    @property
    def nodes(self) -> dict[Endpoint, Node]:
        """The nodes there are now."""
        return self._members.nodes

    @property
    def counts(self) -> BalancerCounts:
        """What the balancer has seen."""
        return self._members.counts

    def _update(self) -> None:
        match self._name.addr.value:
            case AddrBound(endpoints):
                self._members.update(endpoints)
            case AddrNeg():
                self._members.update(())

    async def __call__(self, request: Request, /) -> Reply:
        members = self._members
        pick = members.pick
        if pick is None:
            pick = await self._first(request)
        context = request.context
        node = pick(request) if not context.tried else self._untried(request, pick)
        if node.status:
            members.counts.max_effort_exhausted += 1
        context.endpoint = node.endpoint
        service = node.service or self._build(node)
        release = None
        if self._plain:
            node.load += 1
        else:
            release = node.acquire()
        try:
            reply: Reply = await service(request)
        except BaseException:
            (release or node.release)()
            raise
        if not reply.whole:
            reply.on_close(release or node.release)
        elif release is None:  # `node.release()` without the call, which takes 50 ns
            node.load -= 1
            if node.removed and not node.load:
                node.close()
        else:
            release()
        return reply

    async def _first(self, request: Request) -> Callable[[Request], Node]:
        """Wait for the first address set, if it is still to come. Raises `BindingTimeout`, or `Unavailable` if it is empty."""
        await within(request.context.expiry, self._wait)
        if self._members.pick is None:
            raise self._nowhere(request)
        return self._members.pick

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

    def _untried(self, request: Request, pick: Callable[[Request], Node]) -> Node:
        """Pick among the endpoints this request has not been to, open ones first; among all, if it has been to all.

        A rule that gives the same node again has no other for this request: then two of all are drawn instead.
        """
        tried, before = request.context.tried, None
        draw = pick
        for _draw in range(DRAWS):
            node = draw(request)
            if node.status == 0 and node.endpoint not in tried:
                return node
            if node is before:
                draw = self._spread_out().pick
            before = node
        untried = [node for node in self.nodes.values() if node.endpoint not in tried]
        nodes = [node for node in untried if node.status == 0] or untried
        if not nodes:
            return pick(request)
        few = _SPREAD()
        few.update(nodes)
        return few.pick(request)

    def _spread_out(self) -> Distributor:
        """Return p2c over all nodes, made when it is first asked for after an update."""
        spread = self._spread
        if spread is None or self._spread_over != self.counts.rebuilds:
            spread = self._spread = _SPREAD()
            spread.update(list(self.nodes.values()))
            self._spread_over = self.counts.rebuilds
        return spread

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
        return self._members.census[status]


def balancer(params: Params, rest: Make) -> AnyService:
    """Wrap the rest of the stack; see `Balancer`."""
    name = params[BOUND]
    if name is None:
        raise LookupError("a balancer needs a bound name")
    built = Balancer(params, rest, name)
    scope = client_scope(params)
    if scope.name != OTHER:
        show(built.members, scope)
    params[ON_SHOWN](lambda: state(built.members))
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
