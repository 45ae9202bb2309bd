"""Power of two choices inside a window."""

from random import Random

from mesh import Metrics, Status
from mesh.testing import ManualClock
from mesh_plugins.balancers.aperture import ApertureNode, aperture
from mesh_plugins.balancers.load_band import ApertureConfig
from mesh_plugins.balancers.members import Members
from tests.plugins.balancers.rules import acquire, endpoint, nodes_of, picked, ruled
from tests.plugins.rest import numbers


def windowed(size: int, seed: int = 7, min_aperture: int = 3) -> Members:
    """Return members with a window that is not smoothed."""
    config = ApertureConfig(smooth_window_ms=0, min_aperture=min_aperture)
    return ruled(aperture(config, Random(seed), ManualClock()), *[1] * size)


def test_requests_go_to_the_window_alone() -> None:
    members = windowed(20)

    assert len(picked(members, 300)) == 3


def test_the_window_is_another_one_in_each_process() -> None:
    windows = {frozenset(picked(windowed(20, seed), 100)) for seed in range(10)}

    assert len(windows) > 5


def test_the_window_grows_with_the_load_and_shrinks_with_it() -> None:
    members = windowed(20)
    ends = [acquire(members)[1] for _number in range(40)]
    grown = len(picked(members, 3000))

    for end in ends:
        end()
    for _number in range(10):
        acquire(members)[1]()

    assert grown == 20
    assert len(picked(members, 300)) == 3


def test_an_endpoint_that_is_not_open_makes_way_for_another() -> None:
    members = windowed(20)
    window = set(picked(members, 300))
    down = window.pop()

    nodes_of(members)[down].health.say("test", Status.BUSY)
    after = set(picked(members, 300))

    assert window < after
    assert down not in after
    assert len(after) == 3


def test_an_endpoint_that_is_open_again_comes_back_into_the_window() -> None:
    members = windowed(20)
    window = set(picked(members, 300))
    health = nodes_of(members)[min(window)].health
    health.say("test", Status.BUSY)
    picked(members, 1)

    health.say("test", Status.OPEN)

    assert set(picked(members, 300)) == window
    assert members.distributor.rebuilds() == 2


def test_an_update_keeps_the_window() -> None:
    members = windowed(20)
    window = {nodes_of(members)[number].endpoint for number in picked(members, 300)}
    unused = [node.endpoint for node in nodes_of(members) if node.endpoint not in window]

    members.update([*window, *unused[:-2]])

    assert {nodes_of(members)[number].endpoint for number in picked(members, 300)} == window


def test_requests_in_progress_still_count_after_an_update() -> None:
    members = windowed(20, min_aperture=1)
    ends = [acquire(members)[1] for _number in range(10)]

    members.update([endpoint(number) for number in range(19)])
    for end in ends:
        end()
    gauges = Metrics()
    members.distributor.show(gauges)

    assert numbers(gauges)["loadband/offered_load_ema"] == 0


def test_where_none_in_the_window_is_open_one_is_picked_all_the_same() -> None:
    members = windowed(3)
    for node in nodes_of(members):
        node.health.say("test", Status.BUSY)

    assert set(picked(members, 100)) == {0, 1, 2}


def test_the_window_is_shown() -> None:
    members, metrics = windowed(20), Metrics()
    members.distributor.show(metrics)
    for _number in range(6):
        acquire(members)

    assert numbers(metrics) == {
        "num_weight_classes": 1,
        "meanweight": 1.0,
        "busy_weight_classes": 0,
        "logical_aperture": 4,
        "physical_aperture": 0,
        "loadband/offered_load_ema": 6,
        "loadband/widen": 1,
        "loadband/narrow": 0,
    }


def test_an_endpoint_shows_its_place_in_the_order() -> None:
    node = ApertureNode(endpoint(1), 0.25)

    assert node.facts() == {"token": 0.25}


async def test_time_is_the_time_of_the_loop() -> None:
    members = ruled(aperture(ApertureConfig()), 1, 1)

    acquire(members)

    assert members.distributor.algorithm == "aperture_least_loaded"
