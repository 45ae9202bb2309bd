"""What became of a request: decided once per attempt, by one classifier, and read by everybody who counts."""

from collections.abc import Callable
from enum import Enum

from mesh.errors import ClientGone, MeshError, Overloaded, RemoteProtocolError
from mesh.message import Reply, Request
from mesh.params import Param

NOT_THE_ENDPOINTS = (ClientGone, Overloaded, RemoteProtocolError)
"""Errors that are not the endpoint's doing: the client went away or broke the protocol, or a limit of ours was reached."""


class Outcome(Enum):
    """What a classifier may say. `IGNORED` counts neither for nor against the endpoint."""

    SUCCESS = "success"
    FAILURE = "failure"
    RETRYABLE = "retryable failure"
    IGNORED = "ignored"


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
    """Return whether a reply is a success, asking the classifier once per reply."""
    outcome = reply.outcome
    if outcome is None:
        judge = request.context.classifier or classifier
        outcome = reply.outcome = judge(request, reply) is Outcome.SUCCESS
    return outcome
