"""One endpoint after the other."""

from random import Random

from mesh import Status
from mesh_plugins.balancers.members import Members
from mesh_plugins.balancers.round_robin import RoundRobinConfig, round_robin
from tests.plugins.balancers.rules import Low, acquire, endpoint, nodes_of, picked, ruled


def in_turn(size: int, max_effort: int = 5) -> Members:
    """Return members whose circles all begin with the first."""
    return ruled(round_robin(RoundRobinConfig(max_effort), Low()), *[1] * size)


def turns(members: Members, times: int) -> list[int]:
    return [acquire(members)[0] for _time in range(times)]


def test_each_endpoint_has_its_turn() -> None:
    assert turns(in_turn(3), 7) == [0, 1, 2, 0, 1, 2, 0]


def test_an_endpoint_that_is_not_open_is_passed_over() -> None:
    members = in_turn(3)

    nodes_of(members)[1].health.say("test", Status.BUSY)

    assert turns(members, 5) == [0, 2, 0, 2, 0]


def test_an_endpoint_that_is_open_again_has_its_turn_again() -> None:
    members = in_turn(3)
    nodes_of(members)[1].health.say("test", Status.BUSY)
    turns(members, 3)

    nodes_of(members)[1].health.say("test", Status.OPEN)

    assert set(turns(members, 4)) == {0, 1, 2}


def test_one_that_was_down_and_is_open_again_between_two_picks_changes_nothing() -> None:
    members = in_turn(3)
    turns(members, 2)

    nodes_of(members)[1].health.say("test", Status.BUSY)
    nodes_of(members)[1].health.say("test", Status.OPEN)

    assert turns(members, 3) == [2, 0, 1]


def test_where_none_is_open_all_have_their_turn() -> None:
    members = in_turn(2, max_effort=1)
    for node in nodes_of(members):
        node.health.say("test", Status.CLOSED)

    assert set(turns(members, 20)) <= {0, 1}


def test_the_only_open_one_of_many_is_found() -> None:
    members = in_turn(100)
    for node in nodes_of(members)[1:]:
        node.health.say("test", Status.CLOSED)
    turns(members, 1)

    assert turns(members, 3) == [0, 0, 0]


def test_a_circle_is_made_anew_for_health_and_counted() -> None:
    members = in_turn(3)
    nodes_of(members)[1].health.say("test", Status.CLOSED)
    turns(members, 5)
    nodes_of(members)[1].health.say("test", Status.OPEN)
    turns(members, 1)

    assert members.distributor.rebuilds() == 2


def test_circles_begin_anywhere() -> None:
    firsts = {acquire(ruled(round_robin(RoundRobinConfig(), Random(seed)), *[1] * 4))[0] for seed in range(50)}

    assert firsts == {0, 1, 2, 3}


def test_an_update_changes_the_circle() -> None:
    members = in_turn(3)

    members.update([endpoint(0), endpoint(2)])

    assert picked(members, 10) == {0: 5, 1: 5}
