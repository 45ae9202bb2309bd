"""The features whose cost is told: what a stack file says to switch one on, or to take a role of the default stack out."""

from collections.abc import Mapping
from typing import Any

import attrs

Keys = Mapping[str, Any]

_CLASSIFIER = {"responseClassifier": {"kind": "io.l5d.http.retryableRead5XX"}}
_RETRIES = {
    "backoff": {"kind": "jittered", "minMs": 10, "maxMs": 200},
    "budget": {"percentCanRetry": 0.2, "minRetriesPerSec": 10, "ttlSecs": 10},
}
_RATE = {"kind": "io.l5d.rateLimit", "requests": 1_000_000_000}
_HEDGE = {"kind": "io.l5d.hedge", "percentile": 95}
_LABELS = {"by": {"kind": "ip:port"}, "for": {"kind": "ip"}}
_SUCCESS_RATE = {"kind": "io.l5d.successRate", "successRate": 0.9, "requests": 1000}


@attrs.frozen
class Feature:
    """One feature alone: keys of the router, and of its only server."""

    what: str
    router: Keys = attrs.field(factory=dict)
    server: Keys = attrs.field(factory=dict)


def _client(what: str, **keys: Any) -> Feature:
    return Feature(what, {"client": keys})


def _service(what: str, **keys: Any) -> Feature:
    return Feature(what, {"service": keys})


def _filter(what: str, section: str, entry: Keys) -> Feature:
    return Feature(what, {"filters": {section: [entry]}})


ON = (
    Feature("`httpAccessLog`", {"httpAccessLog": "access.log"}),
    Feature("`httpAccessLog`, `json`", {"httpAccessLog": "access.log", "httpAccessLogFormat": "json"}),
    Feature("`addForwardedHeader: {}`", server={"addForwardedHeader": {}}),
    Feature("`addForwardedHeader` with addresses", server={"addForwardedHeader": _LABELS}),
    Feature("`timestampHeader`", server={"timestampHeader": "x-time"}),
    Feature("`clearContext`", server={"clearContext": True}),
    Feature("`profile: edge`", server={"profile": "edge"}),
    Feature("`maxConcurrentRequests`", server={"maxConcurrentRequests": 1000}),
    Feature("`timeoutMs`", server={"timeoutMs": 5000}),
    Feature("`compressionLevel: -1`, nothing to compress", {"compressionLevel": -1}),
    _service("`totalTimeoutMs`", totalTimeoutMs=5000),
    _service("`io.l5d.http.retryableRead5XX`, with retries", **_CLASSIFIER, retries=_RETRIES),
    _client("`requestAttemptTimeoutMs`", requestAttemptTimeoutMs=1000),
    _client("the balancer `ewma`", loadBalancer={"kind": "ewma"}),
    _client("the balancer `roundRobin`", loadBalancer={"kind": "roundRobin"}),
    _client("the breaker `io.l5d.successRate`", failureAccrual=_SUCCESS_RATE),
    _client("`circuitBreakers`", circuitBreakers={"maxRequests": 1000}),
    _filter("the filter `io.l5d.rateLimit`", "server", _RATE),
    _filter("the filter `io.l5d.hedge`", "client", _HEDGE),
)
OFF = tuple(
    _filter(f"`{role}`", section, {"remove": role})
    for section, roles in {
        "server": ("server_stats", "call_depth", "deadline", "dtab_headers", "request_fields"),
        "service": ("service_stats", "via"),
        "client": ("destination", "trace_fields", "requeues"),
        "endpoint": ("client_stats", "accrual", "tunnels"),
    }.items()
    for role in roles
)
PRODUCTION = Feature(
    "all of the row `production`",
    {
        "httpAccessLog": "access.log",
        "service": {"totalTimeoutMs": 5000, **_CLASSIFIER, "retries": _RETRIES},
        "client": {
            "requestAttemptTimeoutMs": 1000,
            "loadBalancer": {"kind": "ewma"},
            "failureAccrual": _SUCCESS_RATE,
        },
    },
    {"addForwardedHeader": {}},
)
