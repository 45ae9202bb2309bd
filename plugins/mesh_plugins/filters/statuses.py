"""Replies counted by status, under linkerd's names: `status/200` and, added up, `status/2XX`; `status/error` for no reply."""

from mesh import Counter, Metrics


class Statuses(dict[int, Counter]):
    """The counter of each status, made when the status is first seen. There are at most as many as three digits can say.

    A sum is worked out when it is read, from all the statuses in the scope, whoever counted them.
    """

    __slots__ = ("_scope", "errors")

    def __init__(self, scope: Metrics) -> None:
        super().__init__()
        self._scope = scope.scope("status")
        self.errors = self._scope.counter("error")

    def __missing__(self, status: int) -> Counter:
        counter = self[status] = self._scope.counter(str(status))
        first = str(status)[:1]
        self._scope.counter(f"{first}XX", fn=lambda: self._sum(first))
        return counter

    def _sum(self, first: str) -> float:
        counters = self._scope.metrics.items()
        return sum(
            counter.value
            for name, counter in counters
            if isinstance(counter, Counter) and name.isdigit() and name.startswith(first)
        )
