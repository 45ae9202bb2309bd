"""Telemeters, over reloads."""

from collections.abc import Sequence

import attrs

from mesh.keys import Category, Chosen, Kind
from mesh.linker.telemeters import span_sinks, telemeters
from mesh.span import Span, SpanSink
from mesh.telemeter import MetricsPage


@attrs.frozen
class Config:
    """What a stack file says."""

    wants_spans: bool = True


class Fake:
    """A telemeter that keeps spans, if it wants them."""

    def __init__(self, config: Config) -> None:
        self.spans: list[Span] = []
        self._config = config

    def pages(self) -> Sequence[MetricsPage]:
        return ()

    def span_sink(self) -> SpanSink | None:
        return self.spans.append if self._config.wants_spans else None


KIND = Kind("test", Category.TELEMETER, "a test", Config, f"{__name__}:Fake")


def test_a_telemeter_whose_settings_are_the_same_is_the_same() -> None:
    before = telemeters([Chosen(KIND, Config(True), 1), Chosen(KIND, Config(False), 2)])

    after = telemeters([Chosen(KIND, Config(False), 7), Chosen(KIND, Config(True), 9)], before)

    assert [telemeter for _chosen, telemeter in after] == [telemeter for _chosen, telemeter in reversed(before)]


def test_a_telemeter_whose_settings_changed_is_made_anew() -> None:
    before = telemeters([Chosen(KIND, Config(True))])

    ((_chosen, telemeter),) = telemeters([Chosen(KIND, Config(False))], before)

    assert telemeter is not before[0][1]


def test_only_those_are_told_of_spans_that_want_to_be() -> None:
    made = telemeters([Chosen(KIND, Config(False)), Chosen(KIND, Config(True))])

    assert len(span_sinks(made)) == 1
