"""The table; what it has in common with the ring is in test_hashed.py."""

from collections import Counter

import pytest

from mesh_plugins.balancers.maglev import MaglevConfig, fill
from mesh_plugins.balancers.node import Node
from tests.plugins.balancers.rules import endpoint


def test_the_table_is_that_of_the_paper() -> None:
    nodes = [Node(endpoint(number)) for number in range(3)]

    table = fill([(3, 4), (0, 2), (3, 1)], [1.0, 1.0, 1.0], nodes, 7)

    assert [nodes.index(node) for node in table] == [1, 0, 1, 0, 2, 2, 0]


def test_each_endpoint_has_as_many_places_as_any_other() -> None:
    nodes = [Node(endpoint(number)) for number in range(4)]

    table = fill([(number, number + 1) for number in range(4)], [1.0] * 4, nodes, 101)

    assert sorted(Counter(table).values()) == [25, 25, 25, 26]


def test_an_endpoint_of_half_the_weight_has_half_the_places() -> None:
    nodes = [Node(endpoint(number)) for number in range(2)]

    table = fill([(0, 1), (1, 1)], [1.0, 0.5], nodes, 101)

    assert Counter(table)[nodes[1]] == pytest.approx(33, abs=1)


@pytest.mark.parametrize("size", [4, 100, 16383])
def test_a_table_whose_size_is_no_prime_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match=f"`tableSize` must be a prime, such as 16381 or 65537, not {size}"):
        MaglevConfig(http_header_name="x-user", table_size=size)


def test_nothing_to_hash_by_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one of"):
        MaglevConfig()
