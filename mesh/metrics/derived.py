"""Histograms that are worked out when they are read, from others that count anyway: whoever counts pays for one.

Both also count what is added to them.
"""

from collections.abc import Callable, Iterable, Mapping

from mesh.metrics.histogram import PER_OCTAVE, ZERO, Buckets, Histogram
from mesh.metrics.rotation import Rotation


class JoinedHistogram(Histogram):
    """The values of several histograms together; `parts` returns those there are when it is read."""

    __slots__ = ("_parts",)

    def __init__(self, rotation: Rotation, parts: Callable[[], Iterable[Histogram]]) -> None:
        super().__init__(rotation)
        self._parts = parts

    def window(self) -> Buckets:
        joined = super().window()
        for part in self._parts():
            joined = joined.merge(part.window())
        return joined

    def octaves(self) -> dict[int, int]:
        octaves = super().octaves()
        for part in self._parts():
            for octave, count in part.octaves().items():
                octaves[octave] = octaves.get(octave, 0) + count
        return octaves

    @property
    def sum(self) -> float:
        return super().sum + sum(part.sum for part in self._parts())


class ZeroFilledHistogram(Histogram):
    """What only some of a number of events have a value of: of `whole` events, those that added none count as zero."""

    __slots__ = ("_whole",)

    def __init__(self, rotation: Rotation, whole: Histogram) -> None:
        super().__init__(rotation)
        self._whole = whole

    def window(self) -> Buckets:
        own = super().window()
        zeros = self._whole.window().count - own.count
        return own if zeros <= 0 else own.merge(Buckets({ZERO: zeros}, 0, 0, 0))

    def octaves(self) -> dict[int, int]:
        own = super().octaves()
        zeros = _count(self._whole.octaves()) - _count(own)
        if zeros > 0:
            own[ZERO // PER_OCTAVE] = own.get(ZERO // PER_OCTAVE, 0) + zeros
        return own


def _count(octaves: Mapping[int, int]) -> int:
    return sum(octaves.values())
