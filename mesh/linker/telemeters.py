"""The telemeters of a process, which outlive the configurations that ask for the same ones."""

from collections.abc import Sequence

from mesh.keys import Chosen
from mesh.plugins import load
from mesh.span import SpanSink
from mesh.telemeter import Telemeter

Telemeters = tuple[tuple[Chosen, Telemeter], ...]
"""Each with what the stack file says of it."""


def telemeters(chosen: Sequence[Chosen], before: Telemeters = ()) -> Telemeters:
    """Return the telemeters that are asked for: those of `before` where the same ones were, else new ones."""
    return tuple((one, _known(one, before) or load(one.kind)(one.config)) for one in chosen)


def span_sinks(made: Telemeters) -> tuple[SpanSink, ...]:
    """Return who among the telemeters is to be told of spans."""
    return tuple(sink for _chosen, telemeter in made if (sink := telemeter.span_sink()) is not None)


def _known(chosen: Chosen, before: Telemeters) -> Telemeter | None:
    return next((telemeter for other, telemeter in before if other == chosen), None)
