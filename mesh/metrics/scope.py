"""The tree of metrics: scopes, and the counters and gauges in them."""

import logging
from collections.abc import Callable
from typing import TypeVar

from mesh.errors import MeshError
from mesh.metrics.histogram import Histogram
from mesh.metrics.rotation import Rotation

logger = logging.getLogger(__name__)

MAX_LABELLED = 1000  # as many as a router caches; without a bound, invented Host values would fill the memory
OTHER = "other"
"""The label value under which everything beyond the bound is counted."""

ReadNumber = Callable[[], float]


class MetricConflict(MeshError):
    """A name already stands for another type of metric."""

    detail = "metric_conflict"


class _Number:
    __slots__ = ("fn", "value")

    def __init__(self, fn: ReadNumber | None = None) -> None:
        self.fn = fn
        self.value: float = 0

    def read(self) -> float | None:
        """Return the number now; None if `fn` raised, which is logged."""
        if self.fn is None:
            return self.value
        try:
            return self.fn()
        except Exception:
            logger.exception("what a metric reads raised; the metric is left out")
            return None


class Counter(_Number):
    """A number that only grows: `value`, or what `fn` returns when it is read, if there is one.

    Code that runs per request writes `counter.value += 1`: 25 ns, where `incr` takes 60.
    """

    __slots__ = ()

    def incr(self, n: int = 1) -> None:
        self.value += n


class Gauge(_Number):
    """A number that goes up and down: `value`, which its owner sets, or what `fn` returns when it is read."""

    __slots__ = ()


Metric = Counter | Gauge | Histogram
M = TypeVar("M", Counter, Gauge, Histogram)


class Metrics:
    """A scope: metrics and further scopes by name. The root has no name.

    `metrics` and `scopes` are for those who show them; names may contain `/`. A scope with a `label` is one value, its
    name, of the label, and its siblings are the others. Asking for what exists returns it, whoever made it.
    """

    __slots__ = ("_holds", "_max_labelled", "_parent", "_rotation", "label", "metrics", "name", "scopes")

    def __init__(
        self,
        rotation: Rotation | None = None,
        *,
        max_labelled: int = MAX_LABELLED,
        parent: "Metrics | None" = None,
        name: str = "",
    ) -> None:
        self._rotation = Rotation() if rotation is None else rotation
        self._max_labelled = max_labelled
        self._parent = parent
        self._holds = 0
        self.name = name
        self.label = ""
        self.metrics: dict[str, Metric] = {}
        self.scopes: dict[str, Metrics] = {}

    @property
    def rotation(self) -> Rotation:
        """What summaries of the last minute go by; somebody must run it."""
        return self._rotation

    def scope(self, *names: str, label: bool = False) -> "Metrics":
        """Return the scope under these names.

        With `label`, the last name is a value of the label called as the name before it (or as this scope):
        `scope("client", "#/io.l5d.fs/web", label=True)`. A label has a bounded number of values here; a new one beyond
        that is `OTHER`.
        """
        scope = self
        for place, name in enumerate(names, 1):
            scope = scope._labelled(name) if label and place == len(names) else scope._below(name)
        return scope

    def counter(self, *names: str, fn: ReadNumber | None = None) -> Counter:
        """Return the counter of these names; `fn`, if given, is what it reads from now on.

        Raises `MetricConflict` if the name is taken by another type.
        """
        counter = self._metric(names, Counter, Counter)
        counter.fn = fn or counter.fn
        return counter

    def gauge(self, *names: str, fn: ReadNumber | None = None) -> Gauge:
        """Return the gauge of these names; `fn`, if given, is what it reads from now on.

        Raises `MetricConflict` if the name is taken by another type.
        """
        gauge = self._metric(names, Gauge, Gauge)
        gauge.fn = fn or gauge.fn
        return gauge

    def histogram(self, *names: str, make: Callable[[Rotation], Histogram] = Histogram) -> Histogram:
        """Return the histogram of these names, which `make` makes if there is none yet.

        Raises `MetricConflict` if the name is taken by another type.
        """
        return self._metric(names, Histogram, lambda: make(self._rotation))

    def hold(self) -> Callable[[], None]:
        """Keep this scope until the function returned here is called (idempotent); the last to let go removes it.

        This is how a stack, and the one that replaces it on reload, share a scope.
        """
        self._holds += 1
        held = True

        def release() -> None:
            nonlocal held
            if held:
                held = False
                self._holds -= 1
                if not self._holds:
                    self.remove()

        return release

    def remove(self) -> None:
        """Take the scope, and all in it, out of the tree, whoever holds it. Its metrics still count, unseen.

        The scope above makes a new one when it is asked for it again.
        """
        if self._parent is not None and self._parent.scopes.get(self.name) is self:
            del self._parent.scopes[self.name]

    def _below(self, name: str) -> "Metrics":
        scope = self.scopes.get(name)
        if scope is None:
            scope = Metrics(self._rotation, max_labelled=self._max_labelled, parent=self, name=name)
            self.scopes[name] = scope
        return scope

    def _labelled(self, value: str) -> "Metrics":
        if value not in self.scopes and len(self.scopes) >= self._max_labelled:
            value = OTHER
        scope = self._below(value)
        scope.label = self.name
        return scope

    def _metric(self, names: tuple[str, ...], kind: type[M], make: Callable[[], M]) -> M:
        *above, last = names
        home = self.scope(*above)
        metric = home.metrics.get(last)
        if metric is None:
            metric = home.metrics[last] = make()
        if not isinstance(metric, kind):
            taken, wanted = type(metric).__name__.lower(), kind.__name__.lower()
            raise MetricConflict(f"the metric {'/'.join(names)} is a {taken} and cannot be a {wanted}")
        return metric
