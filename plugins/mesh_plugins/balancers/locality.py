"""Locality: near endpoints get all requests while they are well enough, and farther ones what the near ones cannot take.

Theory of operation. The endpoints are divided into levels: those in this process's zone, those in its region, those in each
region to fail over to, all the rest. Each level has a rule of its own. What a level can take is the share of its endpoints
that are open times the overprovisioning; it gets that much of what the levels before it left over. Shares are worked out
when the health of an endpoint changes. If no endpoint is open anywhere, levels get requests by their size.
Source: Envoy, priority.rst and load_balancer_impl.cc, `recalculatePerPriorityState`.
"""

from collections.abc import Callable
from itertools import accumulate
from random import Random

from mesh import Endpoint, LocalitySettings, Metrics, Request, Status
from mesh_plugins.balancers.node import Distributor, NewDistributor, Node


class Level:
    """The endpoints of one distance: a rule over them, and who of them is not well."""

    __slots__ = ("down", "pick", "rule", "size")

    def __init__(self, rule: Distributor) -> None:
        self.rule = rule
        self.pick = rule.pick
        self.down: set[Node] = set()
        self.size = 0


class Locality(Distributor):
    """A rule for each level. `spilled` counts the requests that left the nearest level that has endpoints."""

    __slots__ = (
        "_ends",
        "_levels",
        "_places",
        "_region",
        "_settings",
        "_source",
        "_used",
        "_zone",
        "algorithm",
        "pins",
        "plain",
        "spilled",
    )

    def __init__(self, new: NewDistributor, settings: LocalitySettings, source: Random) -> None:
        self._settings = settings
        self._zone = settings.own_zone
        self._region = settings.own_region
        self._source = source
        self._levels = [Level(new()) for _number in range(3 + len(settings.failover))]
        self._places: dict[Node, int] = {}
        self._used: list[Level] = []
        self._ends: list[float] = []
        self.algorithm = self._levels[0].rule.algorithm
        self.plain = self._levels[0].rule.plain
        self.pins = self._levels[0].rule.pins
        self.spilled = 0

    def new_node(self, endpoint: Endpoint) -> Node:
        """Return a node as the rules of the levels want it."""
        return self._levels[0].rule.new_node(endpoint)

    def update(self, nodes: list[Node]) -> None:
        """Divide the nodes into levels, and tell the rule of each that has some."""
        members: list[list[Node]] = [[] for _level in self._levels]
        self._places = {node: self._place(node.endpoint) for node in nodes}
        for node, place in self._places.items():
            members[place].append(node)
        for level, near in zip(self._levels, members, strict=True):
            if near or level.size:
                level.rule.update(near)
                level.pick = level.rule.picking
            level.size = len(near)
            level.down = {node for node in near if node.said is not Status.OPEN}
        self._used = [level for level in self._levels if level.size]
        self._share()

    def _place(self, endpoint: Endpoint) -> int:
        """Return the level of an endpoint."""
        settings = self._settings
        zone = endpoint.meta.get(settings.zone_key, "")
        region = endpoint.meta.get(settings.region_key, "")
        if zone and zone == self._zone and (not region or not self._region or region == self._region):
            return 0
        if region and region == self._region:
            return 1
        if region in settings.failover:
            return 2 + settings.failover.index(region)
        return len(self._levels) - 1

    def _share(self) -> None:
        """Work out up to which number in [0, 1) each level that is used is drawn."""
        over = self._settings.overprovisioning_percent / 100.0
        can_take = [min(over * (level.size - len(level.down)) / level.size, 1.0) for level in self._used]
        total = min(sum(can_take), 1.0)
        if not total:
            can_take = [float(level.size) for level in self._used]
            total = sum(can_take)
        self._ends = [min(end / total, 1.0) for end in accumulate(can_take)]

    @property
    def picking(self) -> Callable[[Request], Node]:
        """Where all endpoints are equally far, the pick of the only rule."""
        return self._used[0].rule.picking if len(self._used) == 1 else self.pick

    def pick(self, request: Request, /) -> Node:
        """Draw a level and pick in it; if nothing there is open, in another one that has something open, near ones first."""
        ends, index = self._ends, 0
        if ends[0] < 1.0:
            drawn = self._used[0].rule.lot(request) if self.pins else self._source.random()
            while ends[index] <= drawn and index < len(ends) - 1:
                index += 1
        node = self._used[index].pick(request)
        if not node.status:
            self.spilled += index > 0
            return node
        for other, level in enumerate(self._used):
            if other != index and level.size > len(level.down):
                found = level.pick(request)
                if not found.status:
                    self.spilled += other > 0
                    return found
        self.spilled += index > 0
        return node

    def changed(self, node: Node, /) -> None:
        """Work out the shares anew, and tell the rule of the node's level."""
        place = self._places.get(node)
        if place is None:
            return
        level = self._levels[place]
        if node.said is not Status.OPEN:
            level.down.add(node)
        else:
            level.down.discard(node)
        level.rule.changed(node)
        self._share()

    def show(self, scope: Metrics, /) -> None:
        """Show how much stays near, and what the rule of the nearest level shows."""
        own = scope.scope("locality")
        own.gauge("levels", fn=lambda: len(self._used))
        own.gauge("near_percent", fn=lambda: self._ends[0] * 100.0 if self._ends else 0.0)
        own.counter("spilled", fn=lambda: self.spilled)
        self._levels[0].rule.show(scope)

    def rebuilds(self) -> int:
        """Return how often the rules have put their nodes in order."""
        return sum(level.rule.rebuilds() for level in self._levels)


def near(new: NewDistributor, settings: LocalitySettings, source: Random | None = None) -> NewDistributor:
    """Return the maker of a rule that prefers near endpoints, of the maker of one that does not."""
    drawn = source or Random()
    return lambda: Locality(new, settings, drawn)
