"""Slow start: an endpoint that is new, or well again, gets its share of requests little by little.

A pick of such an endpoint counts only with the probability that its age gives; otherwise the rule picks again, and if it
comes to nothing else, the less loaded of two others is taken. The endpoints of the first address set are not new: nobody
else could take their share. Source of the curve: Envoy, slow_start.rst.
"""

from collections.abc import Callable
from random import Random

import trio

from mesh import Endpoint, Metrics, Request, SlowStartSettings, Status
from mesh_plugins.balancers.node import Distributor, NewDistributor, Node
from mesh_plugins.balancers.p2c import P2CConfig, p2c

DRAWS = 4  # of the rule, before two others are drawn; a rule such as a heap has only one answer


class SlowStart(Distributor):
    """A rule around another one. State: since when each endpoint warms up, and who is not well."""

    __slots__ = (
        "_clock",
        "_down",
        "_known",
        "_pick",
        "_rule",
        "_settings",
        "_source",
        "_stale",
        "_steady",
        "_warming",
        "algorithm",
        "plain",
    )

    def __init__(
        self, rule: Distributor, settings: SlowStartSettings, source: Random, clock: Callable[[], float]
    ) -> None:
        self._rule = rule
        self._pick = rule.pick
        self._settings = settings
        self._source = source
        self._clock = clock
        self._warming: dict[Node, float] = {}
        self._down: set[Node] = set()
        self._known: list[Node] = []
        self._steady = p2c(P2CConfig(), source)()
        self._stale = True
        self.algorithm = rule.algorithm
        self.plain = rule.plain

    def new_node(self, endpoint: Endpoint) -> Node:
        """Return a node as the rule inside wants it."""
        return self._rule.new_node(endpoint)

    def update(self, nodes: list[Node]) -> None:
        """Let those warm up that were not there before."""
        if self._known:
            before, now = set(self._known), self._clock()
            self._warming = {
                node: self._warming.get(node, now) for node in nodes if node in self._warming or node not in before
            }
        self._known = nodes
        self._down = {node for node in nodes if node.said is not Status.OPEN}
        self._stale = True
        self._rule.update(nodes)
        self._pick = self._rule.picking

    def changed(self, node: Node, /) -> None:
        """Let an endpoint warm up that is well again."""
        if node.said is not Status.OPEN:
            self._down.add(node)
        elif node in self._down:
            self._down.discard(node)
            self._warming[node] = self._clock()
            self._stale = True
        self._rule.changed(node)

    def pick(self, request: Request, /) -> Node:
        """Return what the rule picks, if it is not new, or if its age allows."""
        node = self._pick(request)
        if not self._warming or len(self._warming) == len(self._known):
            return node
        for _draw in range(DRAWS):
            if self._counts(node):
                return node
            again = self._pick(request)
            if again is node:
                break
            node = again
        if self._stale:
            self._steady.update([known for known in self._known if known not in self._warming])
            self._stale = False
        other = self._steady.pick(request)
        return node if other.status else other

    def _counts(self, node: Node) -> bool:
        since = self._warming.get(node)
        if since is None:
            return True
        settings = self._settings
        age = (self._clock() - since) * 1e3 / settings.window_ms
        if age >= 1.0:
            del self._warming[node]
            self._stale = True
            return True
        share: float = max(age ** (1.0 / settings.aggression), settings.min_weight_percent / 100.0)
        return self._source.random() < share

    def show(self, scope: Metrics, /) -> None:
        """Show how many endpoints warm up, and what the rule shows."""
        scope.gauge("warming", fn=self._count)
        self._rule.show(scope)

    def _count(self) -> int:
        since = self._clock() - self._settings.window_ms / 1e3
        return sum(began > since for began in self._warming.values())

    def rebuilds(self) -> int:
        """Return how often the rule inside has put its nodes in order."""
        return self._rule.rebuilds()


def slowly(
    new: NewDistributor,
    settings: SlowStartSettings,
    source: Random | None = None,
    clock: Callable[[], float] | None = None,
) -> NewDistributor:
    """Return the maker of a rule with a slow start; one whose requests decide where they go stays as it is."""
    drawn = source or Random()

    def make() -> Distributor:
        rule = new()
        now = clock or trio.lowlevel.current_clock().current_time
        return rule if rule.pins else SlowStart(rule, settings, drawn, now)

    return make
