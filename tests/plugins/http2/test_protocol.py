"""Both sides of HTTP/2, with either engine."""

import pytest
import trio

from mesh import HttpReply, HttpRequest, Life, Switch
from mesh.testing import memory_connections, request
from mesh_plugins.http2.protocol import new_session, serve
from mesh_plugins.http2.serving import Http2Serving
from tests.plugins.http2.calling import calling


@pytest.mark.parametrize("reference", [False, True])
async def test_both_sides_understand_each_other_with_either_engine(reference: bool) -> None:
    async def answer(asked: HttpRequest) -> HttpReply:
        return HttpReply(200, [(b"x-target", asked.target)], b"for " + (asked.body.buffered or b""))

    near, far = memory_connections()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve(Http2Serving(), reference=reference), far, Switch(answer), b"", None)
        session = new_session(calling(), reference=reference)(near, Life(nursery))
        replies = [await session(request("PUT", f"/{n}", headers={"host": "a"}, body=b"you")) for n in range(2)]
        session.close()

    assert [reply.body.buffered for reply in replies] == [b"for you"] * 2
