"""Dead after so many failures in a row."""

from random import Random

import pytest

from mesh import Backoff
from mesh_plugins.accrual.accrual import Policy
from mesh_plugins.accrual.consecutive import ConsecutiveConfig, NoneConfig, consecutive, none

SECONDS_5 = Backoff(kind="constant", ms=5000)


def new_policy(failures: int = 3, backoff: Backoff | None = SECONDS_5) -> Policy:
    return consecutive(ConsecutiveConfig(failures, backoff), Random(7))()


def test_so_many_failures_in_a_row_are_too_many() -> None:
    policy = new_policy()

    assert [policy.failed() for _time in range(4)] == [None, None, 5.0, 5.0]


def test_a_success_between_begins_the_count_anew() -> None:
    policy = new_policy()
    policy.failed()
    policy.failed()

    policy.succeeded()

    assert [policy.failed() for _time in range(3)] == [None, None, 5.0]


def test_a_revival_begins_the_count_and_the_schedule_anew_where_a_success_does_not() -> None:
    policy = new_policy(1, Backoff(kind="jittered", min_ms=1000, max_ms=100_000))
    first = [policy.failed() for _time in range(3)]
    policy.succeeded()
    assert policy.failed() != first[0]

    policy.revived()

    assert policy.failed() == first[0] == 1.0


def test_a_jittered_backoff_is_the_decorrelated_one_of_linkerd() -> None:
    policy = new_policy(1, Backoff(kind="jittered", min_ms=1000, max_ms=4000))
    source = Random(7)

    assert [policy.failed() for _time in range(3)] == [
        1.0,
        first := 1.0 + source.uniform(0.0, 2.0),
        pytest.approx(first + source.uniform(0.0, 4.0 - first)),
    ]


def test_without_a_backoff_the_dead_time_grows_from_5_s_to_300_s() -> None:
    policy = new_policy(1, None)

    waits = [policy.failed() for _time in range(10)]

    assert (waits[0], waits[-1]) == (5.0, 300.0)


def test_each_endpoint_has_a_policy_of_its_own() -> None:
    new = consecutive(ConsecutiveConfig(2, SECONDS_5))
    first, second = new(), new()

    first.failed()

    assert (first.failed(), second.failed()) == (5.0, None)


def test_no_accrual_is_no_policy() -> None:
    assert none(NoneConfig())() is None
