"""The kinds of telemeters."""

from mesh import Category, Kind
from mesh_plugins.telemeters.influxdb import InfluxDbConfig
from mesh_plugins.telemeters.prometheus import PrometheusConfig
from mesh_plugins.telemeters.recent_requests import RecentRequestsConfig
from mesh_plugins.telemeters.tracelog import TracelogConfig


def _kind(name: str, summary: str, config: type, factory: str) -> Kind:
    return Kind(name, Category.TELEMETER, summary, config, f"mesh_plugins.telemeters.{factory}")


KINDS = (
    _kind(
        "io.l5d.prometheus",
        "The metrics as Prometheus reads them, under a path and a prefix of one's own.",
        PrometheusConfig,
        "prometheus:Prometheus",
    ),
    _kind("io.l5d.influxdb", "The metrics in InfluxDB's line protocol.", InfluxDbConfig, "influxdb:InfluxDb"),
    _kind("io.l5d.tracelog", "Traces in the log.", TracelogConfig, "tracelog:Tracelog"),
    _kind(
        "io.l5d.recentRequests",
        "A page of recent requests.",
        RecentRequestsConfig,
        "recent_requests:RecentRequests",
    ),
)
