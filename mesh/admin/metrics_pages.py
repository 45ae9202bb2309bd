"""The pages that show metrics. A thousand services take 50 to 100 ms to show, during which requests have their turns."""

import time
from collections.abc import Iterable

import trio

from mesh.admin.pages import JSON, Page, PageReply, PageRequest
from mesh.metrics.export_json import NoSubtree, render_json
from mesh.metrics.prometheus import PROMETHEUS_TYPE, render_prometheus
from mesh.metrics.scope import Metrics

PROMETHEUS_PATH = "/admin/metrics/prometheus"
TURN_SECONDS = 0.002  # of work on a page, before everything else has its turn


async def in_turns(pieces: Iterable[str]) -> bytes:
    """Return a text of which each piece takes some work; every 2 ms, other tasks do theirs."""
    made: list[str] = []
    due = time.perf_counter() + TURN_SECONDS
    for piece in pieces:
        made.append(piece)
        if time.perf_counter() >= due:
            await trio.lowlevel.checkpoint()
            due = time.perf_counter() + TURN_SECONDS
    return "".join(made).encode()


def metrics_page(metrics: Metrics) -> Page:
    """Return `/admin/metrics.json`, with linkerd's parameters `pretty`, `tree` and `q`; an unknown `q` gives 404."""

    async def handle(request: PageRequest) -> PageReply:
        q = request.first("q")
        try:
            pieces = render_json(metrics, pretty=request.is_set("pretty"), tree=request.is_set("tree"), q=q)
        except NoSubtree as error:
            return PageReply.of_json({"error": str(error)}, 404)
        return PageReply(200, JSON, await in_turns(pieces))

    return Page(
        "/admin/metrics.json",
        "every metric, summaries of the last minute; ?pretty=1 sorts, ?tree=1 nests, ?q=rt/http shows a part",
        handle,
        aliases=("/metrics.json",),
    )


def prometheus_page(metrics: Metrics, path: str = PROMETHEUS_PATH, prefix: str = "") -> Page:
    """Return the page that Prometheus scrapes; `prefix` begins every name."""

    async def handle(_request: PageRequest) -> PageReply:
        return PageReply(200, PROMETHEUS_TYPE, await in_turns(render_prometheus(metrics, prefix)))

    return Page(path, "every metric for Prometheus, since the start", handle)
