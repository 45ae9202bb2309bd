"""The few statistics that the benchmark reports: percentiles, medians and spreads."""

import math
from collections.abc import Iterable, Sequence
from statistics import median

import attrs


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the smallest value that `share` (0 to 1) of the `ordered` values do not exceed; NaN of nothing.

    This is the nearest rank: always a value that was measured, never an interpolation.
    """
    if not ordered:
        return math.nan
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


@attrs.frozen
class Summary:
    """The median of some samples and the range they fell in."""

    median: float
    low: float
    high: float


def summarise(samples: Iterable[float]) -> Summary | None:
    """Return the median and the spread of `samples`, or nothing if there are none."""
    known = [sample for sample in samples if not math.isnan(sample)]
    if not known:
        return None
    return Summary(median(known), min(known), max(known))
