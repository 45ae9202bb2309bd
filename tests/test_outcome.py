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
from mesh.outcome import Outcome, classify_errors, is_success, outcome_at_end
from mesh.testing import Trickle


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


class OnlyTheEndTells:
    """A classifier that decides once the reply's trailers are there."""

    def __call__(self, _request: Request, result: Reply | MeshError) -> Outcome:
        if not isinstance(result, Reply) or not result.body.trailers:
            return Outcome.UNDECIDED
        return Outcome.SUCCESS if (b"ok", b"yes") in result.body.trailers else Outcome.FAILURE


@pytest.mark.parametrize(("ok", "outcome"), [("yes", True), ("no", False)])
async def test_what_only_the_end_tells_is_told_there(ok: str, outcome: bool) -> None:
    judge, reply = OnlyTheEndTells(), Reply(Trickle(b"a", trailers={"ok": ok}))

    at_the_head = (is_success(Request(), reply, judge), reply.outcome)
    while await reply.body.receive():
        pass
    await reply.aclose()

    assert at_the_head == (False, None)
    assert (outcome_at_end(Request(), reply, judge), reply.outcome) == (outcome, outcome)


async def test_a_reply_that_is_let_go_before_its_end_is_neither_success_nor_failure() -> None:
    reply = Reply(Trickle(b"a"))
    await reply.aclose()

    assert outcome_at_end(Request(), reply, OnlyTheEndTells()) is None


async def test_a_reply_that_broke_off_before_its_end_is_a_failure() -> None:
    reply = Reply(Trickle(error=UpstreamBroken("reset")))
    with pytest.raises(UpstreamBroken):
        await reply.body.receive()
    await reply.aclose()

    assert outcome_at_end(Request(), reply, OnlyTheEndTells()) is False
