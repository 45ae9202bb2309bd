"""The telemeter `io.l5d.prometheus`: the metrics as Prometheus reads them, under a path and a prefix of one's own.

The page `/admin/metrics/prometheus` is there without it.
"""

from collections.abc import Mapping

import attrs

from mesh import PROMETHEUS_TYPE, Metrics, MetricsPage, SpanSink, key, render_prometheus


@attrs.frozen
class PrometheusConfig:
    """Shows the metrics in Prometheus' text format."""

    path: str = key("The path of the page.", "/admin/metrics/prometheus")
    prefix: str = key("What every metric's name begins with.", "")


class Prometheus:
    """The telemeter; it adds one page."""

    __slots__ = ("_config",)

    def __init__(self, config: PrometheusConfig) -> None:
        self._config = config

    def span_sink(self) -> SpanSink | None:
        return None

    def pages(self) -> tuple[MetricsPage, ...]:
        def render(metrics: Metrics, _headers: Mapping[str, str]) -> bytes:
            return render_prometheus(metrics, self._config.prefix)

        return (MetricsPage(self._config.path, "every metric for Prometheus", PROMETHEUS_TYPE, render),)
