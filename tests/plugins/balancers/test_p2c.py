"""Power of two choices."""

from random import Random
from typing import SupportsIndex

import pytest

from mesh import Endpoint, Status
from mesh.testing import request
from mesh_plugins.balancers.node import Node
from mesh_plugins.balancers.p2c import P2C, P2CConfig, p2c
from tests.plugins.balancers.rules import Counting, nodes_of, pick, picked, ruled

EQUAL = (1.0, 1.0, 1.0)


class Listed(list[Node]):
    """A list that is looked up by index alone, and counts that."""

    looked_up = 0

    def __getitem__(self, index: SupportsIndex | slice) -> Node:  # type: ignore[override]  # no slices here
        self.looked_up += 1
        assert not isinstance(index, slice)
        return super().__getitem__(index)


def test_nodes_without_load_are_picked_alike() -> None:
    members = ruled(p2c(P2CConfig(), Random(7)), 1, 1, 1, 1)

    counts = picked(members, 4000)

    assert list(counts.values()) == pytest.approx([1000] * 4, abs=100)


def test_of_two_the_one_with_fewer_requests_is_picked() -> None:
    members = ruled(p2c(P2CConfig(), Random(7)), 1, 1)
    nodes_of(members)[0].load = 3
    nodes_of(members)[1].load = 2

    assert picked(members, 100) == {1: 100}


def test_the_most_loaded_of_many_is_never_picked() -> None:
    members = ruled(p2c(P2CConfig(), Random(7)), 1, 1, 1, 1)
    nodes_of(members)[2].load = 1

    assert 2 not in picked(members, 1000)


@pytest.mark.parametrize("status", [Status.BUSY, Status.CLOSED])
def test_an_endpoint_that_is_not_open_is_avoided_whatever_its_load(status: Status) -> None:
    members = ruled(p2c(P2CConfig(), Random(7)), *EQUAL)
    nodes = nodes_of(members)
    nodes[0].health.say("test", status)
    nodes[1].load = nodes[2].load = 100

    assert 0 not in picked(members, 1000)


def test_of_those_that_are_not_open_the_busy_one_is_better() -> None:
    members = ruled(p2c(P2CConfig(), Random(7)), 1, 1)
    nodes = nodes_of(members)
    nodes[0].health.say("test", Status.CLOSED)
    nodes[1].health.say("test", Status.BUSY)

    assert picked(members, 100) == {1: 100}


def test_where_none_is_open_all_are_used() -> None:
    members = ruled(p2c(P2CConfig(), Random(7)), *EQUAL)
    for node in nodes_of(members):
        node.health.say("test", Status.BUSY)

    assert set(picked(members, 300)) == {0, 1, 2}


def test_a_pick_is_drawn_again_as_often_as_configured() -> None:
    source = Counting(7)
    members = ruled(p2c(P2CConfig(max_effort=3), source), *EQUAL)
    for node in nodes_of(members):
        node.health.say("test", Status.BUSY)

    pick(members)

    assert source.draws == 6


def test_the_only_endpoint_is_picked_without_a_draw() -> None:
    source = Counting(7)
    members = ruled(p2c(P2CConfig(), source), 1)
    (node,) = nodes_of(members)
    node.health.say("test", Status.CLOSED)

    assert pick(members) is node
    assert source.draws == 0


def test_a_pick_among_ten_thousand_looks_at_two() -> None:
    nodes = Listed(Node(Endpoint("10.0.0.1", port)) for port in range(10_000))
    source = Counting(7)
    rule = P2C(5, source)
    rule.update(nodes)

    rule.pick(request())

    assert source.draws == 2
    assert nodes.looked_up <= 3
