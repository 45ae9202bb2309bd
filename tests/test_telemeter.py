"""What a telemeter adds to the admin server."""

from mesh.metrics import Metrics
from mesh.telemeter import MetricsPage


def test_a_page_renders_the_metrics_it_is_given() -> None:
    page = MetricsPage("/x", "names", "text/plain", lambda metrics, _headers: " ".join(metrics.metrics).encode())
    metrics = Metrics()
    metrics.counter("a")

    assert page.render(metrics, {}) == b"a"
