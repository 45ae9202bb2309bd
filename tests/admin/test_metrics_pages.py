"""The metrics pages: parameters, aliases and content types."""

import json

import pytest

from mesh.admin.metrics_pages import metrics_page, prometheus_page
from mesh.admin.pages import JSON, PageReply, PageRequest, Site
from mesh.metrics.scope import Metrics


@pytest.fixture
def site() -> Site:
    metrics = Metrics()
    metrics.scope("rt", "http", label=True).counter("requests").incr(3)
    return Site([metrics_page(metrics), prometheus_page(metrics, prefix="linkerd_")])


@pytest.mark.parametrize("path", ["/admin/metrics.json", "/metrics.json"])
async def test_metrics_are_shown_flat(site: Site, path: str) -> None:
    reply = await site.handle(PageRequest("GET", path))

    assert reply == PageReply(200, JSON, b'{"rt/http/requests":3}')


async def test_the_parameters_are_passed_on(site: Site) -> None:
    query = {"tree": ["1"], "pretty": ["true"], "q": ["rt/http"]}

    reply = await site.handle(PageRequest("GET", "/admin/metrics.json", query))

    assert json.loads(reply.body) == {"requests": {"counter": 3}}
    assert reply.body.count(b"\n") == 4


async def test_an_unknown_subtree_answers_404_in_json(site: Site) -> None:
    reply = await site.handle(PageRequest("GET", "/admin/metrics.json", {"q": ['no"where']}))

    assert reply == PageReply(404, JSON, b'{"error": "No such subtree: no\\"where"}')


async def test_prometheus_is_given_its_own_format(site: Site) -> None:
    reply = await site.handle(PageRequest("GET", "/admin/metrics/prometheus"))

    assert reply.content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert reply.body == b'# TYPE linkerd_rt:requests counter\nlinkerd_rt:requests{rt="http"} 3\n'
