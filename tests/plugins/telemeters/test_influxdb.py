"""The metrics in InfluxDB's line protocol."""

import math

from mesh import Metrics
from mesh_plugins.telemeters.influxdb import InfluxDb, InfluxDbConfig, render_influxdb


def test_the_metrics_of_a_scope_are_the_fields_of_a_line() -> None:
    metrics = Metrics()
    metrics.counter("b").value = 2
    metrics.counter("a").value = 1
    metrics.scope("jvm", "heap").gauge("used").value = 3

    assert render_influxdb(metrics) == b"root,host=none a=1,b=2\njvm:heap,host=none used=3.0\n"


def test_labelled_scopes_become_tags() -> None:
    metrics = Metrics()
    router = metrics.scope("rt", "out", label=True)
    router.scope("server", "127.0.0.1/4141", label=True).counter("requests").value = 1
    router.scope("service", "svc/web", label=True).scope("failures").counter("ConnectFailed").value = 1

    assert render_influxdb(metrics, "web1").decode().splitlines() == [
        "rt:server,host=web1,rt=out,server=127.0.0.1/4141 requests=1",
        "rt:service:failures,host=web1,rt=out,service=svc/web ConnectFailed=1",
    ]


def test_a_histogram_has_its_summary_and_none_while_it_is_empty() -> None:
    metrics = Metrics()
    metrics.scope("a").histogram("empty")
    histogram = metrics.scope("b").histogram("x")
    for sample in (1, 2):
        histogram.add(sample)

    line = render_influxdb(metrics).decode()

    assert line.startswith("b,host=none x_avg=1.5,x_count=2,x_max=2,x_min=1,x_p50=")
    assert line.endswith(",x_sum=3\n")


def test_names_and_values_that_would_break_a_line_are_escaped() -> None:
    metrics = Metrics()
    metrics.scope("service", "a,b=c d", label=True).counter("x y").value = 1
    metrics.scope("a/b-c").counter("n").value = 1
    metrics.gauge("nan").value = math.nan

    assert render_influxdb(metrics, "w\nx") == (
        b"service,host=w\\ x,service=a\\,b\\=c\\ d x\\ y=1\na_b_c,host=w\\ x n=1\n"
    )


def test_the_page_names_the_host_that_was_asked() -> None:
    (page,) = InfluxDb(InfluxDbConfig()).pages()
    metrics = Metrics()
    metrics.counter("a").value = 1

    shown = [page.render(metrics, headers) for headers in ({}, {"host": "admin:9990"}, {"host": ""})]

    assert page.path == "/admin/metrics/influxdb"
    assert shown == [b"root,host=none a=1\n", b"root,host=admin:9990 a=1\n", b"root,host=none a=1\n"]
