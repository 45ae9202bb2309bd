"""What a stream's head lets come."""

import pytest

from mesh_plugins.http2.engine import ReplyHead
from mesh_plugins.http2.plain_stream import PlainStream


@pytest.mark.parametrize(
    ("status", "size", "to_head", "lengths", "expected"),
    [
        (200, None, False, [5, 5], [True, True]),
        (200, 10, False, [5, 5], [True, True]),
        (200, 10, False, [5, 6], [True, False]),
        (200, 10, False, [5, 4], [True, False]),
        (200, 10, True, [0], [True]),
        (204, None, False, [1], [False]),
        (304, 10, False, [0], [True]),
        (103, 10, False, [5], [True]),
    ],
)
def test_a_body_has_the_length_that_its_head_announced(
    status: int, size: int | None, to_head: bool, lengths: list[int], expected: list[bool]
) -> None:
    stream = PlainStream(to_head=to_head)

    stream.announce(ReplyHead(status, [], size, False))

    last = len(lengths) - 1
    assert [stream.fits(length, ends=at == last) for at, length in enumerate(lengths)] == expected
