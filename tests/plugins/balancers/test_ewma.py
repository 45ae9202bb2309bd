"""Peak EWMA."""

from math import exp
from random import Random

import pytest

from mesh import Status
from mesh.testing import ManualClock, request
from mesh_plugins.balancers.ewma import PENALTY, Ewma, EwmaConfig, EwmaNode, ewma
from mesh_plugins.balancers.members import Members
from tests.plugins.balancers.rules import Counting, endpoint, nodes_of, pick, picked, ruled


class Watched:
    """Two or more endpoints on a clock of the test's own; the latency is remembered for a second."""

    def __init__(self, size: int = 2) -> None:
        self.clock = ManualClock()
        self.members: Members = ruled(ewma(EwmaConfig(decay_time_ms=1000), Random(7), self.clock), *[1] * size)
        self.nodes = [node for node in nodes_of(self.members) if isinstance(node, EwmaNode)]

    def answer(self, number: int, seconds: float) -> None:
        """Let an endpoint take so long for a request."""
        release = self.nodes[number].acquire()
        self.clock.advance(seconds)
        release()

    def weigh(self, number: int) -> float:
        return self.nodes[number].weigh(self.clock())


def test_an_endpoint_that_nobody_asked_yet_costs_nothing() -> None:
    assert Watched().weigh(0) == 0.0


def test_an_endpoint_without_history_is_asked_once_and_then_avoided_until_it_has_answered() -> None:
    watched = Watched()

    watched.nodes[0].acquire()
    watched.nodes[0].acquire()

    assert watched.weigh(0) == PENALTY + 2


def test_a_slower_reply_counts_at_once() -> None:
    watched = Watched()
    watched.answer(0, 0.125)

    watched.answer(0, 0.5)

    assert watched.weigh(0) == 0.5


def test_a_faster_reply_counts_by_the_time_since_the_last_one() -> None:
    watched = Watched()
    watched.answer(0, 0.5)

    watched.answer(0, 0.25)

    assert watched.weigh(0) == pytest.approx(0.5 * exp(-0.25) + 0.25 * (1 - exp(-0.25)))


def test_latency_is_forgotten_while_nobody_asks() -> None:
    watched = Watched()
    watched.answer(0, 0.5)

    watched.clock.advance(2.0)

    assert watched.weigh(0) == pytest.approx(0.5 * exp(-2.0))


def test_reading_the_cost_twice_lets_it_age_as_much_as_once() -> None:
    watched = Watched()
    watched.answer(0, 0.5)

    watched.clock.advance(1.0)
    watched.weigh(0)
    watched.clock.advance(1.0)

    assert watched.weigh(0) == pytest.approx(0.5 * exp(-2.0))


def test_what_is_forgotten_altogether_is_not_known() -> None:
    watched = Watched()
    watched.answer(0, 0.5)
    watched.nodes[0].acquire()

    watched.clock.advance(1e6)

    assert watched.weigh(0) == PENALTY + 1


def test_cost_is_latency_times_requests() -> None:
    watched = Watched()
    watched.answer(0, 0.5)

    for _number in range(3):
        watched.nodes[0].acquire()

    assert watched.weigh(0) == 2.0


def test_of_two_the_cheaper_is_picked() -> None:
    watched = Watched()
    watched.answer(0, 0.5)
    watched.answer(1, 0.25)

    assert picked(watched.members, 50) == {1: 50}


def test_a_healthy_endpoint_is_picked_before_a_cheap_one() -> None:
    watched = Watched()
    watched.answer(0, 0.5)
    watched.nodes[1].health.say("test", Status.BUSY)

    assert picked(watched.members, 50) == {0: 50}


def test_an_update_keeps_what_is_known() -> None:
    watched = Watched()
    watched.answer(0, 0.5)

    watched.members.update([endpoint(1), endpoint(0), endpoint(2)])

    assert watched.weigh(0) == 0.5
    assert watched.members.nodes[endpoint(0)] is watched.nodes[0]


def test_a_pick_is_drawn_again_as_often_as_configured() -> None:
    source = Counting(7)
    members = ruled(ewma(EwmaConfig(max_effort=3), source, ManualClock()), 1, 1, 1)
    for node in nodes_of(members):
        node.health.say("test", Status.BUSY)

    pick(members)

    assert source.draws == 6


def test_the_only_endpoint_is_picked_without_a_draw() -> None:
    source = Counting(7)
    members = ruled(ewma(EwmaConfig(), source, ManualClock()), 1)

    assert pick(members) is nodes_of(members)[0]
    assert source.draws == 0


def test_a_pick_among_ten_thousand_draws_two() -> None:
    source = Counting(7)
    rule = Ewma(5, 10.0, source, ManualClock())
    rule.update([rule.new_node(endpoint(number)) for number in range(10_000)])

    rule.pick(request())

    assert source.draws == 2


def test_the_latency_of_an_endpoint_is_shown_as_it_is_now() -> None:
    watched = Watched()
    watched.answer(0, 0.5)

    watched.clock.advance(1.0)

    assert watched.nodes[0].facts() == {"ewmaMs": pytest.approx(500 * exp(-1.0), abs=1e-3)}


async def test_time_is_the_time_of_the_loop() -> None:
    members = ruled(ewma(EwmaConfig()), 1, 1)

    assert members.distributor.algorithm == "p2c_peak_ewma"
    assert pick(members) in nodes_of(members)
