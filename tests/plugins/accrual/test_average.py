"""The moving average of the policies by success rate."""

import math

import pytest

from mesh_plugins.accrual.average import Average


def test_the_first_sample_is_the_average() -> None:
    assert Average(10.0).update(3.0, 0.25) == 0.25


def test_a_sample_counts_less_by_e_after_a_window() -> None:
    average = Average(10.0)
    average.update(0.0, 1.0)

    assert average.update(10.0, 0.0) == pytest.approx(1 / math.e)


def test_without_a_window_only_the_last_sample_counts() -> None:
    average = Average(0.0)
    average.update(0.0, 1.0)

    assert average.update(1.0, 0.0) == 0.0


def test_after_a_reset_nothing_is_known() -> None:
    average = Average(10.0)
    average.update(100.0, 0.0)

    average.reset()

    assert average.update(1.0, 1.0) == 1.0
