import contextlib
import math
import socket
from collections.abc import Awaitable, Callable

import pytest
import trio
import trio.testing

from mesh import poller
from mesh.transport import SocketConnection
from tests.socketpairs import FILLER, connected, drain, fill
from tests.waiting import settled


async def test_a_hang_up_while_nobody_reads_is_told_once_whatever_follows() -> None:
    with connected() as (connection, peer):
        told: list[str] = []
        connection.on_hang_up = lambda: told.append("hung up")

        peer.shutdown(socket.SHUT_WR)
        await settled()
        await fill(connection)
        drain(peer)
        await settled()
        peer.close()
        await settled()

        assert told == ["hung up"]


async def test_a_hang_up_while_a_task_reads_is_for_the_reader_alone() -> None:
    with connected() as (connection, peer):
        told: list[str] = []
        connection.on_hang_up = lambda: told.append("hung up")

        async def read() -> None:
            await connection.receive_some()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(read)
            await settled()
            peer.close()
        await settled()

        assert (told, connection.hung_up) == ([], True)


async def test_bytes_before_a_hang_up_can_still_be_read() -> None:
    with connected() as (connection, peer):
        connection.on_hang_up = lambda: None
        peer.send(b"unread")
        peer.close()
        await settled()

        received = [await connection.receive_some(3) for _ in range(3)]

        assert received == [b"unr", b"ead", b""]


async def test_a_connection_may_close_itself_when_its_peer_hangs_up_while_a_task_sends() -> None:
    with connected() as (connection, peer):
        connection.on_hang_up = connection.close

        async def send() -> None:
            with pytest.raises(trio.ClosedResourceError):
                await connection.send_all(FILLER * 64)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(send)
            await settled()
            peer.shutdown(socket.SHUT_WR)


async def test_what_raises_when_a_peer_hangs_up_is_logged_and_harms_nobody_else(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with connected() as (broken, its_peer), connected() as (connection, peer):

        def raise_it() -> None:
            raise LookupError("a bug")

        broken.on_hang_up = raise_it
        its_peer.close()
        await settled()
        peer.send(b"well")

        assert await connection.receive_some() == b"well"
        assert "LookupError: a bug" in caplog.text


async def test_a_read_beyond_the_deadline_raises_and_the_connection_stays_usable(
    autojump_clock: trio.testing.MockClock,
) -> None:
    with connected() as (connection, peer):
        started = trio.current_time()
        connection.deadline = started + 5

        with pytest.raises(trio.TooSlowError):
            await connection.receive_some()

        assert trio.current_time() - started == pytest.approx(5, abs=0.01)
        connection.deadline = math.inf
        peer.send(b"late")
        assert await connection.receive_some() == b"late"


async def test_a_deadline_that_has_passed_raises_at_once(autojump_clock: trio.testing.MockClock) -> None:
    with connected() as (connection, _):
        connection.deadline = trio.current_time() - 1

        for _again in range(3):
            with pytest.raises(trio.TooSlowError):
                await connection.receive_some()

        assert trio.current_time() < 1


async def test_a_deadline_moved_during_a_wait_holds(autojump_clock: trio.testing.MockClock) -> None:
    with connected() as (connection, _):
        connection.deadline = trio.current_time() + 1
        async with trio.open_nursery() as nursery:

            async def read() -> None:
                with pytest.raises(trio.TooSlowError):
                    await connection.receive_some()

            nursery.start_soon(read)
            await settled()
            connection.deadline = trio.current_time() + 9

        assert trio.current_time() == pytest.approx(9, abs=0.01)


async def test_the_earliest_of_many_deadlines_comes_first(autojump_clock: trio.testing.MockClock) -> None:
    with connected() as (first, _), connected() as (second, _), connected() as (third, _):
        woken: list[float] = []

        async def read(connection: SocketConnection, seconds: float) -> None:
            connection.deadline = seconds
            with pytest.raises(trio.TooSlowError):
                await connection.receive_some()
            woken.append(round(trio.current_time()))

        async with trio.open_nursery() as nursery:
            for connection, seconds in ((first, 7), (second, 3), (third, 5)):
                nursery.start_soon(read, connection, seconds)

        assert woken == [3, 5, 7]


async def test_a_wait_to_send_ends_at_the_deadline(autojump_clock: trio.testing.MockClock) -> None:
    with connected() as (connection, _peer):
        await fill(connection)
        connection.deadline = trio.current_time() + 5

        with pytest.raises(trio.TooSlowError):
            await connection.send_all(FILLER)

        assert connection.deadline <= trio.current_time()


async def test_a_descriptor_that_is_used_again_knows_nothing_of_the_last_one() -> None:
    with connected() as (old, old_peer):
        old_peer.send(b"for the old")
        old_peer.shutdown(socket.SHUT_WR)
        number = old._fd
        old.close()
        with connected() as (new, new_peer):
            await settled()

            assert (new._fd, new.hung_up, new.is_quiet()) == (number, False, True)
            new_peer.send(b"for the new")
            assert await new.receive_some() == b"for the new"


def test_a_connection_may_be_closed_when_the_run_is_over() -> None:
    left: list[SocketConnection] = []
    with contextlib.ExitStack() as stack:

        async def leave_one() -> None:
            connection, _peer = stack.enter_context(connected())
            left.append(connection)

        trio.run(leave_one)

        left[0].close()


async def test_bytes_and_end_in_one_event_wake_a_reader_for_both() -> None:
    with connected() as (connection, peer):
        received: list[bytes] = []

        async def read() -> None:
            while piece := await connection.receive_some():
                received.append(piece)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(read)
            await settled()
            peer.send(b"last")
            peer.close()

        assert (received, connection.hung_up) == ([b"last"], True)


async def test_the_end_that_comes_after_a_short_read_is_seen() -> None:
    with connected() as (connection, peer):
        peer.send(b"last")
        first = await connection.receive_some()
        peer.close()
        await settled()

        assert (first, await connection.receive_some()) == (b"last", b"")


async def test_a_run_has_one_poller() -> None:
    assert poller.current() is poller.current()


def test_each_run_has_a_poller_of_its_own() -> None:
    async def current() -> poller.Poller:
        return poller.current()

    assert trio.run(current) is not trio.run(current)


async def test_a_descriptor_that_cannot_be_watched_is_not_known_afterwards() -> None:
    with connected() as (connection, _peer):
        here = poller.current()
        before = dict(here._waiters)
        with open("/dev/null", "rb") as file, pytest.raises(PermissionError):
            here.add(file.fileno(), connection)

        assert here._waiters == before


async def test_a_descriptor_that_is_not_watched_may_be_removed() -> None:
    poller.current().remove(987654)


async def test_failing_a_waiter_raises_in_both_its_tasks() -> None:
    with connected() as (connection, _peer):
        await fill(connection)
        raised: list[str] = []

        async def wait(use: Callable[[], Awaitable[object]]) -> None:
            try:
                await use()
            except LookupError as error:
                raised.append(str(error))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait, connection.receive_some)
            nursery.start_soon(wait, connection.wait_send_all_might_not_block)
            await settled()
            poller.fail(connection, LookupError("gone"))

        assert raised == ["gone", "gone"]


async def test_many_sockets_that_are_ready_at_once_are_all_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poller, "BATCH", 3)  # so that it takes several rounds
    with contextlib.ExitStack() as stack:
        pairs = [stack.enter_context(connected()) for _ in range(10)]
        received: list[bytes] = []

        async def read(connection: SocketConnection) -> None:
            received.append(await connection.receive_some())

        async with trio.open_nursery() as nursery:
            for connection, _peer in pairs:
                nursery.start_soon(read, connection)
            await settled()
            for number, (_connection, peer) in enumerate(pairs):
                peer.send(b"%d" % number)

        assert sorted(received) == [b"%d" % number for number in range(10)]
