"""What an HTTP reply means."""

import pytest

from mesh import ClientGone, ConnectFailed, HttpReply, HttpRequest, MeshError, Outcome, UpstreamBroken
from mesh_plugins.http.classifiers import non_retryable_5xx


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
    assert non_retryable_5xx(HttpRequest(b"GET", b"/", []), result) is expected
