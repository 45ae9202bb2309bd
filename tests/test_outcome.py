import pytest

from mesh.errors import (
    AttemptTimeout,
    ClientGone,
    ConnectFailed,
    MeshError,
    Nacked,
    Overloaded,
    UpstreamBroken,
)
from mesh.message import Reply, Request
from mesh.outcome import Outcome, classify_errors, is_success


class Judge:
    """A classifier that counts how often it was asked."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self.times = 0

    def __call__(self, _request: Request, _result: Reply | MeshError) -> Outcome:
        self.times += 1
        return self.outcome


@pytest.mark.parametrize(
    ("result", "outcome"),
    [
        (Reply(), Outcome.SUCCESS),
        (AttemptTimeout("late"), Outcome.FAILURE),
        (UpstreamBroken("reset"), Outcome.FAILURE),
        (UpstreamBroken("reset", retryable=True), Outcome.RETRYABLE),
        (ConnectFailed("refused"), Outcome.RETRYABLE),
        (Nacked("go away"), Outcome.RETRYABLE),
        (Overloaded("a limit of ours"), Outcome.IGNORED),
        (ClientGone("nobody waits"), Outcome.IGNORED),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Reply | MeshError) else value.name,
)
def test_by_default_errors_are_failures_unless_the_endpoint_had_no_part(
    result: Reply | MeshError, outcome: Outcome
) -> None:
    assert classify_errors(Request(), result) is outcome


@pytest.mark.parametrize("outcome", Outcome)
def test_only_a_success_is_one(outcome: Outcome) -> None:
    assert is_success(Request(), Reply(), Judge(outcome)) == (outcome is Outcome.SUCCESS)


def test_a_reply_is_judged_once() -> None:
    request, reply, judge = Request(), Reply(), Judge(Outcome.FAILURE)

    answers = [is_success(request, reply, judge) for _ in range(3)]

    assert (answers, judge.times, reply.outcome) == ([False] * 3, 1, False)


def test_a_request_is_judged_by_its_own_classifier_if_it_has_one() -> None:
    request = Request()
    request.context.classifier = Judge(Outcome.FAILURE)

    assert not is_success(request, Reply(), Judge(Outcome.SUCCESS))
