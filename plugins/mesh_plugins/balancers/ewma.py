"""Peak EWMA: of two endpoints drawn at random, the one with the lower cost, which is latency times outstanding requests.

The latency of an endpoint rises to a peak at once and decays slowly, by what was seen since. Reading it lets it age too, so
that an endpoint nobody asked for a while is tried again. An endpoint without history that has requests out costs a huge
penalty: at most one request finds out how fast it is. Source: finagle-core, loadbalancer/p2c/P2CPeakEwma.scala and
loadbalancer/PeakEwma.scala.
"""

from collections.abc import Callable
from functools import partial
from math import exp
from random import Random

import attrs
import trio

from mesh import Endpoint, Request, key
from mesh_plugins.balancers.node import Distributor, NewDistributor, Node
from mesh_plugins.balancers.p2c import EFFORT
from mesh_plugins.balancers.weights import by_weight

PENALTY = float((2**63 - 1) >> 16)  # Finagle's; in its nanoseconds 39 hours, so that no cost comes near

Clock = Callable[[], float]


@attrs.frozen
class EwmaConfig:
    """Two random endpoints, the one with the lower peak latency wins."""

    max_effort: int = key(EFFORT, 5, least=1)
    decay_time_ms: int = key(
        "How long a peak of latency is remembered: after this time it weighs 37 % of what it did.", 10000, least=1
    )


class EwmaNode(Node):
    """A node with the latency of its replies, from the request to the last byte: `cost`, in seconds, as of `stamp`."""

    __slots__ = ("_clock", "_decay", "cost", "stamp")

    def __init__(self, endpoint: Endpoint, decay: float, clock: Clock) -> None:
        super().__init__(endpoint)
        self._decay = decay
        self._clock = clock
        self.cost = 0.0
        self.stamp = clock()

    def acquire(self) -> Callable[[], None]:
        """Count a request; its latency is known when its reply is closed, or when it has failed."""
        self.load += 1
        return partial(self._ended, self._clock())

    def _ended(self, started: float) -> None:
        now = self._clock()
        self.observe(now, now - started)
        self.release()

    def observe(self, now: float, seconds: float) -> None:
        """Let a latency count: a greater one takes the place of what was known, a smaller one by how long ago that was."""
        if seconds > self.cost:
            self.cost = seconds
        else:
            passed = now - self.stamp
            weight = exp(-passed / self._decay) if passed > 0.0 else 1.0
            self.cost = self.cost * weight + seconds * (1.0 - weight)
        self.stamp = now

    def weigh(self, now: float) -> float:
        """Return what it costs to send one more request here. Reading it lets the history age."""
        cost = self.cost
        if not cost:
            return PENALTY + self.load if self.load else 0.0
        passed = now - self.stamp
        if passed > 0.0:
            self.cost = cost = cost * exp(-passed / self._decay)
            self.stamp = now
            if not cost:  # it has been forgotten altogether
                return self.weigh(now)
        return cost * (self.load + 1)

    def facts(self) -> dict[str, object]:
        """Return the latency as it is now, without letting it age."""
        weight = exp(-max(self._clock() - self.stamp, 0.0) / self._decay)
        return {"ewmaMs": round(self.cost * weight * 1e3, 3)}


class Ewma(Distributor):
    """The rule over nodes of equal weight. `source` has `random()`, uniform in [0, 1)."""

    __slots__ = ("_clock", "_count", "_decay", "_draw", "_max_effort", "_nodes")

    algorithm = "p2c_peak_ewma"
    plain = False

    def __init__(self, max_effort: int, decay: float, source: Random, clock: Clock) -> None:
        self._nodes: list[EwmaNode] = []
        self._count = 0
        self._max_effort = max_effort
        self._decay = decay
        self._draw: Callable[[], float] = source.random
        self._clock = clock

    def new_node(self, endpoint: Endpoint) -> EwmaNode:
        """Return a node without history."""
        return EwmaNode(endpoint, self._decay, self._clock)

    def update(self, nodes: list[Node]) -> None:
        """Draw among these from now on; each keeps its history."""
        self._nodes = [node for node in nodes if isinstance(node, EwmaNode)]
        self._count = len(self._nodes)

    def pick(self, _request: Request, /) -> Node:
        """Return the better of two, by status, then by cost."""
        nodes, count, draw = self._nodes, self._count, self._draw
        node = nodes[0]
        if count == 1:
            return node
        now = self._clock()
        for _effort in range(self._max_effort):
            first = int(draw() * count)
            second = int(draw() * (count - 1))
            if second >= first:
                second += 1
            node, other = nodes[first], nodes[second]
            if other.status == node.status:
                if other.weigh(now) < node.weigh(now):
                    node = other
            elif other.status < node.status:
                node = other
            if not node.status:
                return node
        return node


def ewma(config: EwmaConfig, source: Random | None = None, clock: Clock | None = None) -> NewDistributor:
    """Return the maker of the rule of an `ewma` in a stack file; `source` and `clock` are for tests."""
    drawn = source or Random()

    def new() -> Distributor:
        now = clock or trio.lowlevel.current_clock().current_time
        return Ewma(config.max_effort, config.decay_time_ms / 1e3, drawn, now)

    return by_weight(new, drawn)
