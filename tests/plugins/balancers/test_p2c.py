"""Power of two choices."""

from collections import Counter
from random import Random
from typing import SupportsIndex

import pytest

from mesh import Endpoint, Status
from mesh_plugins.balancers.node import Distributor, Node
from mesh_plugins.balancers.p2c import P2CConfig, p2c


def new_nodes(*weights: float) -> list[Node]:
    return [Node(Endpoint(f"10.0.0.{number}", 80, weight)) for number, weight in enumerate(weights)]


def picked(distributor: Distributor, nodes: list[Node], times: int) -> Counter[int]:
    """Return how often each node was picked."""
    return Counter(nodes.index(distributor.pick()) for _time in range(times))


class Counting(Random):
    """Counts what is drawn."""

    draws = 0

    def random(self) -> float:
        self.draws += 1
        return super().random()


class Listed(list[Node]):
    """A list that is looked up by index alone, and counts that."""

    looked_up = 0

    def __getitem__(self, index: SupportsIndex | slice) -> Node:  # type: ignore[override]  # no slices here
        self.looked_up += 1
        assert not isinstance(index, slice)
        return super().__getitem__(index)


def test_nodes_without_load_are_picked_alike() -> None:
    nodes = new_nodes(1, 1, 1, 1)
    distributor = p2c(P2CConfig(), Random(7))(nodes)

    counts = picked(distributor, nodes, 4000)

    assert list(counts.values()) == pytest.approx([1000] * 4, abs=100)


def test_of_two_the_one_with_fewer_requests_is_picked() -> None:
    nodes = new_nodes(1, 1)
    nodes[0].load = 3
    nodes[1].load = 2

    assert picked(p2c(P2CConfig(), Random(7))(nodes), nodes, 100) == {1: 100}


def test_the_most_loaded_of_many_is_never_picked() -> None:
    nodes = new_nodes(1, 1, 1, 1)
    nodes[2].load = 1

    assert 2 not in picked(p2c(P2CConfig(), Random(7))(nodes), nodes, 1000)


@pytest.mark.parametrize("status", [Status.BUSY, Status.CLOSED])
def test_an_endpoint_that_is_not_open_is_avoided_whatever_its_load(status: Status) -> None:
    nodes = new_nodes(1, 1, 1)
    nodes[0].health.say("test", status)
    nodes[1].load = nodes[2].load = 100

    assert 0 not in picked(p2c(P2CConfig(), Random(7))(nodes), nodes, 1000)


def test_of_those_that_are_not_open_the_busy_one_is_better() -> None:
    nodes = new_nodes(1, 1)
    nodes[0].health.say("test", Status.CLOSED)
    nodes[1].health.say("test", Status.BUSY)

    assert picked(p2c(P2CConfig(), Random(7))(nodes), nodes, 100) == {1: 100}


def test_where_none_is_open_all_are_used() -> None:
    nodes = new_nodes(1, 1, 1)
    for node in nodes:
        node.health.say("test", Status.BUSY)

    counts = picked(p2c(P2CConfig(), Random(7))(nodes), nodes, 300)

    assert set(counts) == {0, 1, 2}


def test_a_pick_is_drawn_again_as_often_as_configured() -> None:
    nodes = new_nodes(1, 1, 1)
    for node in nodes:
        node.health.say("test", Status.BUSY)
    source = Counting(7)

    p2c(P2CConfig(max_effort=3), source)(nodes).pick()

    assert source.draws == 6


def test_the_only_endpoint_is_picked_without_a_draw() -> None:
    nodes = new_nodes(1)
    nodes[0].health.say("test", Status.CLOSED)
    source = Counting(7)

    assert p2c(P2CConfig(), source)(nodes).pick() is nodes[0]
    assert source.draws == 0


def test_a_pick_among_ten_thousand_looks_at_two() -> None:
    nodes = Listed(new_nodes(*[1] * 10_000))
    source = Counting(7)
    distributor = p2c(P2CConfig(), source)(nodes)
    nodes.looked_up = 0

    distributor.pick()

    assert source.draws == 2
    assert nodes.looked_up <= 3


def test_endpoints_are_picked_by_weight_times_number() -> None:
    nodes = new_nodes(1, 1, 3)
    distributor = p2c(P2CConfig(), Random(7))(nodes)

    counts = picked(distributor, nodes, 5000)

    assert [counts[number] for number in range(3)] == pytest.approx([1000, 1000, 3000], abs=150)


def test_an_endpoint_of_no_weight_gets_nothing_while_others_are_open() -> None:
    nodes = new_nodes(0, 1)

    assert picked(p2c(P2CConfig(), Random(7))(nodes), nodes, 100) == {1: 100}


def test_where_a_weight_has_no_open_endpoint_another_one_steps_in() -> None:
    nodes = new_nodes(1, 1, 3)
    nodes[2].health.say("test", Status.BUSY)

    counts = picked(p2c(P2CConfig(), Random(7))(nodes), nodes, 1000)

    assert 2 not in counts


def test_where_no_weight_has_an_open_endpoint_all_are_used() -> None:
    nodes = new_nodes(1, 3)
    for node in nodes:
        node.health.say("test", Status.BUSY)

    counts = picked(p2c(P2CConfig(), Random(7))(nodes), nodes, 1000)

    assert set(counts) == {0, 1}
