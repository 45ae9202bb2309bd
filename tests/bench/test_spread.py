import math

import pytest

from tests.bench.spread import Summary, percentile, summarise


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, 1.0), (0.5, 50.0), (0.99, 99.0), (0.991, 100.0), (0.999, 100.0), (1.0, 100.0)]
)
def test_a_percentile_is_the_nearest_rank(share: float, expected: float) -> None:
    ordered = [float(number) for number in range(1, 101)]

    actual = percentile(ordered, share)

    assert actual == expected


def test_a_percentile_of_nothing_is_not_a_number() -> None:
    actual = percentile([], 0.99)

    assert math.isnan(actual)


def test_a_summary_is_the_median_and_the_range() -> None:
    actual = summarise([3.0, 1.0, 2.0, 10.0])

    assert actual == Summary(median=2.5, low=1.0, high=10.0)


def test_a_summary_leaves_out_what_is_not_a_number() -> None:
    actual = summarise([math.nan, 4.0])

    assert actual == Summary(median=4.0, low=4.0, high=4.0)


def test_there_is_no_summary_of_nothing() -> None:
    actual = summarise([math.nan])

    assert actual is None
