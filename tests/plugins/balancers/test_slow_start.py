"""How new endpoints get to their share."""

from random import Random

import pytest

from mesh import Metrics, SlowStartSettings, Status
from mesh.testing import ManualClock
from mesh_plugins.balancers.heap import HeapConfig, heap
from mesh_plugins.balancers.members import Members
from mesh_plugins.balancers.node import NewDistributor
from mesh_plugins.balancers.p2c import P2CConfig, p2c
from mesh_plugins.balancers.ring_hash import RingHash, RingHashConfig, ring_hash
from mesh_plugins.balancers.round_robin import RoundRobinConfig, round_robin
from mesh_plugins.balancers.slow_start import slowly
from tests.plugins.balancers.rules import acquire, endpoint, nodes_of, picked
from tests.plugins.rest import numbers


class Slow:
    """Four endpoints that were there from the start, and a window of ten seconds."""

    def __init__(self, new: NewDistributor | None = None, aggression: float = 1.0, least: float = 10.0) -> None:
        self.clock = ManualClock()
        settings = SlowStartSettings(window_ms=10_000, aggression=aggression, min_weight_percent=least)
        new = new or round_robin(RoundRobinConfig(), Random(7))
        self.members: Members = Members(slowly(new, settings, Random(7), self.clock)())
        self.members.update([endpoint(number) for number in range(4)])

    def join(self, *numbers: int) -> None:
        """Let further endpoints come."""
        self.members.update([endpoint(number) for number in (*range(4), *numbers)])

    def share_of(self, number: int, times: int = 5000) -> float:
        """Return how many requests an endpoint gets for each that one of the others gets."""
        counts = picked(self.members, times)
        others = [counts[other] for other in range(4) if other != number]
        return counts[number] / (sum(others) / len(others))


def test_the_endpoints_of_the_first_set_are_not_new() -> None:
    assert Slow().share_of(0) == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize(("seconds", "share"), [(0.0, 0.1), (2.5, 0.25), (5.0, 0.5), (10.0, 1.0), (60.0, 1.0)])
def test_a_new_endpoint_gets_its_share_little_by_little(seconds: float, share: float) -> None:
    slow = Slow()
    slow.join(4)

    slow.clock.advance(seconds)

    assert slow.share_of(4) == pytest.approx(share, abs=0.06)


def test_with_more_aggression_the_share_grows_faster_at_the_beginning() -> None:
    slow = Slow(aggression=2.0)
    slow.join(4)

    slow.clock.advance(2.5)

    assert slow.share_of(4) == pytest.approx(0.5, abs=0.06)


def test_the_others_share_what_a_new_one_does_not_take() -> None:
    slow = Slow(least=0.0)
    slow.join(4)

    counts = picked(slow.members, 1000)

    assert [counts[number] for number in range(5)] == pytest.approx([250] * 4 + [0], abs=30)


def test_an_endpoint_that_is_well_again_starts_slowly() -> None:
    slow = Slow(least=0.0)
    health = nodes_of(slow.members)[2].health

    health.say("test", Status.BUSY)
    health.say("test", Status.OPEN)

    assert slow.share_of(2) < 0.05
    slow.clock.advance(10.0)
    assert slow.share_of(2) == pytest.approx(1.0, abs=0.06)


def test_where_all_are_new_they_share_everything() -> None:
    slow = Slow(least=0.0)

    slow.members.update([endpoint(number) for number in range(10, 14)])

    assert sum(picked(slow.members, 100).values()) == 100
    assert len(picked(slow.members, 100)) == 4


def test_an_update_does_not_start_the_window_anew() -> None:
    slow = Slow(least=0.0)
    slow.join(4)
    slow.clock.advance(5.0)

    slow.join(4, 5)

    assert slow.share_of(4) == pytest.approx(0.5, abs=0.07)


def test_a_rule_with_one_answer_is_asked_once_and_another_endpoint_is_drawn() -> None:
    slow = Slow(heap(HeapConfig(), Random(7)), least=0.0)
    for _number in range(40):
        acquire(slow.members)

    slow.join(4)

    assert 4 not in picked(slow.members, 100)


def test_where_the_others_are_not_open_a_new_endpoint_gets_everything() -> None:
    slow = Slow(p2c(P2CConfig(), Random(7)), least=0.0)
    slow.join(4)

    for node in nodes_of(slow.members)[:4]:
        node.health.say("test", Status.BUSY)

    assert picked(slow.members, 50)[4] >= 40


def test_requests_that_decide_where_they_go_are_left_alone() -> None:
    new = ring_hash(RingHashConfig(use_source_ip=True), Random(7))

    rule = slowly(new, SlowStartSettings(window_ms=1), Random(7), ManualClock())()

    assert isinstance(rule, RingHash)


def test_how_many_endpoints_warm_up_is_shown() -> None:
    slow, metrics = Slow(), Metrics()
    slow.members.distributor.show(metrics)
    slow.join(4, 5)

    assert numbers(metrics)["warming"] == 2
    slow.clock.advance(10.0)
    assert numbers(metrics)["warming"] == 0


async def test_time_is_the_time_of_the_loop() -> None:
    rule = slowly(p2c(P2CConfig()), SlowStartSettings(window_ms=1))()

    assert rule.algorithm == "p2c_least_loaded"
    assert rule.plain
