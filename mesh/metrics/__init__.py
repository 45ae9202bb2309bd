"""Counters, gauges and histograms in a tree of scopes, and how they are shown."""

from mesh.metrics.export_json import NoSubtree as NoSubtree
from mesh.metrics.export_json import flat as flat
from mesh.metrics.export_json import render_json as render_json
from mesh.metrics.export_json import tree as tree
from mesh.metrics.histogram import Buckets as Buckets
from mesh.metrics.histogram import Histogram as Histogram
from mesh.metrics.prometheus import render_prometheus as render_prometheus
from mesh.metrics.rotation import Rotation as Rotation
from mesh.metrics.scope import MAX_LABELLED as MAX_LABELLED
from mesh.metrics.scope import OTHER as OTHER
from mesh.metrics.scope import Counter as Counter
from mesh.metrics.scope import Gauge as Gauge
from mesh.metrics.scope import MetricConflict as MetricConflict
from mesh.metrics.scope import Metrics as Metrics

__all__ = [
    "MAX_LABELLED",
    "OTHER",
    "Buckets",
    "Counter",
    "Gauge",
    "Histogram",
    "MetricConflict",
    "Metrics",
    "NoSubtree",
    "Rotation",
    "flat",
    "render_json",
    "render_prometheus",
    "tree",
]
