"""A connection whose first bytes tell what it speaks."""

import pytest
import trio
import trio.testing

from mesh import HttpReply, HttpRequest, Switch
from mesh.testing import memory_connections
from mesh_plugins.connections.arriving import Arriving


async def nobody(_request: HttpRequest) -> HttpReply:
    raise AssertionError


def is_word(data: bytes) -> bool:
    return len(data) >= 4


@pytest.mark.parametrize("said", [b"word and more", b"wor"])
async def test_what_came_is_returned_once_it_is_clear_or_was_all(said: bytes) -> None:
    near, far = memory_connections()
    await near.send_all(said)
    near.close()

    assert await Arriving(far, Switch(nobody), 10).first_bytes(is_word) == said


async def test_a_silent_connection_is_closed(autojump_clock: trio.testing.MockClock) -> None:
    near, far = memory_connections()
    switch = Switch(nobody)
    arriving = Arriving(far, switch, 10)

    arrived = await arriving.first_bytes(is_word)

    assert (arrived, arriving.is_idle, await near.receive_some(), switch.connections) == (b"", True, b"", set())


async def test_a_connection_that_stops_halfway_is_closed_sooner(autojump_clock: trio.testing.MockClock) -> None:
    near, far = memory_connections()
    arriving, begun = Arriving(far, Switch(nobody), 100, 5), trio.current_time()
    await near.send_all(b"wo")

    arrived = await arriving.first_bytes(is_word)

    assert (arrived, arriving.is_idle, trio.current_time() - begun) == (b"", False, 5)


async def test_a_connection_that_has_said_nothing_may_be_hurried(nursery: trio.Nursery) -> None:
    near, far = memory_connections()
    arriving = Arriving(far, Switch(nobody), 10)

    arriving.drain()

    assert far.deadline <= trio.current_time() + 1
    assert arriving.leaves(nobody)
    near.close()
