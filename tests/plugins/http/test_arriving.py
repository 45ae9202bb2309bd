"""The first bytes of a connection."""

import pytest
import trio
import trio.testing

from mesh import HttpReply, HttpRequest, Switch
from mesh.testing import memory_connections
from mesh_plugins.http.arriving import PREFACE, Arrived, first_bytes


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
        arrived = await first_bytes(far, Switch(nobody), 10)

    assert arrived.is_http2
    assert arrived.data.startswith(PREFACE)


async def test_anything_else_is_http1() -> None:
    near, far = memory_connections()
    await near.send_all(b"PRI / HTTP/1.1\r\n")

    arrived = await first_bytes(far, Switch(nobody), 10)

    assert arrived == Arrived(b"PRI / HTTP/1.1\r\n", False)
