"""What a listener shows of its streams."""

from mesh import Metrics
from mesh_plugins.http2.serving import StreamCounts


def test_streams_are_counted_under_linkerds_names() -> None:
    metrics = Metrics()
    counts = StreamCounts(metrics.scope("server", "a"))

    counts.open += 2
    counts.remote_resets.value += 1

    scope = metrics.scope("server", "a").scope("stream")
    assert scope.gauge("open_streams").read() == 2
    assert (scope.scope("local").counter("reset").read(), scope.scope("remote").counter("reset").read()) == (0, 1)
