"""What waits to be sent."""

import math

import pytest
import trio
import trio.testing

from mesh_plugins.connections.outgoing import FULL_BYTES, Outgoing
from tests.plugins.connections.sending import Sends
from tests.waiting import settled

MOST = 4 * FULL_BYTES


@pytest.fixture
def connection() -> Sends:
    return Sends()


@pytest.fixture
def outgoing(connection: Sends, nursery: trio.Nursery) -> Outgoing:
    made = Outgoing(connection, MOST, trio.current_time)
    nursery.start_soon(made.run)
    return made


async def test_what_gathers_in_one_pass_goes_out_in_one_write(connection: Sends, outgoing: Outgoing) -> None:
    for frame in (b"2", b"3", b"4"):
        outgoing.add(frame)
    await settled()
    outgoing.add(b"5")
    await settled()

    assert connection.sent == [b"234", b"5"]
    assert (outgoing.queued, outgoing.since) == (0, math.inf)


async def test_what_is_not_sent_yet_can_be_taken_back(connection: Sends, outgoing: Outgoing) -> None:
    outgoing.add(b"one", 2)
    outgoing.add(b"two", 3)

    held = outgoing.holds(2)
    outgoing.take_back(2)
    await settled()

    assert (held, outgoing.holds(2), connection.sent, outgoing.queued) == (True, False, [b"two"], 0)


async def test_nothing_is_lost_if_a_key_comes_twice(connection: Sends, outgoing: Outgoing) -> None:
    outgoing.add(b"one", 2)
    outgoing.add(b"two", 2)
    await settled()

    assert b"".join(connection.sent) == b"onetwo"


async def test_those_who_add_are_told_when_it_is_too_much_and_when_there_is_room(
    connection: Sends, outgoing: Outgoing
) -> None:
    told: list[str] = []
    outgoing.on_full = lambda: told.append("full")
    outgoing.on_room = lambda: told.append("room")
    outgoing.on_excess = lambda: told.append("excess")
    connection.gate = trio.Event()

    outgoing.add(bytes(FULL_BYTES))
    outgoing.add(bytes(1))
    was_full = outgoing.is_full
    connection.gate.set()
    await settled()

    assert (told, was_full, outgoing.is_full) == (["full", "room"], True, False)


async def test_beyond_the_most_the_peer_is_given_up(connection: Sends, outgoing: Outgoing) -> None:
    told: list[str] = []
    outgoing.on_excess = lambda: told.append("excess")
    connection.gate = trio.Event()

    outgoing.add(bytes(MOST + 1))

    assert told == ["excess"]


async def test_it_ends_when_everything_is_sent(connection: Sends) -> None:
    outgoing = Outgoing(connection, MOST, trio.current_time)
    outgoing.add(b"last")

    outgoing.end()
    await outgoing.run()

    assert connection.sent == [b"last"]


async def test_one_that_waits_is_woken_to_end(connection: Sends) -> None:
    outgoing = Outgoing(connection, MOST, trio.current_time)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(outgoing.run)
        await settled()
        outgoing.end()

    assert connection.sent == []


async def test_each_write_is_told_of_once_nothing_of_it_is_held_any_more(outgoing: Outgoing) -> None:
    held: list[bool] = []
    outgoing.on_sent = lambda: held.append(outgoing.holds(2) or outgoing.holds(3))

    outgoing.add(b"two", 2)
    outgoing.add(b"three", 3)
    await trio.testing.wait_all_tasks_blocked()

    assert held == [False]
