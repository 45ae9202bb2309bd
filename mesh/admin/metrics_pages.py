"""The pages that show metrics."""

from mesh.admin.pages import JSON, Page, PageReply, PageRequest
from mesh.metrics.export_json import NoSubtree, render_json
from mesh.metrics.prometheus import PROMETHEUS_TYPE, render_prometheus
from mesh.metrics.scope import Metrics

PROMETHEUS_PATH = "/admin/metrics/prometheus"


def metrics_page(metrics: Metrics) -> Page:
    """Return `/admin/metrics.json`, with linkerd's parameters `pretty`, `tree` and `q`; an unknown `q` gives 404."""

    def handle(request: PageRequest) -> PageReply:
        q = request.first("q")
        try:
            body = render_json(metrics, pretty=request.is_set("pretty"), tree=request.is_set("tree"), q=q)
        except NoSubtree as error:
            return PageReply.of_json({"error": str(error)}, 404)
        return PageReply(200, JSON, body)

    return Page(
        "/admin/metrics.json",
        "every metric, summaries of the last minute; ?pretty=1 sorts, ?tree=1 nests, ?q=rt/http shows a part",
        handle,
        aliases=("/metrics.json",),
    )


def prometheus_page(metrics: Metrics, path: str = PROMETHEUS_PATH, prefix: str = "") -> Page:
    """Return the page that Prometheus scrapes; `prefix` begins every name."""

    def handle(_request: PageRequest) -> PageReply:
        return PageReply(200, PROMETHEUS_TYPE, render_prometheus(metrics, prefix))

    return Page(path, "every metric for Prometheus, since the start", handle)
