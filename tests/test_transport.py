import math
import os
import socket

import pytest
import trio
import trio.testing

from mesh.transport import BURST, STREAK
from tests.socketpairs import FILLER, connected, drain, fill
from tests.waiting import settled


async def test_what_came_before_the_read_is_returned() -> None:
    with connected() as (connection, peer):
        peer.send(b"hello")

        received = await connection.receive_some()

        assert received == b"hello"


async def test_a_read_waits_for_bytes() -> None:
    with connected() as (connection, peer):
        async with trio.open_nursery() as nursery:
            received: list[bytes] = []

            async def read() -> None:
                received.append(await connection.receive_some())

            nursery.start_soon(read)
            await settled()
            peer.send(b"late")

        assert received == [b"late"]


async def test_a_short_read_is_followed_by_the_end_and_ever_after() -> None:
    with connected() as (connection, peer):
        peer.send(b"last")
        peer.close()

        received = [await connection.receive_some() for _ in range(4)]

        assert received == [b"last", b"", b"", b""]


async def test_a_read_that_is_filled_exactly_is_followed_by_a_wait(autojump_clock: trio.testing.MockClock) -> None:
    with connected() as (connection, peer):
        peer.send(b"four")
        await connection.receive_some(4)
        connection.deadline = trio.current_time() + 1

        with pytest.raises(trio.TooSlowError):
            await connection.receive_some(4)

        connection.deadline = math.inf
        peer.send(b"more")
        assert await connection.receive_some(4) == b"more"


async def test_bytes_beyond_the_limit_stay_for_the_next_read() -> None:
    with connected() as (connection, peer):
        peer.send(b"abcdefg")

        received = [await connection.receive_some(3) for _ in range(3)]

        assert received == [b"abc", b"def", b"g"]


async def test_cancelling_a_read_loses_nothing() -> None:
    with connected() as (connection, peer):
        with trio.move_on_after(0):
            await connection.receive_some()
        peer.send(b"kept")

        assert await connection.receive_some() == b"kept"


async def test_cancelling_a_read_of_what_is_there_loses_nothing() -> None:
    with connected() as (connection, peer):
        peer.send(bytes(STREAK))
        await settled()
        with trio.CancelScope() as scope:
            scope.cancel()
            for _ in range(STREAK):
                await connection.receive_some(1)

        assert len(await connection.receive_some()) == 1


async def test_a_second_reader_is_refused_and_the_first_goes_on() -> None:
    with connected() as (connection, peer):
        received: list[bytes] = []

        async def read() -> None:
            received.append(await connection.receive_some())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(read)
            await settled()
            with pytest.raises(trio.BusyResourceError):
                await connection.receive_some()
            peer.send(b"for the first")

        assert received == [b"for the first"]


async def test_a_second_reader_is_refused_while_the_first_waits_again_after_a_filled_read() -> None:
    with connected() as (connection, peer):
        peer.send(b"four")
        await connection.receive_some(4)

        async def read() -> None:
            await connection.receive_some()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(read)
            await settled()
            with pytest.raises(trio.BusyResourceError):
                await connection.receive_some()
            peer.send(b"end")


async def test_reads_that_need_not_wait_give_way_now_and_then() -> None:
    with connected() as (connection, peer):
        peer.send(bytes(4 * STREAK))
        await connection.receive_some(1)
        async with trio.open_nursery() as nursery:
            others = trio.Event()

            async def other() -> None:
                others.set()

            nursery.start_soon(other)
            for _ in range(STREAK - 1):
                await connection.receive_some(1)
            before = others.is_set()
            for _ in range(STREAK + 1):  # two turns, since tasks that are ready run in any order
                await connection.receive_some(1)

            assert (before, others.is_set()) == (False, True)


async def test_a_connection_is_quiet_until_something_comes() -> None:
    with connected() as (connection, peer):
        await settled()
        before = connection.is_quiet()
        peer.send(b"!")
        await settled()

        assert (before, connection.is_quiet()) == (True, False)


async def test_a_read_that_was_filled_leaves_the_connection_quiet() -> None:
    with connected() as (connection, peer):
        peer.send(b"four")
        await connection.receive_some(4)

        assert connection.is_quiet()


async def test_an_event_for_bytes_that_were_read_already_leaves_the_connection_quiet() -> None:
    with connected() as (connection, peer):
        await settled()
        peer.send(b"a reply in ")
        await settled()
        peer.send(b"two segments")  # whose event comes when the bytes are gone
        await connection.receive_some()
        await settled()

        assert connection.is_quiet()


async def test_a_connection_that_hung_up_or_was_closed_is_not_quiet() -> None:
    with connected() as (hung_up, peer), connected() as (closed, _):
        peer.close()
        await settled()
        closed.close()

        assert (hung_up.is_quiet(), closed.is_quiet()) == (False, False)


async def test_what_is_more_than_the_kernel_takes_is_sent_as_the_peer_reads() -> None:
    with connected() as (connection, peer):
        content = os.urandom(1 << 16) * 48
        received = bytearray()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(connection.send_all, content)
            while len(received) < len(content):
                await settled()
                received += drain(peer)

        assert bytes(received) == content


async def test_what_the_kernel_takes_at_once_leaves_nothing_to_wait_for() -> None:
    with connected() as (connection, peer):
        rest = connection.send(b"small")

        assert (rest, drain(peer)) == (None, b"small")


async def test_a_second_writer_is_refused_before_any_of_its_bytes_are_sent() -> None:
    with connected() as (connection, peer):
        async with trio.open_nursery() as nursery:
            content = FILLER * 16
            nursery.start_soon(connection.send_all, content)
            await settled()
            received = drain(peer)  # so that there is room for the second
            with pytest.raises(trio.BusyResourceError):
                await connection.send_all(b"!")
            while len(received) < len(content):
                await settled()
                received += drain(peer)

        assert received == content


async def test_sending_gives_way_after_a_burst_however_small_the_pieces() -> None:
    with connected() as (connection, peer):
        async with trio.open_nursery() as nursery:
            others = trio.Event()

            async def other() -> None:
                others.set()

            nursery.start_soon(other)
            for _ in range(BURST // 4096 - 1):
                await connection.send_all(bytes(4096))
                drain(peer)
            before = others.is_set()
            for _ in range(BURST // 4096 + 1):  # two turns, since tasks that are ready run in any order
                await connection.send_all(bytes(4096))
                drain(peer)

            assert (before, others.is_set()) == (False, True)


async def test_sending_to_a_peer_that_closed_raises_and_names_it() -> None:
    with connected() as (connection, peer):
        peer.close()

        with pytest.raises(trio.BrokenResourceError, match="the peer"):
            await connection.send_all(b"anybody?")

        assert not connection.is_quiet()


async def test_a_wait_for_room_ends_at_once_if_there_is_room() -> None:
    with connected() as (connection, _):
        await settled()

        with trio.fail_after(1):
            await connection.wait_send_all_might_not_block()


async def test_a_wait_for_room_ends_when_the_peer_has_read() -> None:
    with connected() as (connection, peer):
        await fill(connection)
        ended = trio.Event()

        async def wait() -> None:
            await connection.wait_send_all_might_not_block()
            ended.set()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            await settled()
            before = ended.is_set()
            drain(peer)

        assert (before, ended.is_set()) == (False, True)


async def test_the_peer_sees_that_nothing_more_will_come_and_can_still_answer() -> None:
    with connected() as (connection, peer):
        connection.shut_down_writing()
        peer.send(b"answer")

        assert (peer.recv(10), await connection.receive_some()) == (b"", b"answer")


async def test_closing_wakes_the_reader_and_the_writer() -> None:
    with connected() as (connection, _peer):
        await fill(connection)
        async with trio.open_nursery() as nursery:

            async def read() -> None:
                with pytest.raises(trio.ClosedResourceError):
                    await connection.receive_some()

            async def write() -> None:
                with pytest.raises(trio.ClosedResourceError):
                    await connection.send_all(b"!")

            nursery.start_soon(read)
            nursery.start_soon(write)
            await settled()
            connection.close()


async def test_closing_between_the_wake_up_and_the_read_raises_in_the_reader() -> None:
    with connected() as (connection, peer):
        peer.send(b"!")
        await settled()
        connection.close()

        with pytest.raises(trio.ClosedResourceError):
            await connection.receive_some()


async def test_a_closed_connection_refuses_every_use_and_may_be_closed_again() -> None:
    with connected() as (connection, _):
        connection.close()
        await connection.aclose()
        connection.abort()
        connection.shut_down_writing()

        with pytest.raises(trio.ClosedResourceError):
            await connection.receive_some()
        with pytest.raises(trio.ClosedResourceError):
            await connection.send_all(b"!")
        with pytest.raises(trio.ClosedResourceError):
            await connection.wait_send_all_might_not_block()


async def test_what_is_looked_at_stays_for_the_next_read() -> None:
    with connected() as (connection, peer):
        peer.send(b"hello")

        looks = [await connection.peek(0), await connection.peek(4, 5)]

        assert looks == [b"hello", b"hello"]
        assert await connection.receive_some() == b"hello"


async def test_a_look_waits_for_more_than_was_seen_before() -> None:
    with connected() as (connection, peer):
        peer.send(b"hel")
        seen = await connection.peek(0)
        async with trio.open_nursery() as nursery:
            looks: list[bytes] = []

            async def look() -> None:
                looks.append(await connection.peek(len(seen)))

            nursery.start_soon(look)
            await settled()
            assert looks == []

            peer.send(b"lo")

        assert looks == [b"hello"]


@pytest.mark.parametrize("seen", [b"", b"hel"])
async def test_a_look_ends_when_the_peer_sends_no_more(seen: bytes) -> None:
    with connected() as (connection, peer):
        peer.send(seen)
        peer.shutdown(socket.SHUT_WR)

        assert await connection.peek(len(seen)) == seen


async def test_a_look_keeps_the_deadline() -> None:
    with connected() as (connection, _peer):
        connection.deadline = trio.current_time() - 1

        with pytest.raises(trio.TooSlowError):
            await connection.peek(0)


async def test_what_is_there_is_received_and_sent_without_waiting() -> None:
    with connected() as (connection, peer):
        nothing = connection.receive_now()
        peer.send(b"hello")

        received, sent = connection.receive_now(), connection.send_now(b"hi")

        assert (nothing, received, sent, peer.recv(9)) == (None, b"hello", 2, b"hi")


async def test_nothing_is_sent_now_once_the_peer_is_gone() -> None:
    with connected() as (connection, peer):
        peer.close()

        assert connection.send_now(b"hi") == 0
