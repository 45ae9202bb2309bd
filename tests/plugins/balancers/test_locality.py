"""Near endpoints before far ones."""

from collections import Counter
from random import Random

import pytest

from mesh import Endpoint, LocalitySettings, Metrics, Status
from mesh.testing import request
from mesh_plugins.balancers.ewma import EwmaConfig, EwmaNode, ewma
from mesh_plugins.balancers.heap import HeapConfig, heap
from mesh_plugins.balancers.locality import near
from mesh_plugins.balancers.members import Members
from mesh_plugins.balancers.node import NewDistributor
from mesh_plugins.balancers.p2c import P2CConfig, p2c
from mesh_plugins.balancers.ring_hash import RingHashConfig, ring_hash
from tests.plugins.balancers.rules import nodes_of, pick
from tests.plugins.rest import numbers

SETTINGS = LocalitySettings(zone="eu-1a", region="eu-1", failover=("eu-2",))


def in_zone(zone: str, *ports: int) -> list[Endpoint]:
    """Return endpoints of a zone such as `eu-1a`, which lies in the region `eu-1`."""
    return [Endpoint("10.0.0.1", port, meta={"zone": zone, "region": zone[:-1]}) for port in ports]


def members_of(
    *endpoints: Endpoint, settings: LocalitySettings = SETTINGS, new: NewDistributor | None = None
) -> Members:
    members = Members(near(new or p2c(P2CConfig(), Random(7)), settings, Random(7))())
    members.update(endpoints)
    return members


def zones(members: Members, times: int = 1000) -> dict[str, float]:
    """Return the part of the requests that goes to each zone, in percent."""
    counts = Counter(pick(members).endpoint.meta.get("zone", "") for _time in range(times))
    return {zone: count * 100 / times for zone, count in counts.items()}


def fail(members: Members, *ports: int, status: Status = Status.BUSY) -> None:
    for node in nodes_of(members):
        if node.endpoint.port in ports:
            node.health.say("test", status)


def test_the_own_zone_gets_everything_while_it_is_well() -> None:
    members = members_of(*in_zone("eu-1a", 1, 2), *in_zone("eu-1b", 3), *in_zone("us-1a", 4))

    assert zones(members) == {"eu-1a": 100}


def test_an_overprovisioned_zone_keeps_everything_though_some_are_not_well() -> None:
    members = members_of(*in_zone("eu-1a", 1, 2, 3, 4), *in_zone("eu-1b", 5))

    fail(members, 1)  # three of four, times 1.4, is more than one

    assert zones(members) == {"eu-1a": 100}


def test_what_a_zone_cannot_take_goes_to_the_next_one() -> None:
    members = members_of(*in_zone("eu-1a", 1, 2, 3, 4), *in_zone("eu-1b", 5))

    fail(members, 1, 2)  # half of them, times 1.4

    assert zones(members, 4000) == pytest.approx({"eu-1a": 70, "eu-1b": 30}, abs=3)


def test_where_nothing_is_well_in_the_zone_the_region_gets_everything() -> None:
    members = members_of(*in_zone("eu-1a", 1), *in_zone("eu-1b", 2), *in_zone("us-1a", 3))

    fail(members, 1)

    assert zones(members) == {"eu-1b": 100}


def test_regions_to_fail_over_to_come_before_the_others() -> None:
    members = members_of(*in_zone("us-1a", 1), *in_zone("eu-2a", 2))

    assert zones(members) == {"eu-2a": 100}


def test_requests_come_home_when_the_zone_is_well_again() -> None:
    members = members_of(*in_zone("eu-1a", 1), *in_zone("eu-1b", 2))
    fail(members, 1)

    fail(members, 1, status=Status.OPEN)

    assert zones(members) == {"eu-1a": 100}


def test_where_together_the_levels_cannot_take_everything_they_share_by_what_they_can() -> None:
    new = heap(HeapConfig(), Random(7))  # which finds an open one however few there are
    members = members_of(*in_zone("eu-1a", *range(1, 11)), *in_zone("eu-1b", *range(11, 21)), new=new)

    fail(members, *range(1, 10), *range(11, 19))  # a tenth and two tenths are well: 14 % and 28 %

    assert zones(members, 4000) == pytest.approx({"eu-1a": 33, "eu-1b": 67}, abs=3)


def test_where_nothing_is_well_anywhere_levels_get_requests_by_their_size() -> None:
    members = members_of(*in_zone("eu-1a", 1), *in_zone("eu-1b", 2, 3, 4))

    fail(members, 1, 2, 3, 4)

    assert zones(members, 4000) == pytest.approx({"eu-1a": 25, "eu-1b": 75}, abs=3)


def test_endpoints_of_which_nothing_is_known_are_far() -> None:
    members = members_of(*in_zone("eu-1a", 1), Endpoint("10.0.0.1", 2))

    assert zones(members) == {"eu-1a": 100}


def test_a_zone_of_the_same_name_in_another_region_is_another_zone() -> None:
    other = Endpoint("10.0.0.1", 1, meta={"zone": "eu-1a", "region": "us-1"})
    members = members_of(other, *in_zone("eu-1b", 2))

    assert zones(members) == {"eu-1b": 100}


def test_discovery_may_have_names_of_its_own_for_zones() -> None:
    settings = LocalitySettings(zone="a", zone_key="topology.zone")
    endpoints = [Endpoint("10.0.0.1", port, meta={"topology.zone": zone}) for port, zone in ((1, "b"), (2, "a"))]
    members = members_of(*endpoints, settings=settings)

    assert {pick(members).endpoint.port for _number in range(50)} == {2}


def test_where_this_process_is_may_be_said_by_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINKER_ZONE", "eu-1b")
    members = members_of(*in_zone("eu-1a", 1), *in_zone("eu-1b", 2), settings=LocalitySettings())

    assert zones(members) == {"eu-1b": 100}


def test_endpoints_that_are_equally_far_cost_nothing() -> None:
    members = members_of(*in_zone("eu-1a", 1, 2))

    assert members.pick != members.distributor.pick


def test_an_endpoint_that_changes_its_zone_keeps_what_is_known_of_it() -> None:
    members = members_of(*in_zone("eu-1a", 1, 2), new=ewma(EwmaConfig(), Random(7), lambda: 0.0))
    node = nodes_of(members)[0]
    assert isinstance(node, EwmaNode)
    node.cost = 5.0

    members.update([*in_zone("eu-1b", 1), *in_zone("eu-1a", 2)])

    assert nodes_of(members)[0] is node
    assert zones(members) == {"eu-1a": 100}


def test_like_requests_stay_together_while_they_spill() -> None:
    new = ring_hash(RingHashConfig(http_header_name="x-user"), Random(7))
    members = members_of(*in_zone("eu-1a", 1, 2, 3, 4), *in_zone("eu-1b", 5, 6), new=new)
    fail(members, 1, 2)
    users = [request(headers={"x-user": str(user)}) for user in range(1000)]

    homes = [pick(members, user).endpoint for user in users]

    assert [pick(members, user).endpoint for user in users] == homes
    spilled = [home for home in homes if home.meta["zone"] == "eu-1b"]
    assert len(spilled) == pytest.approx(300, abs=50)
    assert {home.port for home in spilled} == {5, 6}


def test_how_much_stays_near_is_shown() -> None:
    members, metrics = members_of(*in_zone("eu-1a", 1, 2, 3, 4), *in_zone("eu-1b", 5)), Metrics()
    members.distributor.show(metrics)
    fail(members, 1, 2)

    zones(members, 1000)

    shown = numbers(metrics)
    assert shown["locality/levels"] == 2
    assert shown["locality/near_percent"] == pytest.approx(70)
    assert shown["locality/spilled"] == pytest.approx(300, abs=50)
