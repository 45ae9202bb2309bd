"""The kinds of propagators that are built in."""

from mesh import Category, Kind
from mesh_plugins.http.protocols import OF_HTTP
from mesh_plugins.propagators.b3 import B3Config
from mesh_plugins.propagators.l5d import L5dConfig, NoneConfig
from mesh_plugins.propagators.w3c import W3cConfig

KINDS = (
    Kind(
        "io.l5d.default",
        Category.PROPAGATOR,
        "Trace ids in `l5d-ctx-trace`, and their root in `l5d-reqid`.",
        L5dConfig,
        "mesh_plugins.propagators.l5d:l5d",
        protocols=OF_HTTP,
    ),
    Kind(
        "io.l5d.zipkin",
        Category.PROPAGATOR,
        "Trace ids in Zipkin's `x-b3-…` or `b3`.",
        B3Config,
        "mesh_plugins.propagators.b3:b3",
        protocols=OF_HTTP,
    ),
    Kind(
        "w3c",
        Category.PROPAGATOR,
        "Trace ids in `traceparent`, as the W3C has it.",
        W3cConfig,
        "mesh_plugins.propagators.w3c:w3c",
        protocols=OF_HTTP,
    ),
    Kind(
        "none",
        Category.PROPAGATOR,
        "No trace ids are made; the fields of others pass through.",
        NoneConfig,
        "mesh_plugins.propagators.l5d:none",
        protocols=OF_HTTP,
    ),
)
