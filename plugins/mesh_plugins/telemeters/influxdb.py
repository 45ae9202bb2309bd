"""The telemeter `io.l5d.influxdb`: the metrics in InfluxDB's line protocol, for Telegraf to fetch.

Every scope is a measurement, its parts joined by `:`, with its metrics as fields; labelled scopes become tags. What summaries
show is the last minute. Source: linkerd 1.7.5, InfluxDbTelemeter.scala; docs.influxdata.com, Line protocol.
"""

import math
import re
from collections.abc import Iterator, Mapping

import attrs

from mesh import Counter, Gauge, Histogram, Metrics, MetricsPage, SpanSink

TYPE = "text/plain; charset=utf-8"
PATH = "/admin/metrics/influxdb"
ROOT = "root"  # the measurement of metrics without a scope
NO_HOST = "none"

_NOT_IN_MEASUREMENTS = re.compile(r"[^a-zA-Z0-9:]")
_ESCAPED = str.maketrans({",": r"\,", "=": r"\=", " ": r"\ ", "\n": r"\ ", "\r": r"\ "})
_FIELDS = {"p9990": "p999"}  # where linkerd calls a field otherwise than in `metrics.json`


@attrs.frozen
class InfluxDbConfig:
    """Shows the metrics in InfluxDB's line protocol."""


class InfluxDb:
    """The telemeter; it adds one page."""

    __slots__ = ()

    def __init__(self, _config: InfluxDbConfig) -> None:
        """Take the configuration, which has no keys."""

    def span_sink(self) -> SpanSink | None:
        return None

    def pages(self) -> tuple[MetricsPage, ...]:
        def render(metrics: Metrics, headers: Mapping[str, str]) -> bytes:
            return render_influxdb(metrics, headers.get("host", "") or NO_HOST)

        return (MetricsPage(PATH, "every metric in InfluxDB's line protocol", TYPE, render),)


def render_influxdb(metrics: Metrics, host: str = NO_HOST) -> bytes:
    """Return all metrics, a line for each scope that has some; each has the tag `host`."""
    return "".join(f"{line}\n" for line in _lines(metrics, (), {"host": host})).encode()


def _lines(scope: Metrics, parts: tuple[str, ...], tags: Mapping[str, str]) -> Iterator[str]:
    fields = sorted(field for name, metric in scope.metrics.items() for field in _fields(name, metric))
    if fields:
        measurement = _NOT_IN_MEASUREMENTS.sub("_", ":".join(parts) or ROOT)
        shown = "".join(f",{_escaped(name)}={_escaped(value)}" for name, value in sorted(tags.items()) if value)
        yield f"{measurement}{shown} {','.join(f'{_escaped(name)}={value}' for name, value in fields)}"
    for name, below in scope.scopes.items():
        if below.label and below.label not in tags:
            yield from _lines(below, parts, {**tags, below.label: name})
        else:
            yield from _lines(below, (*parts, name), tags)


def _fields(name: str, metric: Counter | Gauge | Histogram) -> Iterator[tuple[str, str]]:
    if isinstance(metric, Histogram):
        summary = metric.window().summary()
        if summary["count"]:
            yield from ((f"{name}_{_FIELDS.get(field, field)}", str(value)) for field, value in summary.items())
        return
    number = metric.read()
    if number is not None and math.isfinite(number):  # the protocol cannot say anything else
        yield name, str(number if isinstance(metric, Counter) else float(number))


def _escaped(text: str) -> str:
    return text.translate(_ESCAPED)
