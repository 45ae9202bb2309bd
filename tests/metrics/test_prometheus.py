"""The Prometheus page, read back by Prometheus' own parser."""

from math import inf, nan

import pytest
from prometheus_client.parser import text_string_to_metric_families

from mesh.metrics.prometheus import render_prometheus
from mesh.metrics.rotation import Rotation
from mesh.metrics.scope import Metrics

Sample = tuple[str, dict[str, str], float]


def samples_of(page: bytes) -> list[Sample]:
    """Return what the parser reads, in order, without the `_total` that it appends to the names of counters."""
    families = text_string_to_metric_families(page.decode())
    samples = [sample for family in families for sample in family.samples]
    return [(sample.name.removesuffix("_total"), sample.labels, sample.value) for sample in samples]


def types_of(page: bytes) -> dict[str, str]:
    return {family.name: family.type for family in text_string_to_metric_families(page.decode())}


def test_labelled_scopes_become_labels() -> None:
    metrics = Metrics()
    router = metrics.scope("rt", "http", label=True)
    client = router.scope("client", "#/io.l5d.fs/web", label=True)
    router.scope("server", "127.0.0.1/4140", label=True).counter("requests").incr(4)
    client.counter("requests").incr(3)
    client.scope("service", "svc/web", label=True).counter("requests").incr(2)

    samples = samples_of(render_prometheus(metrics))

    assert samples == [
        ("rt:client:requests", {"rt": "http", "client": "#/io.l5d.fs/web"}, 3.0),
        ("rt:client:service:requests", {"rt": "http", "client": "#/io.l5d.fs/web", "service": "svc/web"}, 2.0),
        ("rt:server:requests", {"rt": "http", "server": "127.0.0.1/4140"}, 4.0),
    ]


def test_the_types_are_declared() -> None:
    metrics = Metrics()
    metrics.counter("rt", "requests")
    metrics.gauge("rt", "pending")
    metrics.histogram("rt", "latency_ms").add(1.0)

    assert types_of(render_prometheus(metrics)) == {
        "rt:requests": "counter",
        "rt:pending": "gauge",
        "rt:latency_ms": "histogram",
    }


def test_samples_of_one_name_stand_together_under_one_type() -> None:
    metrics = Metrics()
    for name in ("a", "b"):
        scope = metrics.scope("service", name, label=True)
        scope.counter("requests").incr()
        scope.gauge("pending")

    page = render_prometheus(metrics).decode()

    assert page == (
        "# TYPE service:pending gauge\n"
        'service:pending{service="a"} 0\n'
        'service:pending{service="b"} 0\n'
        "# TYPE service:requests counter\n"
        'service:requests{service="a"} 1\n'
        'service:requests{service="b"} 1\n'
    )


def test_a_name_with_two_types_in_two_places_is_told_apart() -> None:
    metrics = Metrics()
    metrics.scope("service", "a", label=True).counter("size").incr()
    metrics.scope("service", "b", label=True).gauge("size").value = 5

    page = render_prometheus(metrics)

    assert types_of(page) == {"service:size": "counter", "service:size_gauge": "gauge"}


def test_exceptions_become_a_label_and_the_total_has_none() -> None:
    metrics = Metrics()
    service = metrics.scope("service", "web", label=True)
    service.counter("failures").incr(3)
    service.counter("failures", "Timeout").incr(2)
    service.counter("failures", "Timeout", "Connect").incr(1)
    service.counter("exn", "Closed").incr(7)

    samples = samples_of(render_prometheus(metrics))

    assert samples == [
        ("service:exceptions", {"service": "web", "exception": "Closed"}, 7.0),
        ("service:failures", {"service": "web"}, 3.0),
        ("service:failures", {"service": "web", "exception": "Timeout"}, 2.0),
        ("service:failures", {"service": "web", "exception": "Timeout:Connect"}, 1.0),
    ]


def test_a_histogram_has_cumulative_buckets_by_powers_of_two() -> None:
    metrics = Metrics()
    histogram = metrics.scope("service", "web", label=True).histogram("request_latency_ms")
    for value in (0.0, 0.2, 1.0, 1.5, 2.0, 3.0, 70_000.0):
        histogram.add(value)

    samples = samples_of(render_prometheus(metrics))

    buckets = {labels["le"]: value for name, labels, value in samples if name == "service:request_latency_ms_bucket"}
    assert list(buckets)[:5] == ["0.25", "0.5", "1.0", "2.0", "4.0"]
    assert list(buckets.values())[:5] == [2.0, 2.0, 3.0, 5.0, 6.0]
    assert (buckets["65536.0"], buckets["+Inf"]) == (6.0, 7.0)
    assert samples[-2:] == [
        ("service:request_latency_ms_sum", {"service": "web"}, 70_007.7),
        ("service:request_latency_ms_count", {"service": "web"}, 7.0),
    ]


def test_every_histogram_of_a_unit_has_the_same_bounds() -> None:
    metrics = Metrics()
    metrics.histogram("a_bytes").add(0.001)
    metrics.histogram("b_bytes").add(1e12)

    samples = samples_of(render_prometheus(metrics))

    bounds = {
        name: [labels["le"] for sample, labels, _ in samples if sample == f"{name}_bucket"]
        for name in ("a_bytes", "b_bytes")
    }
    assert bounds["a_bytes"] == bounds["b_bytes"] == [str(4.0**power) for power in range(17)] + ["+Inf"]


def test_histograms_only_grow() -> None:
    now = 0.0
    metrics = Metrics(Rotation(lambda: now))
    histogram = metrics.histogram("latency_ms")

    histogram.add(3.0)
    before = render_prometheus(metrics)
    now = 600.0
    metrics.rotation.advance()
    after = render_prometheus(metrics)

    assert after == before


def test_a_histogram_without_values_is_left_out() -> None:
    metrics = Metrics()
    metrics.histogram("latency_ms")

    assert render_prometheus(metrics) == b""


def test_label_values_survive_quotes_backslashes_and_line_ends() -> None:
    metrics = Metrics()
    name = 'a"b\\c\nd é'
    metrics.scope("service", name, label=True).counter("requests")

    samples = samples_of(render_prometheus(metrics))

    assert samples == [("service:requests", {"service": name}, 0.0)]


def test_names_are_made_legal() -> None:
    metrics = Metrics()
    metrics.counter("namer", "#/io.l5d.fs", "look-ups")
    metrics.counter("2xx")

    samples = samples_of(render_prometheus(metrics))

    assert [name for name, _labels, _value in samples] == ["_2xx", "namer:__io_l5d_fs:look_ups"]


def test_a_label_within_the_same_label_stays_in_the_name() -> None:
    metrics = Metrics()
    metrics.scope("rt", "a", label=True).scope("rt", "b", label=True).counter("requests")

    samples = samples_of(render_prometheus(metrics))

    assert samples == [("rt:rt:b:requests", {"rt": "a"}, 0.0)]


def test_every_name_begins_with_the_prefix() -> None:
    metrics = Metrics()
    metrics.counter("requests")
    metrics.counter("failures", "Timeout")

    samples = samples_of(render_prometheus(metrics, prefix="linkerd_"))

    assert [name for name, _labels, _value in samples] == ["linkerd_failures", "linkerd_requests"]


@pytest.mark.parametrize(("number", "text"), [(inf, "+Inf"), (-inf, "-Inf"), (nan, "NaN"), (1e30, "1e+30")])
def test_numbers_that_are_not_finite_are_written_as_prometheus_reads_them(number: float, text: str) -> None:
    metrics = Metrics()
    metrics.gauge("load").value = number

    assert render_prometheus(metrics) == f"# TYPE load gauge\nload {text}\n".encode()
