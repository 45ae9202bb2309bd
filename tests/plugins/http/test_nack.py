"""What says "not processed" in HTTP."""

import pytest

from mesh import Fields, HttpReply
from mesh_plugins.http.nack import is_nack


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
