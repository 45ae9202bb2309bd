"""Scopes: getting what exists, labels and their bound, and taking scopes away."""

import logging

import pytest

from mesh.metrics.derived import JoinedHistogram
from mesh.metrics.export_json import flat
from mesh.metrics.scope import OTHER, MetricConflict, Metrics


def test_a_metric_asked_for_twice_is_the_same_one() -> None:
    metrics = Metrics()

    assert metrics.counter("rt", "http", "requests") is metrics.scope("rt", "http").counter("requests")
    assert metrics.gauge("pending") is metrics.gauge("pending")
    assert metrics.histogram("latency_ms") is metrics.histogram("latency_ms")


def test_a_histogram_that_exists_is_not_made_anew() -> None:
    metrics = Metrics()
    joined = metrics.histogram("latency_ms", make=lambda rotation: JoinedHistogram(rotation, list))

    assert metrics.histogram("latency_ms") is joined


def test_a_scope_of_no_names_is_the_scope_itself() -> None:
    metrics = Metrics()

    assert metrics.scope() is metrics


def test_a_name_that_stands_for_another_type_is_refused_with_both_types() -> None:
    metrics = Metrics()
    metrics.counter("rt", "requests")

    with pytest.raises(MetricConflict, match="the metric rt/requests is a counter and cannot be a gauge"):
        metrics.gauge("rt", "requests")


def test_a_name_can_be_a_metric_and_a_scope() -> None:
    metrics = Metrics()

    metrics.counter("failures").incr(2)
    metrics.counter("failures", "Timeout").incr()

    assert flat(metrics) == {"failures": 2, "failures/Timeout": 1}


def test_a_counter_counts_by_method_and_by_slot() -> None:
    counter = Metrics().counter("requests")

    counter.incr()
    counter.incr(5)
    counter.value += 1

    assert counter.read() == 7


def test_a_function_is_asked_at_every_read() -> None:
    metrics = Metrics()
    waiting: list[str] = []
    gauge = metrics.gauge("pending", fn=lambda: len(waiting))
    counter = metrics.counter("waited", fn=lambda: 10 * len(waiting))

    waiting.append("a request")

    assert (gauge.read(), counter.read()) == (1, 10)


def test_the_last_function_given_is_the_one_that_is_read() -> None:
    metrics = Metrics()
    metrics.gauge("size", fn=lambda: 1)
    metrics.gauge("size", fn=lambda: 2)

    gauge = metrics.gauge("size")

    assert gauge.read() == 2


def test_a_function_that_raises_is_logged_and_its_metric_left_out(caplog: pytest.LogCaptureFixture) -> None:
    metrics = Metrics()
    metrics.gauge("broken", fn=lambda: 1 / 0)
    metrics.gauge("whole").value = 3

    shown = flat(metrics)

    assert shown == {"whole": 3.0}
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_a_labelled_scope_is_a_value_of_the_label_above_it() -> None:
    metrics = Metrics()

    server = metrics.scope("server", "127.0.0.1/4140", label=True)
    client = metrics.scope("client").scope("#/io.l5d.fs/web", label=True)

    assert (server.label, server.name) == ("server", "127.0.0.1/4140")
    assert (client.label, client.name) == ("client", "#/io.l5d.fs/web")


def test_values_beyond_the_bound_are_counted_together() -> None:
    metrics = Metrics(max_labelled=2)

    for name in ("a", "b", "c", "d", "a"):
        metrics.scope("service", name, label=True).counter("requests").incr()

    assert flat(metrics) == {"service/a/requests": 2, "service/b/requests": 1, f"service/{OTHER}/requests": 2}


def test_the_bound_holds_for_each_label_by_itself() -> None:
    metrics = Metrics(max_labelled=1)

    names = [metrics.scope("rt", "http", "client", str(n), "service", str(n), label=True).name for n in range(2)]

    assert names == ["0", "1"]


def test_the_place_of_a_removed_value_can_be_taken() -> None:
    metrics = Metrics(max_labelled=1)
    metrics.scope("service", "a", label=True).remove()

    scope = metrics.scope("service", "b", label=True)

    assert scope.name == "b"


def test_a_removed_scope_vanishes_with_all_that_is_in_it_and_can_be_made_again() -> None:
    metrics = Metrics()
    metrics.counter("client", "web", "requests").incr(9)
    metrics.gauge("client", "web", "loadbalancer", "size").value = 3

    metrics.scope("client", "web").remove()
    gone = flat(metrics)
    metrics.counter("client", "web", "requests").incr()

    assert gone == {}
    assert flat(metrics) == {"client/web/requests": 1}


def test_a_scope_removed_twice_does_not_take_its_successor_away() -> None:
    metrics = Metrics()
    first = metrics.scope("client", "web")
    first.remove()
    second = metrics.scope("client", "web")

    first.remove()

    assert metrics.scope("client", "web") is second


def test_a_held_scope_goes_when_the_last_holder_lets_go() -> None:
    metrics = Metrics()
    scope = metrics.scope("client", "web")
    scope.counter("requests").incr()
    release_old = scope.hold()
    release_new = scope.hold()

    release_old()
    release_old()
    between = flat(metrics)
    release_new()

    assert between == {"client/web/requests": 1}
    assert flat(metrics) == {}
