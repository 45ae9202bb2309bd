"""Windows that are each a process's own."""

from random import Random

import pytest

from mesh import Metrics, Status
from mesh_plugins.balancers.aperture import aperture
from mesh_plugins.balancers.deterministic import Coordinate, parts
from mesh_plugins.balancers.load_band import ApertureConfig
from mesh_plugins.balancers.members import Members
from tests.plugins.balancers.rules import endpoint, nodes_of, picked, ruled
from tests.plugins.rest import numbers


def members_of(instance: int, total: int, *weights: float) -> Members:
    """Return what one of several processes knows."""
    config = ApertureConfig(coordinate=Coordinate(instance, total))
    return ruled(aperture(config, Random(7)), *weights)


@pytest.mark.parametrize(("size", "total"), [(5, 3), (40, 7), (100, 10), (13, 4), (1, 5)])
def test_all_processes_together_cover_every_endpoint_equally(size: int, total: int) -> None:
    windows = [parts([1.0] * size, Coordinate(instance, total)) for instance in range(total)]

    covered = [sum(window[number] for window in windows) for number in range(size)]

    assert covered == pytest.approx([covered[0]] * size, rel=1e-6)
    assert covered[0] > 0


@pytest.mark.parametrize("size", [1, 12, 50, 1000])
def test_a_window_has_twelve_endpoints_if_there_are_so_many(size: int) -> None:
    window = [part for part in parts([1.0] * size, Coordinate(3, 10)) if part]

    assert len(window) >= min(size, 12)


def test_endpoints_are_covered_by_weight() -> None:
    windows = [parts([1.0, 3.0, 4.0], Coordinate(instance, 4), least=1) for instance in range(4)]

    assert [sum(window[number] for window in windows) for number in range(3)] == pytest.approx([0.25, 0.75, 1.0])


def test_requests_go_to_the_window_alone_by_their_parts() -> None:
    members = members_of(0, 4, *[1] * 100)

    counts = picked(members, 5000)

    assert len(counts) == 25
    assert list(counts.values()) == pytest.approx([200] * 25, abs=60)


def test_every_process_agrees_on_the_ring_whatever_the_order_of_discovery() -> None:
    one = members_of(1, 4, *[1] * 100)
    before = {nodes_of(one)[number].endpoint for number in picked(one, 1000)}

    one.update([endpoint(number) for number in reversed(range(100))])

    assert {nodes_of(one)[number].endpoint for number in picked(one, 1000)} == before


def test_of_two_the_one_with_less_load_for_its_part_is_picked() -> None:
    members = members_of(0, 1, 1.0, 3.0)
    nodes = nodes_of(members)
    nodes[0].load, nodes[1].load = 2, 3

    assert picked(members, 200)[1] > 150


def test_an_endpoint_that_is_not_open_is_avoided() -> None:
    members = members_of(0, 4, *[1] * 100)
    (down, *_others) = picked(members, 500)

    nodes_of(members)[down].health.say("test", Status.BUSY)

    assert down not in picked(members, 500)


def test_where_none_is_open_all_are_used() -> None:
    members = members_of(0, 1, 1, 1)
    for node in nodes_of(members):
        node.health.say("test", Status.BUSY)

    assert set(picked(members, 100)) == {0, 1}


def test_the_only_endpoint_is_picked() -> None:
    assert picked(members_of(4, 5, 1), 3) == {0: 3}


def test_the_window_is_shown() -> None:
    metrics = Metrics()

    members_of(0, 4, *[1] * 100).distributor.show(metrics)

    assert numbers(metrics) == {"logical_aperture": 25, "physical_aperture": 0, "use_deterministic_ordering": 1}


def test_a_process_beyond_the_last_is_refused() -> None:
    with pytest.raises(ValueError, match=r"`instance` \(3\) must be below `total` \(3\)"):
        Coordinate(3, 3)
