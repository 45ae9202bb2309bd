"""Counters, gauges and histograms in a tree of scopes, and how they are shown."""

from mesh.metrics.derived import JoinedHistogram, ZeroFilledHistogram
from mesh.metrics.export_json import NoSubtree, flat, render_json, tree
from mesh.metrics.histogram import Buckets, Histogram
from mesh.metrics.prometheus import render_prometheus
from mesh.metrics.rotation import Rotation
from mesh.metrics.scope import MAX_LABELLED, OTHER, Counter, Gauge, MetricConflict, Metrics

__all__ = [
    "MAX_LABELLED",
    "OTHER",
    "Buckets",
    "Counter",
    "Gauge",
    "Histogram",
    "JoinedHistogram",
    "MetricConflict",
    "Metrics",
    "NoSubtree",
    "Rotation",
    "ZeroFilledHistogram",
    "flat",
    "render_json",
    "render_prometheus",
    "tree",
]
