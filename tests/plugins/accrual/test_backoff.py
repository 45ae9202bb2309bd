"""How long to wait, again and again. Finagle's own numbers are in the conformance tests."""

from itertools import islice, pairwise
from random import Random

import pytest

from mesh_plugins.accrual.backoff import constant, decorrelated_jittered, equal_jittered

SEEDS = range(20)


def test_a_constant_wait_is_always_the_same() -> None:
    assert list(islice(constant(2.5), 3)) == [2.5, 2.5, 2.5]


@pytest.mark.parametrize("seed", SEEDS)
def test_equal_jitter_doubles_half_of_the_wait_until_it_is_the_longest_for_ever(seed: int) -> None:
    waits = list(islice(equal_jittered(5.0, 300.0, Random(seed)), 12))

    assert waits[0] == 5.0
    assert all(5.0 * 2**n <= wait <= 5.0 * 2 ** (n + 1) or wait == 300.0 for n, wait in enumerate(waits[1:]))
    assert waits == sorted(waits)
    assert waits[-5:] == [300.0] * 5


@pytest.mark.parametrize("seed", SEEDS)
def test_decorrelated_jitter_lies_between_the_wait_before_and_three_times_that(seed: int) -> None:
    waits = list(islice(decorrelated_jittered(5.0, 300.0, Random(seed)), 30))

    assert waits[0] == 5.0
    assert all(before <= wait <= min(before * 3, 300.0) for before, wait in pairwise(waits))


def test_jitter_differs_from_schedule_to_schedule() -> None:
    source = Random(7)

    assert list(islice(equal_jittered(5.0, 300.0, source), 3)) != list(islice(equal_jittered(5.0, 300.0, source), 3))


@pytest.mark.parametrize("jittered", [equal_jittered, decorrelated_jittered])
def test_a_wait_that_can_grow_no_longer_stays(jittered: type) -> None:
    assert list(islice(jittered(5.0, 5.0, Random(7)), 3)) == [5.0, 5.0, 5.0]
