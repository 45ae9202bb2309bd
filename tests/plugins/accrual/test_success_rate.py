"""Dead below a success rate."""

import trio
import trio.testing

from mesh import Backoff
from mesh_plugins.accrual.accrual import Policy
from mesh_plugins.accrual.success_rate import (
    SuccessRateConfig,
    SuccessRateWindowedConfig,
    success_rate,
    success_rate_windowed,
)

SECONDS_5 = Backoff(kind="constant", ms=5000)


def by_requests(rate: float = 0.5, requests: int = 5) -> Policy:
    return success_rate(SuccessRateConfig(rate, requests, SECONDS_5))()


def by_time(rate: float = 0.5, window: int = 30) -> Policy:
    return success_rate_windowed(SuccessRateWindowedConfig(rate, window, SECONDS_5))()


def test_fewer_requests_than_the_rate_is_taken_over_decide_nothing() -> None:
    policy = by_requests()

    assert [policy.failed() for _time in range(6)] == [None] * 4 + [5.0] * 2


def test_old_successes_count_until_failures_outweigh_them() -> None:
    policy = by_requests(0.5, 100)
    for _time in range(100):
        policy.succeeded()

    answers = [policy.failed() for _time in range(70)]

    assert answers == [None] * 69 + [5.0]


def test_a_rate_that_is_just_met_is_enough() -> None:
    policy = by_requests(0.0, 1)

    assert policy.failed() is None


def test_a_revival_forgets_the_requests() -> None:
    policy = by_requests()
    for _time in range(5):
        policy.failed()

    policy.revived()

    assert [policy.failed() for _time in range(5)] == [None] * 4 + [5.0]


async def test_nothing_is_decided_before_the_window_has_passed(autojump_clock: trio.testing.MockClock) -> None:
    policy = by_time()
    before = [policy.failed() for _time in range(10)]

    await trio.sleep(30)

    assert before == [None] * 10
    assert [policy.failed() for _time in range(5)] == [None] * 4 + [5.0]


async def test_fewer_than_five_requests_in_the_window_decide_nothing(autojump_clock: trio.testing.MockClock) -> None:
    policy = by_time()
    answers = []

    for _time in range(20):
        await trio.sleep(15)
        answers.append(policy.failed())

    assert answers == [None] * 20


async def test_a_rate_over_time_is_met_while_enough_succeed(autojump_clock: trio.testing.MockClock) -> None:
    policy = by_time(0.5, 10)
    answers = []

    for _second in range(30):
        await trio.sleep(1)
        for _time in range(3):
            policy.succeeded()
        answers.append(policy.failed())

    assert answers == [None] * 30


async def test_a_revival_begins_a_new_window(autojump_clock: trio.testing.MockClock) -> None:
    policy = by_time(1.0, 10)
    await trio.sleep(10)
    answers = [policy.failed() for _time in range(5)]

    policy.revived()

    assert answers[-1] == 5.0
    assert [policy.failed() for _time in range(5)] == [None] * 5
