"""Long messages that are sent in pieces."""

import pytest
import trio

from mesh_plugins.connections.outgoing import FULL_BYTES
from mesh_plugins.mux.outgoing import Cutting
from mesh_plugins.mux.wire import RDISPATCH, RPING, frame
from tests.plugins.connections.sending import Sends
from tests.plugins.mux.ends import End
from tests.waiting import settled


@pytest.fixture
def connection() -> Sends:
    return Sends()


@pytest.fixture
def outgoing(connection: Sends, nursery: trio.Nursery) -> Cutting:
    made = Cutting(connection, FULL_BYTES, trio.current_time)
    nursery.start_soon(made.run)
    return made


async def test_long_messages_are_cut_and_take_turns(connection: Sends, outgoing: Cutting) -> None:
    outgoing.window = 4
    outgoing.add(frame(RDISPATCH, 2, b"aaaabbbbcc"), 2)
    outgoing.add(frame(RDISPATCH, 3, b"ddddeeee"), 3)
    outgoing.add(frame(RDISPATCH, 4, b"f"), 4)
    outgoing.add(frame(RPING, 1))
    await settled()

    shown = End(connection)._reader.feed(b"".join(connection.sent))
    assert [(part[1] >> 7, part[3], part[4:]) for part in shown] == [
        (0, 4, b"f"),
        (0, 1, b""),
        (1, 2, b"aaaa"),
        (1, 3, b"dddd"),
        (1, 2, b"bbbb"),
        (0, 3, b"eeee"),
        (0, 2, b"cc"),
    ]
    assert outgoing.queued == 0


async def test_a_message_that_is_being_cut_can_be_given_up(connection: Sends, outgoing: Cutting) -> None:
    outgoing.window = 4
    connection.gate = trio.Event()
    outgoing.add(frame(RDISPATCH, 2, b"aaaabbbbcc"), 2)
    await settled()

    cuts = outgoing.cuts(2)
    outgoing.take_back(2)
    connection.gate.set()
    await settled()

    assert (cuts, outgoing.cuts(2), outgoing.queued) == (True, False, 0)
    assert b"bbbb" not in b"".join(connection.sent)


async def test_a_message_with_the_key_of_one_that_is_being_cut_is_sent_beside_it(
    connection: Sends, outgoing: Cutting
) -> None:
    outgoing.window = 4
    connection.gate = trio.Event()
    outgoing.add(frame(RDISPATCH, 2, b"aaaabbbb"), 2)
    await settled()
    outgoing.add(frame(RDISPATCH, 2, b"ccccdddd"), 2)

    held = outgoing.holds(2)
    connection.gate.set()
    await settled()

    assert (held, outgoing.queued) == (False, 0)
    assert [part in b"".join(connection.sent) for part in (b"aaaa", b"bbbb", b"cccc", b"dddd")] == [True] * 4
