"""What became of a request: decided once per attempt, by one classifier, and read by everybody who counts."""

from collections.abc import Callable
from enum import Enum

from mesh.errors import ClientGone, MeshError, Overloaded, RemoteProtocolError
from mesh.message import Reply, Request
from mesh.params import Param

NOT_THE_ENDPOINTS = (ClientGone, Overloaded, RemoteProtocolError)
"""Errors that are not the endpoint's doing: the client went away or broke the protocol, or a limit of ours was reached."""


class Outcome(Enum):
    """What a classifier may say. `IGNORED` counts neither for nor against the endpoint.

    `UNDECIDED`: only the end of the reply will tell. Whoever counts asks again when it is closed, with `outcome_at_end`.
    """

    SUCCESS = "success"
    FAILURE = "failure"
    RETRYABLE = "retryable failure"
    IGNORED = "ignored"
    UNDECIDED = "undecided"


# Looking a member up in its class takes 60 ns, and this is asked for every request.
_SUCCESS, _UNDECIDED = Outcome.SUCCESS, Outcome.UNDECIDED

Classifier = Callable[[Request, Reply | MeshError], Outcome]
"""Says what a reply, or the error that came instead, means. Never awaits and never raises."""


def classify_errors(_request: Request, result: Reply | MeshError) -> Outcome:
    """Call every reply a success, and an error a failure unless it is not the endpoint's doing."""
    if isinstance(result, MeshError):
        if isinstance(result, NOT_THE_ENDPOINTS):
            return Outcome.IGNORED
        return Outcome.RETRYABLE if result.retryable else Outcome.FAILURE
    return Outcome.SUCCESS


CLASSIFIER: Param[Classifier] = Param(classify_errors, "classifier")
"""The classifier of the path stack's service; a request that carries its own is judged by that one."""


def is_success(request: Request, reply: Reply, classifier: Classifier) -> bool:
    """Return whether a reply is a success, asking the classifier once per reply.

    False with `reply.outcome` still None means that only the end of the reply will tell.
    """
    outcome = reply.outcome
    if outcome is None:
        judge = request.context.classifier or classifier
        said = judge(request, reply)
        if said is _UNDECIDED:
            return False
        outcome = reply.outcome = said is _SUCCESS
    return outcome


def outcome_at_end(request: Request, reply: Reply, classifier: Classifier) -> bool | None:
    """Return what became of a reply that is closed; None if it was let go before its end could tell."""
    if (
        reply.outcome is None
        and not is_success(request, reply, classifier)
        and reply.outcome is None
        and reply.body.broke
    ):
        reply.outcome = False
    return reply.outcome
