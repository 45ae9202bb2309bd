"""What linkerd shows of metrics, case by case, from the YAML file beside this one.

One case is answered otherwise on purpose: prometheus-010, whose note says why.
"""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from mesh.admin.metrics_pages import metrics_page
from mesh.admin.pages import Site
from mesh.admin.site_service import site_service
from mesh.http import HttpRequest
from mesh.metrics.prometheus import render_prometheus
from mesh.metrics.scope import Metrics
from mesh_plugins.telemeters.influxdb import InfluxDb, InfluxDbConfig

LABELS = ("rt", "service", "client", "server")  # whoever makes these scopes says that they are labelled

# A case's shape depends on its group, so what is given and expected is `Any` until the group's test takes it apart.


def cases(group: str) -> list[Any]:
    """Return the cases of a group as parameter sets with the case's id."""
    groups = yaml.safe_load((Path(__file__).parent / "linkerd.yaml").read_text(encoding="utf-8"))
    return [pytest.param(case["given"], case["expect"], id=case["id"]) for case in groups[group]]


def scope_of(metrics: Metrics, names: list[str]) -> Metrics:
    for name in names:
        metrics = metrics.scope(name, label=metrics.name in LABELS)
    return metrics


@pytest.mark.parametrize(("given", "expect"), cases("metrics_json"))
async def test_json_is_as_published(given: Any, expect: Any) -> None:
    metrics = Metrics()
    for name, value in given["counters"].items():
        metrics.counter(*name.split("/")).incr(value)
    service = site_service(Site([metrics_page(metrics)]))

    reply = await service(HttpRequest(b"GET", given["path"].encode(), []))

    assert json.loads(await reply.body.receive()) == expect


@pytest.mark.parametrize(("given", "expect"), cases("prometheus_counter"))
def test_a_counters_line_is_as_published(given: Any, expect: Any) -> None:
    metrics = Metrics()
    *scopes, name = given["counter"]
    scope_of(metrics, scopes).counter(name).incr(given["value"])

    page = render_prometheus(metrics, given["prefix"]).decode()

    assert page.splitlines()[1:] == [expect]


@pytest.mark.parametrize(("given", "expect"), cases("prometheus_histogram"))
def test_a_histogram_has_the_published_lines(given: Any, expect: Any) -> None:
    metrics = Metrics()
    histogram = metrics.histogram(*given["stat"])
    for sample in given["samples"]:
        histogram.add(sample)

    page = render_prometheus(metrics, given["prefix"]).decode()

    assert set(expect) <= set(page.splitlines())
    assert bool(expect) == bool(page)


@pytest.mark.parametrize(("given", "expect"), cases("influxdb"))
def test_a_line_for_influxdb_is_as_published(given: Any, expect: Any) -> None:
    metrics = Metrics()
    *scopes, name = given.get("counter") or given["stat"]
    scope = scope_of(metrics, scopes)
    if "counter" in given:
        scope.counter(name).incr(given["value"])
    for sample in given.get("samples", []):
        scope.histogram(name).add(sample)
    host = given["request_host_header"]
    (page,) = InfluxDb(InfluxDbConfig()).pages()

    lines = page.render(metrics, {} if host is None else {"host": host}).decode().splitlines()

    assert lines == [expect]
