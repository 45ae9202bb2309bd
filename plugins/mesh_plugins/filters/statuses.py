"""Replies by status, under linkerd's names: `status/200` and, added up, `status/2XX`, with `time/2XX` in milliseconds.

What got no reply is `status/error` and `time/error`.
"""

from collections.abc import Callable, Iterator

from mesh import Counter, Histogram, Metrics

Counted = tuple[Counter, Callable[[float], None]]
"""The counter of a status, and what takes the milliseconds of one reply."""


class Statuses(dict[int, Counted]):
    """The counter of each status, made when the status is first seen. There are at most as many as three digits can say.

    A sum is worked out when it is read, from all the statuses in the scope, whoever counted them. `times` are the
    histograms of all that was counted: every reply and every error is in one of them.
    """

    __slots__ = ("_scope", "_times", "errors")

    def __init__(self, scope: Metrics) -> None:
        super().__init__()
        self._scope = scope.scope("status")
        self._times = scope.scope("time")
        self.errors = (self._scope.counter("error"), self._times.histogram("error").add)

    def __missing__(self, status: int) -> Counted:
        first = str(status)[:1]
        counted = self[status] = (self._scope.counter(str(status)), self._times.histogram(f"{first}XX").add)
        self._scope.counter(f"{first}XX", fn=lambda: self._sum(first))
        return counted

    def times(self) -> Iterator[Histogram]:
        """Return the histograms, each of some of the replies."""
        return (metric for metric in self._times.metrics.values() if isinstance(metric, Histogram))

    def _sum(self, first: str) -> float:
        counters = self._scope.metrics.items()
        return sum(
            counter.value
            for name, counter in counters
            if isinstance(counter, Counter) and name.isdigit() and name.startswith(first)
        )
