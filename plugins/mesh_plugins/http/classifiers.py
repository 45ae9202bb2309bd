"""What an HTTP reply means. Source: linkerd protocol/http, ResponseClassifiers.scala."""

import attrs

from mesh import HttpReply, MeshError, Outcome, Reply, Request, classify_errors


@attrs.frozen
class NonRetryable5XXConfig:
    """Statuses of 500 and above are failures, none of which may be retried; the default."""


def non_retryable_5xx(request: Request, result: Reply | MeshError) -> Outcome:
    """Call statuses below 500 a success."""
    if isinstance(result, MeshError):
        return classify_errors(request, result)
    return Outcome.SUCCESS if isinstance(result, HttpReply) and result.status < 500 else Outcome.FAILURE


def make_non_retryable_5xx(_config: NonRetryable5XXConfig) -> object:
    """Return the classifier of `io.l5d.http.nonRetryable5XX`."""
    return non_retryable_5xx
