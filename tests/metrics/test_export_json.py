"""metrics.json: flat and nested, subtrees, and numbers that JSON cannot say."""

import json
from math import inf, nan

import pytest

from mesh.metrics.export_json import NoSubtree, flat, render_json, tree
from mesh.metrics.scope import Metrics

FIELDS = ["count", "max", "min", "p50", "p90", "p95", "p99", "p9990", "p9999", "sum", "avg"]


@pytest.fixture
def metrics() -> Metrics:
    metrics = Metrics()
    client = metrics.scope("rt", "http", label=True).scope("client", "#/io.l5d.fs/web", label=True)
    client.counter("requests").incr(3)
    client.counter("failures").incr(2)
    client.counter("failures", "Timeout").incr(2)
    client.gauge("pending").value = 1
    return metrics


def test_a_flat_name_joins_the_parts_by_a_slash(metrics: Metrics) -> None:
    assert flat(metrics) == {
        "rt/http/client/#/io.l5d.fs/web/requests": 3,
        "rt/http/client/#/io.l5d.fs/web/failures": 2,
        "rt/http/client/#/io.l5d.fs/web/failures/Timeout": 2,
        "rt/http/client/#/io.l5d.fs/web/pending": 1.0,
    }


def test_a_tree_keeps_a_scope_whole_that_has_slashes_in_its_name(metrics: Metrics) -> None:
    web = {
        "requests": {"counter": 3},
        "failures": {"counter": 2, "Timeout": {"counter": 2}},
        "pending": {"gauge": 1.0},
    }

    assert tree(metrics) == {"rt": {"http": {"client": {"#/io.l5d.fs/web": web}}}}


def test_a_subtree_is_found_through_names_with_slashes(metrics: Metrics) -> None:
    q = "rt/http/client/#/io.l5d.fs/web"

    assert flat(metrics, q) == {"requests": 3, "failures": 2, "failures/Timeout": 2, "pending": 1.0}


def test_a_name_that_is_a_metric_and_a_scope_gives_both(metrics: Metrics) -> None:
    q = "rt/http/client/#/io.l5d.fs/web/failures"

    assert flat(metrics, q) == {"": 2, "Timeout": 2}
    assert tree(metrics, q) == {"counter": 2, "Timeout": {"counter": 2}}


@pytest.mark.parametrize("q", ["rt/ht", "rt/http/client/#", "rt/http/", "/", "requests"])
def test_an_unknown_subtree_is_refused_in_linkerds_words(metrics: Metrics, q: str) -> None:
    with pytest.raises(NoSubtree) as caught:
        render_json(metrics, q=q)

    assert str(caught.value) == f"No such subtree: {q}"


def test_a_histogram_gives_one_number_per_field() -> None:
    metrics = Metrics()
    metrics.histogram("rt", "request_latency_ms").add(2.0)

    shown = flat(metrics)

    assert shown == dict.fromkeys((f"rt/request_latency_ms.{field}" for field in FIELDS), 2.0) | {
        "rt/request_latency_ms.count": 1
    }
    assert tree(metrics)["rt"] == {
        "request_latency_ms": dict.fromkeys((f"stat.{field}" for field in FIELDS), 2.0) | {"stat.count": 1}
    }


def test_a_histogram_without_values_gives_its_count_alone() -> None:
    metrics = Metrics()
    metrics.histogram("latency_ms")

    assert flat(metrics) == {"latency_ms.count": 0}
    assert tree(metrics) == {"latency_ms": {"stat.count": 0}}


@pytest.mark.parametrize("number", [nan, inf, -inf])
def test_a_gauge_that_is_not_finite_is_left_out(number: float) -> None:
    metrics = Metrics()
    metrics.gauge("load").value = number

    assert render_json(metrics) == b"{}"


def test_the_plain_form_is_as_tight_as_linkerds(metrics: Metrics) -> None:
    assert render_json(metrics, q="rt/http/client/#/io.l5d.fs/web/pending") == b'{"":1.0}'


def test_the_pretty_form_is_sorted_and_indented(metrics: Metrics) -> None:
    text = render_json(metrics, pretty=True, q="rt/http/client/#/io.l5d.fs/web").decode()

    assert list(json.loads(text)) == ["failures", "failures/Timeout", "pending", "requests"]
    assert text.splitlines()[1] == '  "failures": 2,'


def test_the_pretty_form_of_a_tree_is_sorted_at_every_level(metrics: Metrics) -> None:
    text = render_json(metrics, pretty=True, tree=True, q="rt/http/client/#/io.l5d.fs/web")

    shown = json.loads(text)
    assert list(shown) == ["failures", "pending", "requests"]
    assert list(shown["failures"]) == ["Timeout", "counter"]
