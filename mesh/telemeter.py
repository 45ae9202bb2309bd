"""Telemeters: what shows the metrics, or the requests, to others."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import attrs

from mesh.metrics import Metrics
from mesh.span import SpanSink


@attrs.frozen(eq=False)
class MetricsPage:
    """A page of the admin server that shows all metrics in some format.

    `render(metrics, headers)` is given the headers of who asks, their names in lower case; it never awaits. With
    several workers the metrics are those of all, unless `is_summed` is false: then each worker shows what it has itself.
    """

    path: str
    summary: str
    content_type: str
    render: Callable[[Metrics, Mapping[str, str]], bytes]
    is_summed: bool = True


class Telemeter(Protocol):
    """What the factory of a telemeter kind returns. It lives as long as its settings stay the same, reloads or not."""

    def pages(self) -> Sequence[MetricsPage]:
        """Return the pages it adds to the admin server; one whose path is taken is the same page, and left out."""
        ...

    def span_sink(self) -> SpanSink | None:
        """Return who is to be told of every span; None if the telemeter has no use for them."""
        ...
