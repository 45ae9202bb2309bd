"""Failed replies that say their request was not processed: who sends it again."""

import pytest

from mesh import Classifier, HttpReply, HttpRequest, Metrics
from mesh.testing import ManualClock, Scripted, Trickle, reply, request
from mesh_plugins.filters.budget import BudgetLimits, RetryBudget
from mesh_plugins.filters.requeues import Requeues
from mesh_plugins.http.classifiers import RETRYABLE_READ, non_retryable_5xx
from mesh_plugins.http.nack import is_unprocessed
from tests.plugins.rest import numbers


def undone(outcome: bool | None = False) -> HttpReply:
    made = reply(500, headers={"l5d-retryable": "true"})
    made.outcome = outcome
    return made


def judged(classifier: Classifier | None, asked: HttpRequest | None = None) -> HttpRequest:
    asked = asked or request("POST")
    asked.context.classifier = classifier
    return asked


async def send(
    asked: HttpRequest, *answers: HttpReply, limits: BudgetLimits | None = None
) -> tuple[HttpReply, int, float]:
    """Return what came of a request, in how many attempts, and what is left of the budget."""
    budget, below = RetryBudget(limits or BudgetLimits(), ManualClock()), Scripted(*answers)
    metrics = Metrics()
    filter_ = Requeues(budget, metrics, is_unprocessed=is_unprocessed, never_retrying=(non_retryable_5xx,))

    answered = await filter_(asked, below)

    assert isinstance(answered, HttpReply)
    return answered, len(below.requests), numbers(metrics, "retries")["budget"]


@pytest.mark.parametrize("classifier", [None, non_retryable_5xx])
async def test_it_is_sent_again_whatever_the_method(classifier: Classifier | None) -> None:
    first, ok = undone(), reply()

    assert await send(judged(classifier), first, ok) == (ok, 2, 99)
    assert first.closed


async def test_it_is_left_to_the_retries_where_there_are_any() -> None:
    first = undone()

    assert await send(judged(RETRYABLE_READ), first) == (first, 1, 100)
    assert not first.closed


async def test_a_body_that_streams_is_sent_again_while_little_was_taken_of_it() -> None:
    first, ok = undone(), reply()

    assert await send(judged(None, request("POST", body=Trickle(b"a"))), first, ok) == (ok, 2, 99)


async def test_a_reply_that_counts_as_a_success_is_one() -> None:
    first = undone(True)

    assert await send(judged(None), first) == (first, 1, 100)


async def test_the_third_such_reply_is_the_answer() -> None:
    replies = [undone(), undone(), undone()]

    answered, attempts, _budget = await send(judged(None), *replies)

    assert (answered is replies[2], attempts) == (True, 3)
    assert [made.closed for made in replies] == [True, True, False]


async def test_without_a_budget_the_reply_is_the_answer() -> None:
    first = undone()

    assert await send(judged(None), first, limits=BudgetLimits(0, 0.2)) == (first, 1, 0)
