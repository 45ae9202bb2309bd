import math
import random
from collections import Counter

import pytest

from mesh.naming.drawing import alias_table


def chances(weights: list[float]) -> list[float]:
    """Compute the chance of each index from the table that is drawn by."""
    table = alias_table(weights)
    shares = list(table.prob)
    for index, probability in enumerate(table.prob):
        shares[table.alias[index]] += 1 - probability
    return [share / len(weights) for share in shares]


@pytest.mark.parametrize(
    "weights", [[1], [1, 1, 2], [0, 1], [3, 0, 1, 0], [0.001, 1e9], [*range(10)], [1e308, 1e308], [5e-324, 5e-324]]
)
def test_an_index_is_as_likely_as_its_weight(weights: list[float]) -> None:
    largest = max(weights)
    total = math.fsum(weight / largest for weight in weights)

    assert chances(weights) == pytest.approx([weight / largest / total for weight in weights])


def test_all_zero_weights_are_drawn_alike() -> None:
    assert chances([0, 0, 0, 0]) == pytest.approx([0.25] * 4)


def test_small_and_large_are_paired_in_the_order_they_came() -> None:
    table = alias_table([1, 3, 2, 2, 1, 3])

    assert table.alias == (1, 0, 3, 5, 2, 0)
    assert table.prob == pytest.approx((0.5, 1, 0.5, 0.5, 0.5, 1))


@pytest.mark.parametrize("weights", [[], [1, -1], [math.inf], [math.nan, 1]])
def test_weights_that_cannot_be_drawn_by_are_refused(weights: list[float]) -> None:
    with pytest.raises(ValueError, match="requirement failed"):
        alias_table(weights)


def test_draws_follow_the_weights() -> None:
    table = alias_table([1, 0, 3])
    source = random.Random(7)

    draws = Counter(table.draw(source) for _ in range(4000))

    assert draws[1] == 0
    assert draws[2] / 4000 == pytest.approx(0.75, abs=0.03)
