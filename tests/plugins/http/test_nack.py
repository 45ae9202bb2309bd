"""What says "not processed" in HTTP."""

import pytest

from mesh import Fields, HttpReply
from mesh_plugins.http.nack import is_nack, is_unprocessed


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        (503, [(b"finagle-http-nack", b"true")], True),
        (503, [(b"retry-after", b"0")], False),
        (503, [], False),
        (200, [(b"finagle-http-nack", b"true")], False),
    ],
    ids=["nack", "retry-after alone", "plain 503", "not 503"],
)
def test_only_a_503_with_finagles_field_is_a_nack(status: int, headers: Fields, expected: bool) -> None:
    assert is_nack(HttpReply(status, headers)) is expected


@pytest.mark.parametrize(
    ("headers", "expected"),
    [([(b"l5d-retryable", b"true")], True), ([(b"l5d-retryable", b"false")], False), ([], False)],
)
def test_a_reply_may_say_that_its_request_was_not_processed(headers: Fields, expected: bool) -> None:
    assert is_unprocessed(HttpReply(500, headers)) is expected
