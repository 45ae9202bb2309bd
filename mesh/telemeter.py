"""Telemeters: what shows the metrics to others."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import attrs

from mesh.metrics import Metrics


@attrs.frozen(eq=False)
class MetricsPage:
    """A page of the admin server that shows all metrics in some format.

    `render(metrics, headers)` is given the headers of who asks, their names in lower case; it never awaits.
    """

    path: str
    summary: str
    content_type: str
    render: Callable[[Metrics, Mapping[str, str]], bytes]


class Telemeter(Protocol):
    """What the factory of a telemeter kind returns."""

    def pages(self) -> Sequence[MetricsPage]:
        """Return the pages it adds to the admin server; one whose path is taken is the same page, and left out."""
        ...
