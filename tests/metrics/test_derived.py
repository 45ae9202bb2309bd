"""Histograms that are worked out from others when they are read."""

from mesh.metrics.derived import JoinedHistogram, ZeroFilledHistogram
from mesh.metrics.histogram import Histogram
from mesh.metrics.rotation import SLICE_SECONDS, Rotation
from mesh.testing import ManualClock


def added(histogram: Histogram, *values: float) -> Histogram:
    for value in values:
        histogram.add(value)
    return histogram


def test_joined_histograms_are_shown_as_one() -> None:
    rotation = Rotation(ManualClock())
    parts = [added(Histogram(rotation), 1.0, 5.0), added(Histogram(rotation), 3.0)]
    joined = added(JoinedHistogram(rotation, lambda: parts), 7.0)

    together = added(Histogram(rotation), 1.0, 5.0, 3.0, 7.0)

    assert joined.window() == together.window()
    assert (joined.octaves(), joined.sum) == (together.octaves(), together.sum)


def test_what_some_events_have_no_value_of_is_zero_for_them() -> None:
    rotation = Rotation(ManualClock())
    whole = added(Histogram(rotation), 10.0, 20.0, 30.0)
    filled = added(ZeroFilledHistogram(rotation, whole), 2.0)

    together = added(Histogram(rotation), 0.0, 0.0, 2.0)

    assert filled.window() == together.window()
    assert (filled.octaves(), filled.sum) == (together.octaves(), together.sum)


def test_where_no_event_is_without_a_value_nothing_is_filled_in() -> None:
    rotation = Rotation(ManualClock())
    filled = added(ZeroFilledHistogram(rotation, Histogram(rotation)), 2.0, 4.0)

    assert filled.window().count == 2
    assert sum(filled.octaves().values()) == 2


def test_zeros_leave_the_summary_with_the_events_that_they_stand_for() -> None:
    clock = ManualClock()
    rotation = Rotation(clock)
    filled = ZeroFilledHistogram(rotation, added(Histogram(rotation), 10.0))

    for _slice in range(10):
        clock.advance(SLICE_SECONDS)
        rotation.advance()

    assert (filled.window().count, sum(filled.octaves().values())) == (0, 1)
