"""The metrics of several processes as one: counters and gauges are added up, histograms merged bucket by bucket."""

from collections.abc import Iterable
from typing import Any

from mesh.metrics.histogram import Buckets, Histogram
from mesh.metrics.rotation import Rotation
from mesh.metrics.scope import Counter, Gauge, Metric, Metrics

Dump = dict[str, Any]
"""A scope as JSON can hold it; made by `dump`, for `merged`."""


_NUMBERS = ((True, "counter"), (False, "gauge"))


def dump(metrics: Metrics) -> Dump:
    """Return a scope, and all below it, as it is now. What cannot be read is left out."""
    return {
        "label": metrics.label,
        "metrics": {name: shown for name, metric in metrics.metrics.items() if (shown := _dump(metric)) is not None},
        "scopes": {name: dump(scope) for name, scope in metrics.scopes.items()},
    }


def merged(dumps: Iterable[Dump]) -> Metrics:
    """Return the metrics of several processes added up. A name that is of two types keeps the first."""
    whole = Metrics()
    for one in dumps:
        _add(whole, one)
    return whole


class MergedHistogram(Histogram):
    """Histograms of several processes as one; it is shown, and counts nothing itself."""

    __slots__ = ("_all_octaves", "_all_sum", "_all_window")

    def __init__(self, rotation: Rotation) -> None:
        super().__init__(rotation)
        self._all_window = Buckets()
        self._all_octaves: dict[int, int] = {}
        self._all_sum: float = 0

    def merge(self, window: Buckets, octaves: dict[int, int], total: float) -> None:
        """Add what the histogram of one more process has counted."""
        self._all_window = self._all_window.merge(window)
        for octave, count in octaves.items():
            self._all_octaves[octave] = self._all_octaves.get(octave, 0) + count
        self._all_sum += total

    def window(self) -> Buckets:
        return self._all_window

    def octaves(self) -> dict[int, int]:
        return dict(self._all_octaves)

    @property
    def sum(self) -> float:
        return self._all_sum


def _dump(metric: Metric) -> list[Any] | None:
    if isinstance(metric, Histogram):
        window = metric.window()
        buckets = [list(window.counts.items()), window.sum, window.min, window.max]
        return ["histogram", buckets, list(metric.octaves().items()), metric.sum]
    number = metric.read()
    return None if number is None else ["counter" if isinstance(metric, Counter) else "gauge", number]


def _add(scope: Metrics, one: Dump) -> None:
    scope.label = one["label"]
    for name, (kind, *values) in one["metrics"].items():
        metric = scope.metrics.get(name)
        if metric is None:
            metric = scope.metrics[name] = _new(kind, scope)
        if isinstance(metric, MergedHistogram):
            if kind == "histogram":
                (counts, total, least, most), octaves, whole = values
                metric.merge(Buckets(dict(counts), total, least, most), dict(octaves), whole)
        elif not isinstance(metric, Histogram) and (isinstance(metric, Counter), kind) in _NUMBERS:
            metric.value += values[0]
    for name, below in one["scopes"].items():
        _add(scope.scope(name), below)


def _new(kind: str, scope: Metrics) -> Metric:
    match kind:
        case "histogram":
            return MergedHistogram(scope.rotation)
        case "counter":
            return Counter()
        case _:
            return Gauge()
