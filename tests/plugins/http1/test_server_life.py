"""Connections of clients that are closed since they are too old."""

import trio
import trio.testing

from mesh import HttpReply, HttpRequest
from mesh_plugins.connections.ages import Ages
from mesh_plugins.http1.serving import Serving
from tests.plugins.http1.serving import GET, always, served


async def test_an_old_connection_ends_with_its_next_reply(autojump_clock: trio.testing.MockClock) -> None:
    async def slow(_request: HttpRequest) -> HttpReply:
        await trio.sleep(4)
        return HttpReply(200)

    async with served(slow, Serving(ages=Ages(10))) as client:
        first = await client.ask(GET)
        second = await client.ask(GET)
        third = await client.ask(GET)

        assert b"connection: close" not in (first + second).lower()
        assert b"connection: close" in third.lower()
        assert await client.everything() == b""


async def test_an_idle_connection_ends_at_its_age(autojump_clock: trio.testing.MockClock) -> None:
    started = trio.current_time()
    async with served(always(HttpReply(200)), Serving(ages=Ages(10))) as client:
        await client.ask(GET)

        rest = await client.everything()

    assert (rest, round(trio.current_time() - started)) == (b"", 10)
