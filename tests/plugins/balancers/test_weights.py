"""Endpoints with weights."""

from random import Random

import attrs
import pytest

from mesh import Metrics, Status
from mesh_plugins.balancers.p2c import P2CConfig, p2c
from mesh_plugins.balancers.round_robin import RoundRobinConfig, round_robin
from tests.plugins.balancers.rules import Low, endpoint, nodes_of, picked, ruled
from tests.plugins.rest import numbers


def test_endpoints_are_picked_by_weight_times_number() -> None:
    members = ruled(p2c(P2CConfig(), Random(7)), 1, 1, 3)

    counts = picked(members, 5000)

    assert [counts[number] for number in range(3)] == pytest.approx([1000, 1000, 3000], abs=150)


def test_an_endpoint_of_no_weight_gets_nothing_while_others_are_open() -> None:
    members = ruled(p2c(P2CConfig(), Random(7)), 0, 1)

    assert picked(members, 100) == {1: 100}


def test_where_a_weight_has_no_open_endpoint_another_one_steps_in() -> None:
    members = ruled(p2c(P2CConfig(), Random(7)), 1, 1, 3)
    nodes_of(members)[2].health.say("test", Status.BUSY)

    assert 2 not in picked(members, 1000)


def test_where_no_weight_has_an_open_endpoint_all_are_used() -> None:
    members = ruled(p2c(P2CConfig(), Random(7)), 1, 3)
    for node in nodes_of(members):
        node.health.say("test", Status.BUSY)

    assert set(picked(members, 1000)) == {0, 1}


def test_new_weights_take_effect_with_the_next_address_set() -> None:
    members = ruled(p2c(P2CConfig(), Random(7)), 1, 1)

    members.update([endpoint(0, 0.0), endpoint(1, 1.0)])

    assert picked(members, 100) == {1: 100}


def test_a_class_hears_of_the_health_of_its_endpoints_after_they_changed_classes() -> None:
    members = ruled(round_robin(RoundRobinConfig(), Low()), 1, 1, 2)
    nodes_of(members)[0].health.say("test", Status.CLOSED)
    members.update([endpoint(0, 2.0), endpoint(1), endpoint(2, 2.0)])
    picked(members, 10)

    nodes_of(members)[0].health.say("test", Status.OPEN)

    assert 0 in picked(members, 10)


def test_a_rule_stays_when_the_weight_of_all_changes() -> None:
    members = ruled(round_robin(RoundRobinConfig(), Random(7)), 1, 1)
    before = members.distributor.picking

    members.update([attrs.evolve(node.endpoint, weight=5.0) for node in nodes_of(members)])

    assert members.distributor.picking == before


def test_weights_are_shown() -> None:
    metrics = Metrics()
    members = ruled(p2c(P2CConfig(), Random(7)), 1, 1, 4)
    nodes_of(members)[2].health.say("test", Status.BUSY)
    members.distributor.show(metrics)

    picked(members, 100)

    shown = numbers(metrics)
    assert (shown["num_weight_classes"], shown["meanweight"]) == (2, 2.0)
    assert shown["busy_weight_classes"] == pytest.approx(67, abs=10)
