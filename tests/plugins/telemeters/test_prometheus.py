"""The telemeter `io.l5d.prometheus`."""

from mesh import Metrics
from mesh_plugins.telemeters.prometheus import Prometheus, PrometheusConfig


def test_it_adds_a_page_with_its_path_and_prefix() -> None:
    metrics = Metrics()
    metrics.counter("requests").incr(3)

    (page,) = Prometheus(PrometheusConfig("/metrics", "linker_")).pages()

    assert page.path == "/metrics"
    assert b"linker_requests 3" in page.render(metrics, {})
