"""The size of an aperture."""

from math import exp

import pytest

from mesh.testing import ManualClock
from mesh_plugins.balancers.load_band import ApertureConfig, LoadBand


def band(most: int = 10, min_aperture: int = 1) -> LoadBand:
    """Return a band that is not smoothed."""
    made = LoadBand(ApertureConfig(smooth_window_ms=0, min_aperture=min_aperture), ManualClock())
    made.bound(most)
    return made


def test_a_window_begins_with_the_least_size() -> None:
    assert band(min_aperture=3).size == 3


def test_a_window_is_never_larger_than_the_set() -> None:
    assert band(most=2, min_aperture=3).size == 2


def test_a_window_grows_by_one_while_the_load_of_each_is_high() -> None:
    grown = band()

    sizes = []
    for _number in range(5):
        grown.add(1)
        sizes.append(grown.size)

    assert sizes == [1, 2, 2, 3, 3]


def test_a_window_does_not_grow_beyond_the_set() -> None:
    grown = band(most=2)

    for _number in range(20):
        grown.add(1)

    assert grown.size == 2


def test_a_window_shrinks_by_one_while_the_load_of_each_is_low() -> None:
    shrunk = band(min_aperture=2)
    for _number in range(8):
        shrunk.add(1)
    assert shrunk.size == 5

    for _number in range(8):
        shrunk.add(-1)

    assert (shrunk.size, shrunk.widened, shrunk.narrowed) == (2, 3, 3)


def test_the_first_load_counts_as_it_is_and_later_ones_by_the_time_between() -> None:
    clock = ManualClock()
    smooth = LoadBand(ApertureConfig(smooth_window_ms=2000), clock)
    smooth.bound(10)
    smooth.add(1)

    clock.advance(1.0)
    smooth.add(1)

    assert smooth.smooth == pytest.approx(2 * (1 - exp(-0.5)) + exp(-0.5))


def test_a_short_rush_does_not_widen_a_smoothed_window() -> None:
    clock = ManualClock()
    smooth = LoadBand(ApertureConfig(smooth_window_ms=5000), clock)
    smooth.bound(10)
    smooth.add(1)

    for _number in range(50):
        smooth.add(1)
        clock.advance(0.0001)

    assert smooth.size == 1


def test_a_set_that_shrinks_takes_the_window_along() -> None:
    shrunk = band(min_aperture=5)

    shrunk.bound(3)

    assert shrunk.size == 3


def test_a_band_upside_down_is_refused() -> None:
    with pytest.raises(ValueError, match=r"`lowLoad` \(2\) must be below `highLoad` \(1\)"):
        ApertureConfig(low_load=2, high_load=1)
