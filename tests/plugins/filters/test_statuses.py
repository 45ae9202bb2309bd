"""Replies counted by status."""

from mesh import Metrics
from mesh_plugins.filters.statuses import Statuses
from tests.plugins.rest import numbers


def counted(*statuses: int) -> Metrics:
    metrics = Metrics()
    by_status = Statuses(metrics)
    for status in statuses:
        count, add_time = by_status[status]
        count.value += 1
        add_time(float(status))
    return metrics


def test_a_status_is_counted_by_itself_and_with_those_that_begin_alike() -> None:
    assert numbers(counted(200, 204, 404, 200), "status") == {
        "200": 2,
        "204": 1,
        "2XX": 3,
        "404": 1,
        "4XX": 1,
        "error": 0,
    }


def test_nothing_is_shown_of_statuses_that_were_never_seen() -> None:
    assert numbers(counted(), "status") == {"error": 0}


def test_what_others_counted_in_the_scope_is_part_of_the_sum() -> None:
    metrics = counted(404)

    metrics.counter("status", "431").value += 1

    assert numbers(metrics, "status")["4XX"] == 2


def test_a_sum_that_was_there_before_is_taken_over() -> None:
    metrics = Metrics()
    for name in ("431", "4XX"):
        metrics.counter("status", name).value += 1

    Statuses(metrics)[404][0].value += 1

    assert numbers(metrics, "status")["4XX"] == 2


def test_times_are_kept_by_the_first_digit_of_the_status() -> None:
    shown = numbers(counted(200, 204, 404), "time")

    assert {name: shown[f"{name}.count"] for name in ("2XX", "4XX", "error")} == {"2XX": 2, "4XX": 1, "error": 0}
    assert shown["4XX.max"] == 404


def test_together_the_times_are_those_of_all_replies() -> None:
    statuses = Statuses(Metrics())
    for add_time in (statuses[200][1], statuses[301][1], statuses.errors[1]):
        add_time(1.0)

    assert sum(times.window().count for times in statuses.times()) == 3
