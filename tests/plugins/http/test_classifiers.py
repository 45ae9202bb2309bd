"""What an HTTP reply means."""

import pytest

from mesh import (
    AttemptTimeout,
    BindingTimeout,
    Classifier,
    ClientGone,
    ConnectFailed,
    DeadlineExceeded,
    HttpReply,
    HttpRequest,
    IdleTimeout,
    LocalProtocolError,
    MeshError,
    Outcome,
    Overloaded,
    Reply,
    Request,
    TotalTimeout,
    Unroutable,
    UpstreamBroken,
    UpstreamProtocolError,
)
from mesh_plugins.http.classifiers import (
    ALL,
    IDEMPOTENT,
    READ,
    RETRYABLE_ALL,
    RETRYABLE_IDEMPOTENT,
    RETRYABLE_READ,
    all_successful,
    non_retryable_5xx,
)

METHODS = (b"CONNECT", b"DELETE", b"GET", b"HEAD", b"PATCH", b"POST", b"PUT", b"OPTIONS", b"TRACE", b"get")
GET = HttpRequest(b"GET", b"/", [])
POST = HttpRequest(b"POST", b"/", [])


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (HttpReply(200), Outcome.SUCCESS),
        (HttpReply(404), Outcome.SUCCESS),
        (HttpReply(499), Outcome.SUCCESS),
        (HttpReply(500), Outcome.FAILURE),
        (HttpReply(999), Outcome.FAILURE),
        (UpstreamBroken("x"), Outcome.FAILURE),
        (ConnectFailed("x"), Outcome.RETRYABLE),
        (ClientGone("x"), Outcome.IGNORED),
    ],
    ids=str,
)
def test_statuses_from_500_on_are_failures(result: HttpReply | MeshError, expected: Outcome) -> None:
    assert non_retryable_5xx(GET, result) is expected


@pytest.mark.parametrize(
    ("methods", "classify"), [(READ, RETRYABLE_READ), (IDEMPOTENT, RETRYABLE_IDEMPOTENT), (ALL, RETRYABLE_ALL)]
)
def test_statuses_from_500_on_may_be_retried_for_some_methods(methods: frozenset[bytes], classify: Classifier) -> None:
    asked = {method: HttpRequest(method, b"/", []) for method in METHODS}

    outcomes = {
        method: {classify(request, HttpReply(status)) for status in (500, 503, 599)}
        for method, request in asked.items()
    }

    assert {method for method, outcome in outcomes.items() if outcome == {Outcome.RETRYABLE}} == methods
    assert {method for method, outcome in outcomes.items() if outcome == {Outcome.FAILURE}} == set(METHODS) - methods


@pytest.mark.parametrize("status", [100, 200, 301, 404, 499])
def test_statuses_below_500_are_successes_for_every_method(status: int) -> None:
    assert {RETRYABLE_ALL(HttpRequest(method, b"/", []), HttpReply(status)) for method in METHODS} == {Outcome.SUCCESS}


@pytest.mark.parametrize(
    ("error", "for_get", "for_post"),
    [
        (AttemptTimeout("x"), Outcome.RETRYABLE, Outcome.FAILURE),
        (IdleTimeout("x"), Outcome.RETRYABLE, Outcome.FAILURE),
        (UpstreamBroken("x", reply_begun=True), Outcome.RETRYABLE, Outcome.FAILURE),
        (UpstreamProtocolError("x"), Outcome.RETRYABLE, Outcome.FAILURE),
        (UpstreamBroken("x", retryable=True), Outcome.RETRYABLE, Outcome.RETRYABLE),
        (ConnectFailed("x"), Outcome.RETRYABLE, Outcome.RETRYABLE),
        (TotalTimeout("x"), Outcome.FAILURE, Outcome.FAILURE),
        (DeadlineExceeded("x"), Outcome.FAILURE, Outcome.FAILURE),
        (BindingTimeout("x"), Outcome.FAILURE, Outcome.FAILURE),
        (Unroutable("x"), Outcome.FAILURE, Outcome.FAILURE),
        (LocalProtocolError("x"), Outcome.FAILURE, Outcome.FAILURE),
        (ClientGone("x"), Outcome.IGNORED, Outcome.IGNORED),
        (Overloaded("x"), Outcome.IGNORED, Outcome.IGNORED),
    ],
    ids=lambda value: type(value).__name__,
)
def test_errors_that_another_endpoint_may_not_have_are_retried_for_these_methods(
    error: MeshError, for_get: Outcome, for_post: Outcome
) -> None:
    assert (RETRYABLE_READ(GET, error), RETRYABLE_READ(POST, error)) == (for_get, for_post)


def test_what_is_no_http_reply_is_a_failure() -> None:
    assert RETRYABLE_ALL(Request(), Reply()) is Outcome.FAILURE


@pytest.mark.parametrize(
    ("result", "expected"), [(HttpReply(599), Outcome.SUCCESS), (ConnectFailed("x"), Outcome.IGNORED)], ids=str
)
def test_nothing_is_a_failure_if_all_is_successful(result: HttpReply | MeshError, expected: Outcome) -> None:
    assert all_successful(GET, result) is expected
