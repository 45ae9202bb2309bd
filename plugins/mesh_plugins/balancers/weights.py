"""Endpoints with weights: those of equal weight make a class, and a rule picks inside the class that was drawn.

A class is drawn with a probability of weight times size. Source: finagle-core, loadbalancer/TrafficDistributor.scala.
"""

from collections.abc import Callable
from random import Random

from mesh import AliasTable, Endpoint, Metrics, Request, alias_table
from mesh_plugins.balancers.node import Distributor, NewDistributor, Node


class WeightClasses(Distributor):
    """A rule for each class of equal weight. A rule stays with its class, and follows it when the weight of all changes."""

    __slots__ = ("_first", "_new", "_order", "_rules", "_source", "_table", "_total", "busy_classes", "plain", "size")

    def __init__(self, new: NewDistributor, source: Random) -> None:
        self._new = new
        self._source = source
        self._first = new()
        self._rules: dict[float, Distributor] = {}
        self._order: list[Distributor] = []
        self._table: AliasTable | None = None
        self._total = 0.0
        self.plain = self._first.plain
        self.busy_classes = 0
        self.size = 0

    @property
    def algorithm(self) -> str:  # type: ignore[override]  # read only here, and never set anywhere
        """That of the rule inside the classes."""
        return self._first.algorithm

    def new_node(self, endpoint: Endpoint) -> Node:
        """Return a node as the rule inside the classes wants it."""
        return self._first.new_node(endpoint)

    def update(self, nodes: list[Node]) -> None:
        """Divide the nodes into classes, and tell each class's rule."""
        classes: dict[float, list[Node]] = {}
        for node in nodes:
            classes.setdefault(node.endpoint.weight, []).append(node)
        spare = [rule for weight, rule in self._rules.items() if weight not in classes]
        if not self._rules:
            spare.append(self._first)
        self._rules = {weight: self._rules.get(weight) or (spare.pop() if spare else self._new()) for weight in classes}
        for rule in spare:
            rule.update([])  # whose nodes may be in another class now
        for weight, members in classes.items():
            self._rules[weight].update(members)
        self._order = list(self._rules.values())
        several = len(classes) > 1
        self._table = alias_table([weight * len(members) for weight, members in classes.items()]) if several else None
        self.size = len(nodes)
        self._total = sum(weight * len(members) for weight, members in classes.items())

    @property
    def picking(self) -> Callable[[Request], Node]:
        """Where all weights are equal, the pick of the only rule: then this class costs a request nothing."""
        return self._order[0].picking if len(self._order) == 1 else self.pick

    def pick(self, request: Request, /) -> Node:
        """Draw a class and pick in it; if nothing there is open, in the next class that has something open."""
        rules, table = self._order, self._table
        start = 0 if table is None else table.draw(self._source)
        node = rules[start].pick(request)
        if not node.status:
            return node
        for offset in range(1, len(rules)):
            self.busy_classes += 1
            other = rules[(start + offset) % len(rules)].pick(request)
            if not other.status:
                return other
        return node

    def changed(self, node: Node, /) -> None:
        """Tell the rule of the node's class."""
        rule = self._rules.get(node.endpoint.weight)
        if rule is not None:
            rule.changed(node)

    def show(self, scope: Metrics, /) -> None:
        """Show the weights, and what the rule of the first class counts."""
        scope.gauge("num_weight_classes", fn=lambda: len(self._rules))
        scope.gauge("meanweight", fn=lambda: self._total / self.size if self.size else 0.0)
        scope.counter("busy_weight_classes", fn=lambda: self.busy_classes)
        self._first.show(scope)

    def rebuilds(self) -> int:
        """Return how often the rules of the present classes put their nodes in order."""
        return sum(rule.rebuilds() for rule in self._order)


def by_weight(new: NewDistributor, source: Random) -> NewDistributor:
    """Return the maker of a rule that respects weights, of the maker of one that does not."""
    return lambda: WeightClasses(new, source)
