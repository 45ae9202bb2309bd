"""The ring; what it has in common with the table is in test_hashed.py."""

from itertools import islice
from random import Random

from mesh_plugins.balancers.ring_hash import RingHash, RingHashConfig, points_of
from tests.plugins.balancers.rules import endpoint


def ring(points: int = 128, most: int = 65536) -> RingHash:
    config = RingHashConfig(http_header_name="x-user", points_per_endpoint=points, maximum_ring_size=most)
    return RingHash(config, Random(7))


def size_with(rule: RingHash, *weights: float) -> int:
    nodes = [rule.new_node(endpoint(number, weight)) for number, weight in enumerate(weights)]
    rule.update(nodes)
    return len(rule.circle(nodes))


def test_each_endpoint_has_its_points() -> None:
    assert size_with(ring(points=50), 1, 1, 1) == 150


def test_endpoints_of_less_weight_have_fewer_points() -> None:
    assert size_with(ring(points=100), 10, 5, 0) == 150


def test_an_endpoint_of_the_least_weight_has_a_point() -> None:
    assert size_with(ring(points=10), 1000, 1) == 11


def test_the_ring_is_bounded() -> None:
    assert size_with(ring(points=100, most=1024), *[1] * 40) == 40 * 25


def test_the_ring_has_a_point_for_each_endpoint_whatever_its_bound() -> None:
    assert size_with(ring(most=1024), *[1] * 1100) == 1100


def test_the_points_of_an_endpoint_are_always_the_same() -> None:
    points = list(islice(points_of(endpoint(1)), 20))

    assert len(set(points)) == 20
    assert list(islice(points_of(endpoint(1)), 10)) == points[:10]


def test_a_hash_beyond_the_last_point_belongs_to_the_first() -> None:
    rule = ring()
    size_with(rule, 1, 1)

    assert rule.place(2**64 - 1) == 0
    assert rule.place(0) == 0
