"""Histograms: accuracy, what they forget and when, merging, and values that are no good."""

import random
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.metrics.histogram import Buckets, Histogram
from mesh.metrics.rotation import Rotation

FIELDS = ["count", "max", "min", "p50", "p90", "p95", "p99", "p9990", "p9999", "sum", "avg"]


class Clock:
    """A clock that its owner moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def histogram_of(*values: float) -> Histogram:
    histogram = Histogram(Rotation(Clock()))
    for value in values:
        histogram.add(value)
    return histogram


def test_an_empty_histogram_has_only_a_count() -> None:
    assert histogram_of().window().summary() == {"count": 0}


def test_a_summary_has_the_fields_of_linkerd_in_its_order() -> None:
    assert list(histogram_of(1.0).window().summary()) == FIELDS


def test_a_single_value_is_shown_exactly() -> None:
    summary = histogram_of(7.3).window().summary()

    assert summary == dict.fromkeys(FIELDS, 7.3) | {"count": 1}


def test_least_greatest_sum_and_average_are_exact() -> None:
    summary = histogram_of(1.5, 2.5, 100.25, 3.75).window().summary()

    assert (summary["min"], summary["max"], summary["sum"], summary["avg"]) == (1.5, 100.25, 108.0, 27.0)


@pytest.mark.parametrize("median", [0.01, 1, 40, 3_000_000])
def test_percentiles_are_within_a_fortieth(median: float) -> None:
    rng = random.Random(7)
    values = sorted(median * rng.lognormvariate(0, 1.5) for _ in range(20_000))

    summary = histogram_of(*values).window().summary()

    for field, fraction in {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p9990": 0.999, "p9999": 0.9999}.items():
        assert summary[field] == pytest.approx(values[int(fraction * len(values)) - 1], rel=0.0255), field


def test_the_greatest_value_is_exact_whatever_percentile_it_is() -> None:
    summary = histogram_of(1, 2).window().summary()

    assert (summary["p50"], summary["p90"], summary["p9999"]) == (1, 2, 2)


@given(st.floats(min_value=1e-300, max_value=1e300))
def test_any_value_is_within_a_fortieth_of_the_middle_of_its_bucket(value: float) -> None:
    counts = histogram_of(value, value).window().counts

    middle = Buckets(counts, min=0, max=inf).percentile(0.5)

    assert middle == pytest.approx(value, rel=0.0255)


@given(st.integers(min_value=-60, max_value=60))
def test_a_power_of_two_belongs_to_the_octave_that_it_bounds(power: int) -> None:
    assert histogram_of(2.0**power).octaves() == {power: 1}


def test_zero_and_negative_values_count_as_zero() -> None:
    summary = histogram_of(0, -5, 0.0).window().summary()

    assert summary == dict.fromkeys(FIELDS, 0.0) | {"count": 3}


@pytest.mark.parametrize("value", [nan, inf, -inf])
def test_a_value_that_is_not_finite_is_ignored(value: float) -> None:
    histogram = histogram_of(3.0)

    histogram.add(value)

    assert histogram.window().summary() == dict.fromkeys(FIELDS, 3.0) | {"count": 1}


def test_a_value_is_shown_from_the_first_one_on_and_for_fifty_seconds_at_least() -> None:
    clock = Clock()
    histogram = Histogram(Rotation(clock))

    seen = []
    clock.now = 9.9
    histogram.add(1.0)
    for clock.now in (9.9, 10.0, 59.9, 60.0, 600.0):
        seen.append(histogram.window().count)

    assert seen == [1, 1, 1, 0, 0]


def test_the_greatest_value_of_the_window_is_forgotten_with_it() -> None:
    clock = Clock()
    histogram = Histogram(Rotation(clock))
    histogram.add(900.0)
    clock.now = 10.0
    histogram.window()
    histogram.add(5.0)
    clock.now = 20.0
    histogram.window()

    clock.now = 65.0
    window = histogram.window()

    assert (window.min, window.max, window.sum, window.count) == (5.0, 5.0, 5.0, 1)


def test_what_was_counted_since_the_start_is_never_forgotten() -> None:
    clock = Clock()
    histogram = Histogram(Rotation(clock))

    for clock.now in range(0, 1000, 5):
        histogram.add(3.0)
        histogram.add(4.5)
        histogram.window()

    assert histogram.octaves() == {2: 200, 3: 200}
    assert histogram.sum == 1500.0


def test_the_window_adds_up_over_its_slices() -> None:
    clock = Clock()
    histogram = Histogram(Rotation(clock))
    rng = random.Random(3)
    values = [rng.expovariate(0.1) for _ in range(600)]

    for number, value in enumerate(values):
        clock.now = number / 10
        histogram.add(value)
    window = histogram.window()

    at_once = histogram_of(*values).window()
    assert (window.counts, window.min, window.max) == (at_once.counts, at_once.min, at_once.max)
    assert window.sum == pytest.approx(at_once.sum)


def test_merged_buckets_are_the_buckets_of_all_values() -> None:
    rng = random.Random(5)
    values = [rng.lognormvariate(1, 1) for _ in range(1000)]
    one, other = histogram_of(*values[:300]).window(), histogram_of(*values[300:]).window()

    merged = one.merge(other)

    together = histogram_of(*values).window()
    assert (merged.counts, merged.min, merged.max) == (together.counts, together.min, together.max)
    assert merged.sum == pytest.approx(together.sum)


def test_merging_with_nothing_changes_nothing() -> None:
    buckets = histogram_of(1.0, 2.0).window()

    assert buckets.merge(Buckets()) == buckets
