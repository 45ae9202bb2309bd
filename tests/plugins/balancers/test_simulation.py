"""Which percentile each balancer holds when one of eleven endpoints is slow for half of the time, in simulated time.

Source of the experiment: O. Gould, Beyond Round Robin: Load Balancing for Latency, linkerd.io, 2016. There, slow replies
appear above the 95th percentile with round robin, the 99th with least loaded and the 99.9th with peak EWMA. Here the latencies
of a healthy endpoint vary by a tenth; were it a fifth, peaks of healthy endpoints would let peak EWMA just miss its percentile.
"""

import heapq
from collections.abc import Callable
from math import exp
from random import Random

import pytest

from mesh.testing import ManualClock, request
from mesh_plugins.balancers.aperture import aperture
from mesh_plugins.balancers.ewma import EwmaConfig, ewma
from mesh_plugins.balancers.heap import HeapConfig, heap
from mesh_plugins.balancers.load_band import ApertureConfig
from mesh_plugins.balancers.members import Members
from mesh_plugins.balancers.node import NewDistributor
from mesh_plugins.balancers.p2c import P2CConfig, p2c
from mesh_plugins.balancers.round_robin import RoundRobinConfig, round_robin
from tests.plugins.balancers.rules import endpoint

ENDPOINTS = 11
PER_SECOND = 1000
SECONDS = 60.0
SLOW_FROM, SLOW_TO, SLOW_SECONDS = 15.0, 45.0, 2.0
MEDIAN_SECONDS = 0.167
SPREAD = 0.1

pytestmark = pytest.mark.slow


def simulate(new: Callable[[Random, ManualClock], NewDistributor]) -> list[float]:
    """Send the requests of the experiment, and return how long each took, in seconds, the shortest first."""
    source, clock = Random(7), ManualClock()
    members = Members(new(source, clock)())
    members.update([endpoint(number) for number in range(ENDPOINTS)])
    slow, asked = members.nodes[endpoint(0)], request()
    assert members.pick is not None
    ends: list[tuple[float, int, Callable[[], None]]] = []
    took = []
    for number in range(int(SECONDS * PER_SECOND)):
        began = number / PER_SECOND
        while ends and ends[0][0] <= began:
            at, _number, end = heapq.heappop(ends)
            clock.advance(at - clock())
            end()
        clock.advance(began - clock())
        node = members.pick(asked)
        if node is slow and SLOW_FROM <= began < SLOW_TO:
            seconds = SLOW_SECONDS
        else:
            seconds = MEDIAN_SECONDS * exp(source.gauss(0.0, SPREAD))
        took.append(seconds)
        heapq.heappush(ends, (began + seconds, number, node.acquire()))
    return sorted(took)


def share_of_slow(took: list[float]) -> float:
    return sum(seconds >= SLOW_SECONDS for seconds in took) / len(took)


KINDS: dict[str, Callable[[Random, ManualClock], NewDistributor]] = {
    "roundRobin": lambda source, _clock: round_robin(RoundRobinConfig(), source),
    "p2c": lambda source, _clock: p2c(P2CConfig(), source),
    "heap": lambda source, _clock: heap(HeapConfig(), source),
    "aperture": lambda source, clock: aperture(ApertureConfig(min_aperture=ENDPOINTS), source, clock),
    "ewma": lambda source, clock: ewma(EwmaConfig(), source, clock),
}


@pytest.mark.parametrize(
    ("kind", "held", "lost"),
    [
        ("roundRobin", 0.95, 0.99),
        ("p2c", 0.99, 0.999),
        ("heap", 0.99, 0.999),
        ("aperture", 0.99, 0.999),
        ("ewma", 0.999, None),
    ],
)
def test_a_balancer_holds_its_percentile(kind: str, held: float, lost: float | None) -> None:
    share = share_of_slow(simulate(KINDS[kind]))

    assert share < 1 - held
    assert lost is None or share > 1 - lost
