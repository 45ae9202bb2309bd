"""The first bytes of a connection."""

import pytest
import trio
import trio.testing

from mesh import HttpReply, HttpRequest, Switch
from mesh.testing import memory_connections
from mesh_plugins.http.arriving import PREFACE, Arrived, Arriving


async def nobody(_request: HttpRequest) -> HttpReply:
    raise AssertionError


@pytest.mark.parametrize("cut", [1, 5, len(PREFACE)])
async def test_the_preface_tells_http2_however_it_is_cut(cut: int) -> None:
    near, far = memory_connections()
    async with trio.open_nursery() as nursery:

        async def send() -> None:
            await near.send_all(PREFACE[:cut])
            await trio.testing.wait_all_tasks_blocked()
            await near.send_all(PREFACE[cut:] + b"more")

        nursery.start_soon(send)
        arrived = await Arriving(far, Switch(nobody), 10).first_bytes()

    assert arrived.is_http2
    assert arrived.data.startswith(PREFACE)


async def test_anything_else_is_http1() -> None:
    near, far = memory_connections()
    await near.send_all(b"PRI / HTTP/1.1\r\n")

    arrived = await Arriving(far, Switch(nobody), 10).first_bytes()

    assert arrived == Arrived(b"PRI / HTTP/1.1\r\n", False)


async def test_a_silent_connection_is_closed(autojump_clock: trio.testing.MockClock) -> None:
    near, far = memory_connections()
    switch = Switch(nobody)

    arrived = await Arriving(far, switch, 10).first_bytes()

    assert arrived == Arrived()
    assert await near.receive_some() == b""
    assert switch.connections == set()


async def test_a_connection_that_has_said_nothing_may_be_hurried(nursery: trio.Nursery) -> None:
    near, far = memory_connections()
    arriving = Arriving(far, Switch(nobody), 10)

    arriving.drain()

    assert far.deadline <= trio.current_time() + 1
    assert arriving.leaves(nobody)
    near.close()
