"""Both sides of HTTP/1.1, with either engine."""

import pytest
import trio

from mesh import HttpReply, HttpRequest, Life, Limits, Switch
from mesh.testing import memory_connections, request
from mesh_plugins.http1.protocol import new_session, serve, serve_plainly
from mesh_plugins.http1.serving import Serving


@pytest.mark.parametrize("reference", [False, True])
async def test_both_sides_understand_each_other_with_either_engine(reference: bool) -> None:
    async def answer(asked: HttpRequest) -> HttpReply:
        return HttpReply(200, [(b"x-target", asked.target)], b"for " + (asked.body.buffered or b""))

    near, far = memory_connections()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve(Serving(), reference=reference), far, Switch(answer))
        session = new_session(Limits(), reference=reference)(near, Life(nursery))
        replies = [await session(request("PUT", f"/{n}", headers={"host": "a"}, body=b"you")) for n in range(2)]
        session.close()

    assert [reply.body.buffered for reply in replies] == [b"for you"] * 2


async def test_pages_are_served_without_settings() -> None:
    async def answer(_request: HttpRequest) -> HttpReply:
        return HttpReply(200, body=b"a page")

    near, far = memory_connections()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve_plainly(), far, Switch(answer))
        await near.send_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        found = await near.receive_some()

    assert found == b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 6\r\n\r\na page"
