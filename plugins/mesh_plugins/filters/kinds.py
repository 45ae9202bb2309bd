"""The filters that a stack file may add."""

from mesh import Category, Kind
from mesh_plugins.filters.concurrency import ConcurrencyLimitConfig
from mesh_plugins.filters.hedge import HedgeConfig
from mesh_plugins.filters.rate_limit import RateLimitConfig
from mesh_plugins.http.protocols import OF_HTTP

KINDS = (
    Kind(
        "io.l5d.rateLimit",
        Category.FILTER,
        "Lets so many requests pass in a time, and refuses more with 429.",
        RateLimitConfig,
        "mesh_plugins.filters.rate_limit:rate_limit",
    ),
    Kind(
        "io.l5d.concurrencyLimit",
        Category.FILTER,
        "Refuses requests beyond so many at a time, with 503.",
        ConcurrencyLimitConfig,
        "mesh_plugins.filters.concurrency:concurrency_limit",
    ),
    Kind(
        "io.l5d.hedge",
        Category.FILTER,
        "Sends a second attempt to another endpoint when the first takes long, and takes the better answer.",
        HedgeConfig,
        "mesh_plugins.filters.hedge:hedge",
        protocols=(*OF_HTTP, "thrift", "thriftmux"),
    ),
)
