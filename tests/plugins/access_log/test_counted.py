"""Bodies whose bytes are counted."""

import pytest

from mesh import Buffered, UpstreamBroken
from mesh.testing import Trickle
from mesh_plugins.access_log.counted import Counted


async def test_what_is_received_is_counted() -> None:
    body = Counted(Buffered(b"hello"))

    pieces = [await body.receive(), await body.receive()]

    assert pieces == [b"hello", b""]
    assert (body.count, body.is_done, body.size, body.buffered, body.trailers) == (5, True, 5, b"hello", [])


async def test_a_body_that_broke_says_why() -> None:
    body = Counted(Trickle(error=UpstreamBroken("gone")))

    with pytest.raises(UpstreamBroken):
        await body.receive()

    assert (body.count, body.is_done, body.broke, str(body.error)) == (0, False, True, "gone")
