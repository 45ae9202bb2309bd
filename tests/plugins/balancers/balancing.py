"""A balancer over an address set and endpoint stacks of the test's own."""

import attrs

from mesh import (
    BOUND,
    ENDPOINT,
    LIFE,
    METRICS,
    Addr,
    AddrBound,
    AddrPending,
    BoundName,
    Endpoint,
    HttpRequest,
    Life,
    Metrics,
    Params,
    Path,
    Request,
    Var,
)
from mesh.testing import request
from mesh_plugins.balancers.balancer import NEW_DISTRIBUTOR, ON_BALANCER, Balancer, balancer
from mesh_plugins.balancers.node import Distributor, Node
from tests.plugins.rest import Rest

A, B, C = (Endpoint(f"10.0.0.{number}", 80) for number in (1, 2, 3))


class InTurn(Distributor):
    """Picks one node after the other, whatever their state."""

    algorithm = "in_turn"

    def __init__(self) -> None:
        self._nodes: list[Node] = []
        self._next = 0

    def update(self, nodes: list[Node]) -> None:
        self._nodes = nodes
        self._next = 0

    def pick(self, _request: Request, /) -> Node:
        self._next += 1
        return self._nodes[(self._next - 1) % len(self._nodes)]


@attrs.define(eq=False)
class Bench:
    """A balancer over an address set and endpoint stacks of the test's own; endpoints are picked in turn."""

    life: Life
    rest: Rest = attrs.field(factory=Rest)
    addr: Var[Addr] = attrs.field(factory=lambda: Var[Addr](AddrPending()))
    metrics: Metrics = attrs.field(factory=Metrics)
    params: Params = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        name = BoundName(Path.read("/#/fs/web"), Path(), self.addr)
        params = Params().put(LIFE, self.life).put(METRICS, self.metrics).put(BOUND, name)
        self.params = params.put(NEW_DISTRIBUTOR, InTurn)

    def set(self, *endpoints: Endpoint) -> None:
        self.addr.set(AddrBound(endpoints))

    def build(self, *endpoints: Endpoint) -> Balancer:
        if endpoints:
            self.set(*endpoints)
        built: list[Balancer] = []
        balancer(self.params.put(ON_BALANCER, built.append), self.rest)
        return built[0]

    @property
    def asked(self) -> list[Endpoint]:
        """The endpoints that requests went to, in order."""
        return self.rest.asked(ENDPOINT)

    @property
    def closed(self) -> list[Endpoint]:
        return [params[ENDPOINT] for params in self.rest.closed]


def after(*tried: Endpoint) -> HttpRequest:
    """Return a request that was at these endpoints before."""
    asked = request()
    asked.context.tried = tried
    return asked


def loads(built: Balancer) -> list[int]:
    return [node.load for node in built.nodes.values()]
