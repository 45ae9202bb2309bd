"""The metrics of several processes as one."""

import json

import pytest

from mesh.metrics import Metrics, flat, render_prometheus
from mesh.metrics.merging import dump, merged


def process(requests: int, pending: float, *latencies: float) -> Metrics:
    metrics = Metrics()
    scope = metrics.scope("rt", "http", label=True)
    scope.counter("requests").value = requests
    scope.gauge("pending").value = pending
    for latency in latencies:
        scope.histogram("request_latency_ms").add(latency)
    return metrics


def sent(metrics: Metrics) -> dict[str, object]:
    shown: dict[str, object] = json.loads(json.dumps(dump(metrics)))
    return shown


def test_counters_and_gauges_are_added_up_and_histograms_merged_by_bucket() -> None:
    values = [float(value) for value in range(1, 101)]

    whole = merged([sent(process(3, 1, *values[:50])), sent(process(4, 2, *values[50:]))])

    assert flat(whole) == flat(process(7, 3, *values))
    assert render_prometheus(whole) == render_prometheus(process(7, 3, *values))


def test_what_only_one_process_has_is_in_the_sum() -> None:
    first, second = process(1, 0), process(1, 0)
    second.scope("rt", "other", label=True).counter("requests").value = 5

    shown = flat(merged([sent(first), sent(second)]), "rt")

    assert (shown["http/requests"], shown["other/requests"]) == (2, 5)


def test_a_histogram_without_values_stays_one() -> None:
    empty = Metrics()
    empty.histogram("latency")

    assert flat(merged([sent(empty), sent(empty)])) == {"latency.count": 0}


@pytest.mark.parametrize("kinds", [("counter", "gauge"), ("histogram", "counter"), ("gauge", "histogram")])
def test_a_name_of_two_types_keeps_the_first(kinds: tuple[str, str]) -> None:
    one, other = Metrics(), Metrics()
    getattr(one, kinds[0])("name")
    getattr(other, kinds[1])("name")

    assert flat(merged([sent(one), sent(other)])) == flat(one)


def test_what_cannot_be_read_is_left_out() -> None:
    metrics = Metrics()
    metrics.gauge("broken", fn=lambda: 1 / 0)

    assert flat(merged([sent(metrics)])) == {}
