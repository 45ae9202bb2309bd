"""Histograms: how often values of which size were seen, lately and since the start.

A value is counted in one of 14 buckets per octave (doubling); bucket `i` holds what is above 2^((i-1)/14) and at most
2^(i/14), so that its middle is at most 2.5 % off, and every 14th bound is a power of two that belongs below it, as
Prometheus wants. Source of the idea: Finagle, BucketedHistogram.scala, which has 0.5 % and up to 1797 buckets.
"""

from array import array
from bisect import bisect_left
from collections.abc import Mapping
from itertools import accumulate
from math import ceil, inf, isfinite, log2

import attrs

from mesh.metrics.rotation import Rotation

PER_OCTAVE = 14
ZERO = -1100 * PER_OCTAVE  # The bucket of zero: its bound, 2^-1100, is 0.0 as a double, and no value above is as small.

PERCENTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p9990": 0.999, "p9999": 0.9999}

_UNUSED: dict[int, int] = {}  # stands for the counts of every slice without values; never written to


@attrs.frozen
class Buckets:
    """How many values fell into each bucket, with their exact sum, least and greatest; of no values, `inf` and `-inf`.

    Buckets of several histograms or processes can be merged; percentiles never can.
    """

    counts: Mapping[int, int] = attrs.field(factory=dict)
    sum: float = 0
    min: float = inf
    max: float = -inf

    @property
    def count(self) -> int:
        return sum(self.counts.values())

    def merge(self, other: "Buckets") -> "Buckets":
        """Return the buckets of the values of both."""
        counts = dict(self.counts)
        for index, count in other.counts.items():
            counts[index] = counts.get(index, 0) + count
        return Buckets(counts, self.sum + other.sum, min(self.min, other.min), max(self.max, other.max))

    def percentile(self, fraction: float) -> float:
        """Return what `fraction` of the values do not exceed, at most 2.5 % off. There must be values."""
        return self._percentiles([fraction])[0]

    def summary(self) -> dict[str, float]:
        """Return the fields of linkerd's `metrics.json` in its order; of no values there is only the count."""
        count = self.count
        if not count:
            return {"count": 0}
        percentiles = dict(zip(PERCENTILES, self._percentiles(list(PERCENTILES.values())), strict=True))
        exact = {"count": count, "max": self.max, "min": self.min}
        return {**exact, **percentiles, "sum": self.sum, "avg": self.sum / count}

    def _percentiles(self, fractions: list[float]) -> list[float]:
        indexes = sorted(self.counts)
        reached = list(accumulate(self.counts[index] for index in indexes))
        ranks = [max(1, ceil(fraction * reached[-1])) for fraction in fractions]
        return [
            self.max if rank == reached[-1] else self._middle(indexes[bisect_left(reached, rank)]) for rank in ranks
        ]

    def _middle(self, index: int) -> float:
        middle = float(f"{2.0 ** ((index - 0.5) / PER_OCTAVE):.4g}")  # more digits would only seem exact
        return min(max(middle, self.min), self.max)


@attrs.frozen
class _Slice:
    """The buckets of one closed slice, packed as index, count, index, count: half of what a dict takes."""

    number: int
    packed: "array[int]"
    sum: float
    min: float
    max: float


class Histogram:
    """Counts values by size. A negative value counts as zero; one that is not finite is ignored.

    The buckets since the start are kept by octave, which is all that Prometheus is shown, and those of the last slices
    in full. One that has no values yet takes 0.1 kB.
    """

    __slots__ = ("_counts", "_max", "_min", "_octaves", "_past_sum", "_rotation", "_slices", "_sum")

    def __init__(self, rotation: Rotation) -> None:
        self._rotation = rotation
        self._octaves = _UNUSED
        self._past_sum: float = 0
        self._slices: tuple[_Slice, ...] = ()
        self._counts = _UNUSED
        self._sum: float = 0
        self._min = inf
        self._max = -inf

    def add(self, value: float) -> None:
        """Count one value."""
        # 0.15 µs. The exceptions cost nothing until they are raised, and spare a test for each of what they stand for.
        try:
            self._counts[ceil(log2(value) * PER_OCTAVE)] += 1
        except (KeyError, ValueError, OverflowError):
            self._add_rare(value)
            return
        self._sum += value
        if value < self._min:
            self._min = value
        if value > self._max:
            self._max = value

    def window(self) -> Buckets:
        """Return the buckets of the last 60 seconds (or a little less, never more)."""
        self._rotation.advance()
        self._drop_old()
        counts = dict(self._counts)
        for piece in self._slices:
            numbers = iter(piece.packed)
            for index, count in zip(numbers, numbers, strict=True):
                counts[index] = counts.get(index, 0) + count
        return Buckets(
            counts,
            sum((piece.sum for piece in self._slices), self._sum),
            min(self._min, *(piece.min for piece in self._slices), inf),
            max(self._max, *(piece.max for piece in self._slices), -inf),
        )

    @property
    def sum(self) -> float:
        """The sum of all values since the start."""
        return self._past_sum + self._sum

    def octaves(self) -> dict[int, int]:
        """Return how many values since the start were above 2^(k-1) and at most 2^k, for every k that had any."""
        octaves = dict(self._octaves)
        for index, count in self._counts.items():
            octave = -(-index // PER_OCTAVE)
            octaves[octave] = octaves.get(octave, 0) + count
        return octaves

    def close_slice(self) -> bool:
        if self._counts:
            self._octaves = self.octaves()
            self._past_sum += self._sum
            packed = array("q", [number for item in self._counts.items() for number in item])
            number = self._rotation.number - 1
            self._slices = (*self._slices, _Slice(number, packed, self._sum, self._min, self._max))
            self._start_slice()
        self._drop_old()
        return bool(self._slices)

    def _start_slice(self) -> None:
        self._counts = _UNUSED
        self._sum = 0
        self._min = inf
        self._max = -inf

    def _drop_old(self) -> None:
        oldest = self._rotation.oldest
        if self._slices and self._slices[0].number < oldest:
            self._slices = tuple(piece for piece in self._slices if piece.number >= oldest)

    def _add_rare(self, value: float) -> None:
        """Count a value that is the first of its bucket in this slice, or zero, or none that can be counted."""
        if not isfinite(value):
            return
        value = max(value, 0.0)
        index = ceil(log2(value) * PER_OCTAVE) if value else ZERO
        if self._counts is _UNUSED:
            self._counts = {}
            self._rotation.join(self)
        self._counts[index] = self._counts.get(index, 0) + 1
        self._sum += value
        self._min = min(self._min, value)
        self._max = max(self._max, value)
