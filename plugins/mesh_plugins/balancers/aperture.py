"""Aperture: power of two choices inside a window over the endpoints, which grows and shrinks with the load.

Each endpoint gets a random token when it comes. The window is the beginning of the list ordered by status, then by token:
processes look through different windows, and an endpoint that is not open makes way for the next one.
Source: finagle-core, loadbalancer/aperture/Aperture.scala (21.x), in its random order.
"""

from collections.abc import Callable
from random import Random

import trio

from mesh import Endpoint, Metrics, Request
from mesh_plugins.balancers.deterministic import Deterministic
from mesh_plugins.balancers.load_band import ApertureConfig, LoadBand
from mesh_plugins.balancers.node import Distributor, NewDistributor, Node
from mesh_plugins.balancers.p2c import P2C
from mesh_plugins.balancers.weights import by_weight


class ApertureNode(Node):
    """A node with its token, in [0, 1), and the band that counts its requests."""

    __slots__ = ("band", "token")

    def __init__(self, endpoint: Endpoint, token: float) -> None:
        super().__init__(endpoint)
        self.token = token
        self.band: LoadBand | None = None

    def acquire(self) -> Callable[[], None]:
        """Count a request, of the node and of the window."""
        self.load += 1
        if self.band is not None:
            self.band.add(1)
        return self.release

    def release(self) -> None:
        """Count one reply as closed."""
        if self.band is not None:
            self.band.add(-1)
        super().release()

    def facts(self) -> dict[str, object]:
        """Return the place of the node in the order of the window."""
        return {"token": round(self.token, 6)}


class Aperture(Distributor):
    """The rule over nodes of equal weight. `source` has `random()`, uniform in [0, 1)."""

    __slots__ = ("_band", "_draw", "_order", "_p2c", "_rebuilds", "_stale")

    algorithm = "aperture_least_loaded"
    plain = False

    def __init__(self, config: ApertureConfig, source: Random, clock: Callable[[], float]) -> None:
        self._band = LoadBand(config, clock)
        self._p2c = P2C(config.max_effort, source)
        self._draw: Callable[[], float] = source.random
        self._order: list[ApertureNode] = []
        self._stale = False
        self._rebuilds = 0

    def new_node(self, endpoint: Endpoint) -> ApertureNode:
        """Return a node with a token."""
        return ApertureNode(endpoint, self._draw())

    def update(self, nodes: list[Node]) -> None:
        """Look at these from now on; who stays keeps its token, and so its place."""
        for gone in self._order:
            if gone.band is self._band:
                gone.band = None
        self._order = sorted((node for node in nodes if isinstance(node, ApertureNode)), key=_place)
        self._p2c.update([*self._order])
        self._stale = False
        band = self._band
        band.load = 0
        for node in self._order:
            node.band = band
            band.load += node.load
        band.bound(len(self._order))

    def pick(self, request: Request, /) -> Node:
        """Return the better of two in the window, by status, then by load."""
        if self._stale:
            self._order.sort(key=_place)
            self._p2c.update([*self._order])
            self._stale = False
            self._rebuilds += 1
        self._p2c.count = self._band.size
        return self._p2c.pick(request)

    def changed(self, _node: Node, /) -> None:
        """Let the order be made anew at the next pick."""
        self._stale = True

    def show(self, scope: Metrics, /) -> None:
        """Show the window."""
        band, loadband = self._band, scope.scope("loadband")
        scope.gauge("logical_aperture", fn=lambda: band.size)
        scope.gauge("physical_aperture", fn=lambda: sum(node.service is not None for node in self._order))
        loadband.gauge("offered_load_ema", fn=lambda: band.smooth)
        loadband.counter("widen", fn=lambda: band.widened)
        loadband.counter("narrow", fn=lambda: band.narrowed)

    def rebuilds(self) -> int:
        """Return how often the order was made anew because of health."""
        return self._rebuilds


def _place(node: ApertureNode) -> float:
    return node.status + node.token


def aperture(
    config: ApertureConfig, source: Random | None = None, clock: Callable[[], float] | None = None
) -> NewDistributor:
    """Return the maker of the rule of an `aperture` in a stack file; `source` and `clock` are for tests."""
    drawn = source or Random()

    def new() -> Distributor:
        return Aperture(config, drawn, clock or trio.lowlevel.current_clock().current_time)

    coordinate = config.coordinate
    if coordinate is not None:
        return lambda: Deterministic(coordinate, config.min_aperture, config.max_effort, drawn)
    return by_weight(new, drawn)
