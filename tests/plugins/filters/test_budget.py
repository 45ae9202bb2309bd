"""Budgets of repeats. Finagle's own cases are in the conformance tests."""

import pytest

from mesh.testing import ManualClock
from mesh_plugins.filters.budget import BudgetLimits, RetryBudget, TokenBucket, WindowedAdder


def test_a_sum_forgets_what_is_older_than_its_window() -> None:
    clock = ManualClock()
    adder = WindowedAdder(10.0, 10, clock)
    adder.add(3)
    clock.advance(5.0)
    adder.add(4)

    clock.advance(5.0)

    assert adder.sum() == 4


def test_a_sum_forgets_everything_after_a_long_pause() -> None:
    clock = ManualClock()
    adder = WindowedAdder(10.0, 10, clock)
    adder.add(3)

    clock.advance(1e6)

    assert adder.sum() == 0


def test_a_bucket_gives_what_was_put_in_and_the_reserve() -> None:
    bucket = TokenBucket(10.0, 5, ManualClock())
    bucket.add(2)

    taken = [bucket.try_take(4), bucket.try_take(4), bucket.try_take(3)]

    assert (taken, bucket.count) == ([True, False, True], 0)


def test_a_spent_reserve_comes_back_after_the_time_to_live() -> None:
    clock = ManualClock()
    bucket = TokenBucket(10.0, 5, clock)
    bucket.try_take(5)

    clock.advance(9.0)
    assert bucket.count == 0
    clock.advance(1.0)

    assert bucket.count == 5


def test_by_default_there_are_a_hundred_repeats_and_one_more_for_five_requests() -> None:
    budget = RetryBudget(BudgetLimits(), ManualClock())
    assert budget.balance == 100

    for _request in range(5):
        budget.deposit()

    assert budget.balance == 101


def test_a_budget_of_nothing_allows_nothing() -> None:
    budget = RetryBudget(BudgetLimits(0, 0.0), ManualClock())
    budget.deposit()

    assert (budget.balance, budget.try_withdraw()) == (0, False)


def test_more_than_one_repeat_for_each_request_can_be_allowed() -> None:
    budget = RetryBudget(BudgetLimits(0, 2.0), ManualClock())
    budget.deposit()

    assert [budget.try_withdraw() for _time in range(3)] == [True, True, False]


def test_a_balance_is_never_below_zero() -> None:
    clock = ManualClock()
    budget = RetryBudget(BudgetLimits(0, 1.0), clock)
    budget.deposit()
    clock.advance(5.0)
    budget.try_withdraw()

    clock.advance(6.0)  # what was paid in has expired, what was paid out has not

    assert budget.balance == 0


@pytest.mark.parametrize("percent", [0.0, 0.2])
def test_what_cannot_be_afforded_is_not_paid(percent: float) -> None:
    budget = RetryBudget(BudgetLimits(1, percent, 1.0), ManualClock())

    assert [budget.try_withdraw() for _time in range(3)] == [True, False, False]
