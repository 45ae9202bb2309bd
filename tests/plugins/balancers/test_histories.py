"""Every rule, alone and wrapped, through long random histories of updates, failures, recoveries and requests."""

from collections.abc import Callable
from random import Random

import attrs
import pytest

from mesh import Endpoint, LocalitySettings, Metrics, SlowStartSettings, Status
from mesh.testing import ManualClock, request
from mesh_plugins.balancers.aperture import ApertureNode, aperture
from mesh_plugins.balancers.deterministic import Coordinate
from mesh_plugins.balancers.ewma import EwmaConfig, ewma
from mesh_plugins.balancers.hashed import BoundedNode
from mesh_plugins.balancers.heap import HeapConfig, heap
from mesh_plugins.balancers.load_band import ApertureConfig
from mesh_plugins.balancers.locality import near
from mesh_plugins.balancers.maglev import MaglevConfig, maglev
from mesh_plugins.balancers.members import Members
from mesh_plugins.balancers.node import NewDistributor, Node
from mesh_plugins.balancers.p2c import P2CConfig, p2c
from mesh_plugins.balancers.ring_hash import RingHashConfig, ring_hash
from mesh_plugins.balancers.round_robin import RoundRobinConfig, round_robin
from mesh_plugins.balancers.shown import show, state
from mesh_plugins.balancers.slow_start import slowly
from tests.plugins.balancers.rules import endpoint
from tests.plugins.rest import numbers

STEPS = 400
ENDPOINTS = 12

KINDS: dict[str, Callable[[Random, ManualClock], NewDistributor]] = {
    "p2c": lambda source, _clock: p2c(P2CConfig(), source),
    "ewma": lambda source, clock: ewma(EwmaConfig(), source, clock),
    "aperture": lambda source, clock: aperture(ApertureConfig(), source, clock),
    "own aperture": lambda source, _clock: aperture(ApertureConfig(coordinate=Coordinate(1, 3)), source),
    "heap": lambda source, _clock: heap(HeapConfig(), source),
    "roundRobin": lambda source, _clock: round_robin(RoundRobinConfig(), source),
    "ringHash": lambda source, _clock: ring_hash(
        RingHashConfig(http_header_name="x-user", hash_balance_factor=150), source
    ),
    "maglev": lambda source, _clock: maglev(
        MaglevConfig(http_header_name="x-user", hash_balance_factor=150, table_size=251), source
    ),
}


@attrs.define(eq=False)
class History:
    """A balancer, what is asked of it, and what must be true of it after each step."""

    members: Members
    source: Random
    clock: ManualClock
    wrapped: bool
    ends: list[Callable[[], None]] = attrs.field(factory=list)
    sent: dict[Node, int] = attrs.field(factory=dict)

    def step(self) -> None:
        self.clock.advance(self.source.random() * 0.5)
        match int(self.source.random() * 8):
            case 0:
                self.members.update(self._some())
            case 1 | 2:
                self._fail()
            case 3 | 4 | 5:
                self._send()
            case _:
                if self.ends:
                    self.ends.pop(int(self.source.random() * len(self.ends)))()

    def _some(self) -> list[Endpoint]:
        source = self.source
        numbers = source.sample(range(ENDPOINTS), int(source.random() * ENDPOINTS))
        zones = [{}, {"zone": "a"}, {"zone": "b"}, {"zone": "c", "region": "r"}] if self.wrapped else [{}]
        return [
            attrs.evolve(endpoint(n, source.choice([1.0, 1.0, 2.0, 0.0])), meta=source.choice(zones)) for n in numbers
        ]

    def _fail(self) -> None:
        if self.members.nodes:
            node = self.source.choice(list(self.members.nodes.values()))
            node.health.say("test", self.source.choice(list(Status)))

    def _send(self) -> None:
        if self.members.pick is None:
            return
        node = self.members.pick(request(headers={"x-user": str(int(self.source.random() * 5))}))
        assert self.members.nodes[node.endpoint] is node
        end = node.acquire()
        self.sent[node] = self.sent.get(node, 0) + 1

        def ended() -> None:
            self.sent[node] -= 1
            end()

        self.ends.append(ended)

    def check(self) -> None:
        nodes = list(self.members.nodes.values())
        assert all(node.load == self.sent.get(node, 0) for node in nodes)
        assert self.members.census == [sum(node.said is status for node in nodes) for status in Status]
        assert (self.members.pick is None) is (not nodes)
        sent = sum(node.load for node in nodes)
        bands = {node.band for node in nodes if isinstance(node, ApertureNode)}
        assert not bands or sum(band.load for band in bands if band is not None) == sent
        rules = {node.rule for node in nodes if isinstance(node, BoundedNode)}
        assert not rules or sum(rule.total for rule in rules if rule is not None) == sent
        if not self.members.panicking:
            assert all(node.status == node.said for node in nodes)


@pytest.mark.parametrize("wrapped", [False, True], ids=["alone", "wrapped"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_balancer_stays_right_whatever_happens(kind: str, wrapped: bool) -> None:
    source, clock = Random(7), ManualClock()
    new = KINDS[kind](source, clock)
    if wrapped:
        new = near(slowly(new, SlowStartSettings(window_ms=2000), source, clock), LocalitySettings(zone="a"), source)
    members = Members(new(), panic_percent=40.0 if wrapped else 0.0, probation=wrapped)
    history, metrics = History(members, source, clock, wrapped), Metrics()
    show(members, metrics)

    for _number in range(STEPS):
        history.step()
        history.check()
    while history.ends:
        history.ends.pop()()
    history.check()

    assert numbers(metrics)["loadbalancer/load"] == 0
    assert numbers(metrics).get("loadbalancer/loadband/offered_load_ema", 0) >= 0
    assert state(members)["algorithm"] == members.distributor.algorithm
