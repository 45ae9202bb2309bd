"""Budgets of repeats. Finagle's own cases are in the conformance tests."""

import pytest

from mesh import Counter
from mesh.testing import ManualClock
from mesh_plugins.filters.budget import BudgetLimits, RetryBudget, TokenBucket, UnspentBudget, WindowedAdder


def test_a_sum_forgets_what_is_older_than_its_window() -> None:
    clock = ManualClock()
    adder = WindowedAdder(10.0, 10, clock)
    adder.add(3)
    clock.advance(5.0)
    adder.add(4)

    clock.advance(5.0)

    assert adder.sum() == 4


def test_slices_end_in_time_whatever_is_lost_by_rounding() -> None:
    clock = ManualClock()
    adder = WindowedAdder(2.0, 2, clock)
    clock.advance(3.6)
    adder.add(1)

    clock.advance(1.0)  # 4.6 - 3.6 is less than 1
    adder.add(2)
    clock.advance(1.0)

    assert adder.sum() == 2


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


@pytest.mark.parametrize("limits", [BudgetLimits(), BudgetLimits(0, 0.57), BudgetLimits(5, 0.0, 2.0)], ids=str)
def test_a_budget_that_nobody_spends_of_holds_as_much_as_one_that_earns_request_by_request(
    limits: BudgetLimits,
) -> None:
    clock, requests = ManualClock(), Counter()
    earning, unspent = RetryBudget(limits, clock), UnspentBudget(limits, requests, clock)
    for _ in range(100):
        earning.deposit()
        requests.value += 1

    clock.advance(limits.ttl_seconds / 2)

    assert unspent.balance == earning.balance


def test_what_a_budget_earned_before_its_window_is_forgotten() -> None:
    clock, requests = ManualClock(), Counter()
    budget = UnspentBudget(BudgetLimits(0, 0.5, 10.0), requests, clock)
    requests.value = 100
    clock.advance(10.0)
    full = budget.balance

    clock.advance(10.0)

    assert (full, budget.balance) == (50, 0)


def test_requests_between_two_looks_are_taken_to_have_come_evenly() -> None:
    clock, requests = ManualClock(), Counter()
    budget = UnspentBudget(BudgetLimits(0, 1.0, 10.0), requests, clock)
    requests.value = 100

    clock.advance(20.0)

    assert [budget.balance, budget.balance] == [50, 50]
