"""The rows of the report: what each figure is, and the bar and the goal that linker's is held to."""

import operator
from typing import Literal

import attrs

Verdict = Literal["goal", "bar", "missed"]


@attrs.frozen
class Row:
    """One figure of every peer.

    `bar` and `goal` are limits for linker's figure itself, or, if `against` names a peer, for its ratio to that peer's
    figure of the same round. They are lower limits where more is better. A row without them is there to be read.
    """

    key: str
    what: str
    unit: str
    bar: float | None = None
    goal: float | None = None
    against: str | None = None
    more_is_better: bool = False
    digits: int = 1

    def judge(self, value: float) -> Verdict:
        """Return the better of the two limits that `value` keeps."""
        keeps = operator.ge if self.more_is_better else operator.le
        if self.goal is not None and keeps(value, self.goal):
            return "goal"
        return "missed" if self.bar is not None and not keeps(value, self.bar) else "bar"

    def limit(self, value: float | None) -> str:
        """Return `bar` or `goal` as the table shows it."""
        if value is None:
            return "-"
        sign = "≥" if self.more_is_better else "≤"
        return f"{sign} {value:g} x" if self.against else f"{sign} {value:g} {self.unit}"


ROWS = (
    Row("wrk", "wrk, 32 keep-alive connections, 64-byte reply", "requests/s", 0.9, 1.2, "envoy", True, 0),
    Row("tls", "wrk over TLS, 32 keep-alive connections", "requests/s", 0.7, 1.0, "envoy", True, 0),
    Row("handshakes", "new TLS connections, a request each", "connections/s", 0.5, 0.8, "envoy", True, 0),
    Row("handshake_cpu", "- CPU per new TLS connection", "µs", 2, 1.25, "envoy", digits=0),
    Row("production", "wrk, with all that production switches on", "requests/s", 0.9, 1.0, "envoy", True, 0),
    Row("production_cpu", "- CPU per request", "µs", against="envoy"),
    Row("production_plain", "- against Envoy that has nothing of that", "requests/s", None, None, "envoy", True, 0),
    Row("production_plain_cpu", "- CPU per request, against that", "µs", against="envoy"),
    Row("thrift", "Thrift, framed binary echo of 64 bytes, 32 connections", "calls/s", 0.8, 1.2, "envoy", True, 0),
    Row("thrift_cpu", "- CPU per call", "µs", against="envoy"),
    Row("p99", "p99 at 1,000 requests/s, open loop", "ms", 1.5, 1.0, "envoy", digits=2),
    Row("p50", "- p50", "ms", digits=2),
    Row("p90", "- p90", "ms", digits=2),
    Row("p999", "- p99.9", "ms", digits=2),
    Row("longest", "- the longest", "ms", digits=2),
    Row("lateness", "- p99 of the generator's own lateness", "ms", digits=2),
    Row("reply", "a 1 GiB reply", "MiB/s", 0.7, 1.0, "envoy", True, 0),
    Row("upload", "a 1 GiB upload", "MiB/s", 0.7, 1.0, "envoy", True, 0),
    Row("growth", "growth of resident memory during those", "MiB", 16, 4),
    Row("idle", "resident memory, idle after start", "MiB", 60, 45),
    Row("connection", "resident memory per idle keep-alive connection", "KiB", 20, 8),
    Row("start", "start to first routed request", "s", 1.0, 0.4, digits=3),
    Row("filters", "ten pass-through filters: more CPU per request", "%", 5, 2),
    Row("names", "10,000 dentries and endpoints: more CPU per request", "%", 10, 2),
    Row("h2", "h2load, 8 connections of 10 streams, 64-byte reply", "requests/s", 0.5, 1.0, "envoy", True, 0),
    Row("h2_cpu", "- CPU per request", "µs", against="envoy"),
    Row("grpc", "h2load, the same with unary gRPC calls of 64 bytes", "calls/s", 0.5, 1.0, "envoy", True, 0),
    Row("grpc_cpu", "- CPU per call", "µs", against="envoy"),
    Row("h2_reply", "a 1 GiB reply in one stream", "MiB/s", 0.5, 1.0, "envoy", True, 0),
    Row("h2_growth", "growth of resident memory during that", "MiB", 16, 4),
    Row(
        "mux",
        "calls over Mux, 64 at a time, 64 bytes, against Finagle's own proxy",
        "calls/s",
        0.7,
        1.0,
        "finagle",
        True,
        0,
    ),
    Row("mux_cpu", "- CPU per call", "µs", against="finagle"),
    Row("mux_memory", "- resident memory after those", "MiB", 0.3, against="finagle"),
    Row("ceiling", "ceiling of the processor, limited", "requests/s", digits=0),
    Row("goodput", "twice the processor's ceiling: goodput", "%", 80, 95, more_is_better=True),
    Row("refusal", "twice the processor's ceiling: p99 of refusals", "ms", 100, 20),
    Row("slow_ceiling", "ceiling of a slow service, limited", "requests/s", digits=0),
    Row("slow_goodput", "twice a slow service's ceiling: goodput", "%", 80, 95, more_is_better=True),
    Row("slow_refusal", "twice a slow service's ceiling: p99 of refusals", "ms", 100, 20),
)
