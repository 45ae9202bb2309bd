"""Who belongs to a balancer, and whether health counts."""

from random import Random

import pytest

from mesh import Status
from mesh_plugins.balancers import members as membership
from mesh_plugins.balancers.members import Members
from mesh_plugins.balancers.p2c import P2CConfig, p2c
from tests.plugins.balancers.rules import endpoint, nodes_of, pick, picked


def members_of(size: int, *, panic_percent: float = 0.0, probation: bool = False) -> Members:
    members = Members(p2c(P2CConfig(), Random(7))(), panic_percent=panic_percent, probation=probation)
    members.update([endpoint(number) for number in range(size)])
    return members


def say(members: Members, status: Status, *numbers: int) -> None:
    for number in numbers:
        members.nodes[endpoint(number)].health.say("test", status)


def test_an_endpoint_that_stays_keeps_its_node() -> None:
    members = members_of(2)
    before = members.nodes[endpoint(1)]

    members.update([endpoint(1), endpoint(2)])

    assert members.nodes[endpoint(1)] is before
    assert (members.counts.adds, members.counts.removes, members.counts.updates) == (3, 1, 2)


def test_an_update_that_changes_nothing_does_not_disturb_the_rule() -> None:
    members = members_of(2)

    members.update([endpoint(0), endpoint(1)])

    assert (members.counts.updates, members.counts.rebuilds) == (2, 1)


def test_there_is_nothing_to_pick_from_an_empty_set() -> None:
    members = members_of(2)

    members.update([])

    assert members.pick is None
    assert members.census == [0, 0, 0]


def test_how_many_have_each_status_is_known_without_counting() -> None:
    members = members_of(5)

    say(members, Status.BUSY, 0, 1)
    say(members, Status.CLOSED, 1, 2)
    say(members, Status.OPEN, 0)

    assert members.census == [3, 0, 2]


def test_an_endpoint_that_went_is_counted_no_more() -> None:
    members = members_of(3)
    say(members, Status.BUSY, 0)
    gone = members.nodes[endpoint(0)]

    members.update([endpoint(1), endpoint(2)])
    gone.health.say("test", Status.CLOSED)

    assert members.census == [2, 0, 0]


def test_weights_that_make_no_sense_are_refused_and_change_nothing() -> None:
    members = members_of(2)

    with pytest.raises(ValueError, match="every weight finite and not negative"):
        members.update([endpoint(5), endpoint(6, -1.0)])

    assert list(members.nodes) == [endpoint(0), endpoint(1)]
    assert members.census == [2, 0, 0]


def test_below_the_panic_threshold_health_is_ignored() -> None:
    members = members_of(4, panic_percent=50)

    say(members, Status.BUSY, 0, 1, 2)

    assert members.panicking
    assert set(picked(members, 300)) == {0, 1, 2, 3}
    assert members.counts.panicked == 300


def test_at_the_panic_threshold_health_counts() -> None:
    members = members_of(4, panic_percent=50)

    say(members, Status.BUSY, 0, 1)

    assert not members.panicking
    assert set(picked(members, 300)) == {2, 3}


def test_health_counts_again_when_enough_are_well() -> None:
    members = members_of(4, panic_percent=50)
    say(members, Status.BUSY, 0, 1, 2)

    say(members, Status.OPEN, 2)

    assert set(picked(members, 300)) == {2, 3}
    assert members.counts.panicked == 0


def test_what_is_said_in_a_panic_counts_after_it() -> None:
    members = members_of(4, panic_percent=50)
    say(members, Status.BUSY, 0, 1, 2)

    say(members, Status.CLOSED, 3)
    say(members, Status.OPEN, 1, 2)

    assert [node.status for node in nodes_of(members)] == [1, 0, 0, 2]


def test_a_panic_ends_when_well_endpoints_come() -> None:
    members = members_of(2, panic_percent=50)
    say(members, Status.BUSY, 0, 1)
    assert members.panicking

    members.update([endpoint(number) for number in range(4)])

    assert not members.panicking
    assert set(picked(members, 300)) == {2, 3}


def test_without_a_threshold_nobody_panics() -> None:
    members = members_of(2)

    say(members, Status.BUSY, 0, 1)

    assert not members.panicking


def test_without_probation_an_endpoint_goes_at_once() -> None:
    members = members_of(2)

    members.update([endpoint(0)])

    assert list(members.nodes) == [endpoint(0)]


def test_on_probation_an_endpoint_that_was_removed_is_used_while_it_is_well() -> None:
    members = members_of(2, probation=True)

    members.update([endpoint(0)])

    assert set(picked(members, 100)) == {0, 1}
    assert members.on_probation == 1


def test_on_probation_an_endpoint_goes_with_its_first_failure() -> None:
    members = members_of(2, probation=True)
    members.update([endpoint(0)])
    removed = members.nodes[endpoint(1)]

    say(members, Status.BUSY, 1)

    assert list(members.nodes) == [endpoint(0)]
    assert removed.removed
    assert members.census == [1, 0, 0]
    assert (members.on_probation, members.counts.removes) == (0, 1)


def test_an_endpoint_that_is_unwell_gets_no_probation() -> None:
    members = members_of(2, probation=True)
    say(members, Status.BUSY, 1)

    members.update([endpoint(0)])

    assert list(members.nodes) == [endpoint(0)]


def test_an_endpoint_that_is_found_again_is_on_probation_no_more() -> None:
    members = members_of(2, probation=True)
    members.update([endpoint(0)])

    members.update([endpoint(0), endpoint(1)])
    say(members, Status.BUSY, 1)

    assert list(members.nodes) == [endpoint(0), endpoint(1)]
    assert not members.is_on_probation(members.nodes[endpoint(1)])


def test_a_set_that_is_empty_all_at_once_is_used_on_probation() -> None:
    members = members_of(2, probation=True)

    members.update([])

    assert pick(members) in nodes_of(members)


def test_only_so_many_are_on_probation_and_the_eldest_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(membership, "MOST_ON_PROBATION", 2)
    members = members_of(3, probation=True)

    members.update([endpoint(9)])

    assert list(members.nodes) == [endpoint(9), endpoint(1), endpoint(2)]
