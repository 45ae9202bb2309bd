"""What an HTTP reply means, or the error that came instead. Source: linkerd protocol/http, ResponseClassifiers.scala."""

from typing import Any

import attrs

from mesh import (
    AttemptTimeout,
    Classifier,
    HttpReply,
    HttpRequest,
    IdleTimeout,
    MeshError,
    Outcome,
    Reply,
    Request,
    UpstreamBroken,
    classify_errors,
)

READ = frozenset([b"GET", b"HEAD", b"OPTIONS", b"TRACE"])
IDEMPOTENT = READ | {b"PUT", b"DELETE"}
"""Methods that may be sent again without knowing whether the first time counted. Source: RFC 9110 section 9.2.2."""
ALL = IDEMPOTENT | {b"POST", b"PATCH"}
PASSING = (AttemptTimeout, IdleTimeout, UpstreamBroken)  # trouble with one endpoint that another may not have


@attrs.frozen
class NonRetryable5XXConfig:
    """Statuses of 500 and above are failures, none of which may be retried; the default."""


@attrs.frozen
class RetryableRead5XXConfig:
    """Statuses of 500 and above are failures, which may be retried if the method only reads."""


@attrs.frozen
class RetryableIdempotent5XXConfig:
    """Statuses of 500 and above are failures, which may be retried if the method is idempotent."""


@attrs.frozen
class RetryableAll5XXConfig:
    """Statuses of 500 and above are failures, which may be retried, whatever the method does."""


@attrs.frozen
class AllSuccessfulConfig:
    """Nothing is a failure."""


_SUCCESS = Outcome.SUCCESS  # most replies are one; looking the member up in its class takes 60 ns


def non_retryable_5xx(request: Request, result: Reply | MeshError) -> Outcome:
    """Call statuses below 500 a success."""
    if isinstance(result, HttpReply):
        return _SUCCESS if result.status < 500 else Outcome.FAILURE
    return classify_errors(request, result) if isinstance(result, MeshError) else Outcome.FAILURE


def all_successful(request: Request, result: Reply | MeshError) -> Outcome:
    """Call every reply a success. An error is nobody's failure, but no success either."""
    return Outcome.IGNORED if isinstance(result, MeshError) else Outcome.SUCCESS


def retryable(methods: frozenset[bytes]) -> Classifier:
    """Return a classifier that calls statuses below 500 a success, and what another endpoint may do better retryable.

    For requests with one of `methods` that is every other status, an attempt that took too long, and a connection that
    broke; for all requests what was certainly not begun.
    """

    def classify(request: Request, result: Reply | MeshError) -> Outcome:
        if isinstance(result, HttpReply):
            if result.status < 500:
                return _SUCCESS
            outcome = Outcome.FAILURE
        elif isinstance(result, MeshError):
            outcome = classify_errors(request, result)
            if not isinstance(result, PASSING):
                return outcome
        else:
            return Outcome.FAILURE
        return Outcome.RETRYABLE if isinstance(request, HttpRequest) and request.method in methods else outcome

    return classify


RETRYABLE_READ = retryable(READ)
RETRYABLE_IDEMPOTENT = retryable(IDEMPOTENT)
RETRYABLE_ALL = retryable(ALL)


def make_non_retryable_5xx(_config: Any) -> Classifier:
    """Return the classifier of `io.l5d.http.nonRetryable5XX`."""
    return non_retryable_5xx


def make_retryable_read_5xx(_config: Any) -> Classifier:
    """Return the classifier of `io.l5d.http.retryableRead5XX`."""
    return RETRYABLE_READ


def make_retryable_idempotent_5xx(_config: Any) -> Classifier:
    """Return the classifier of `io.l5d.http.retryableIdempotent5XX`."""
    return RETRYABLE_IDEMPOTENT


def make_retryable_all_5xx(_config: Any) -> Classifier:
    """Return the classifier of `io.l5d.http.retryableAll5XX`."""
    return RETRYABLE_ALL


def make_all_successful(_config: Any) -> Classifier:
    """Return the classifier of `io.l5d.http.allSuccessful`."""
    return all_successful
