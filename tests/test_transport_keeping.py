"""Short messages that tasks send which were woken together: kept for a moment."""

import contextlib
import socket
from collections.abc import Callable, Iterator

import pytest
import trio

from mesh.transport import KEPT, SocketConnection
from tests.socketpairs import connected, drain, fill
from tests.waiting import settled

Answer = Callable[[SocketConnection], object]


@contextlib.contextmanager
def two() -> Iterator[list[tuple[SocketConnection, socket.socket]]]:
    """Return two connections with what is at their other ends."""
    with connected() as first, connected() as second:
        yield [first, second]


async def answered(pairs: list[tuple[SocketConnection, socket.socket]], answer: Answer) -> None:
    """Ask over all connections at once, and have each answered by a task of its own."""

    async def serve(connection: SocketConnection) -> None:
        await connection.receive_some()
        answer(connection)

    async with trio.open_nursery() as nursery:
        for connection, _peer in pairs:
            nursery.start_soon(serve, connection)
        await settled()
        for _connection, peer in pairs:
            peer.send(b"?")


async def test_what_tasks_send_that_were_woken_together_goes_a_moment_later() -> None:
    with two() as pairs:
        peers, seen = dict(pairs), []

        def answer(connection: SocketConnection) -> None:
            assert connection.send(b"answer") is None
            seen.append(drain(peers[connection]))

        await answered(pairs, answer)
        await settled()

        assert seen == [b"", b""]
        assert [drain(peer) for _connection, peer in pairs] == [b"answer"] * 2


async def test_what_a_task_sends_that_was_woken_alone_goes_at_once() -> None:
    with connected() as pair:
        seen: list[bytes] = []

        def answer(connection: SocketConnection) -> None:
            connection.send(b"answer")
            seen.append(drain(pair[1]))

        await answered([pair], answer)

        assert seen == [b"answer"]


@pytest.mark.parametrize("data", [bytes(KEPT + 1), bytearray(b"changes"), memoryview(b"of something")], ids=type)
async def test_what_is_long_or_may_change_is_not_kept(data: bytes | bytearray | memoryview) -> None:
    with two() as pairs:
        peers, seen = dict(pairs), []

        def answer(connection: SocketConnection) -> None:
            connection.send(data)
            seen.append(drain(peers[connection]))

        await answered(pairs, answer)

        assert seen == [bytes(data)] * 2


def _send_twice(connection: SocketConnection) -> None:
    connection.send(b"one, ")
    connection.send(b"two")


def _send_and_close(connection: SocketConnection) -> None:
    connection.send(b"one, two")
    connection.close()


def _send_and_end(connection: SocketConnection) -> None:
    connection.send(b"one, two")
    connection.shut_down_writing()


@pytest.mark.parametrize("answer", [_send_twice, _send_and_close, _send_and_end])
async def test_what_is_kept_goes_before_whatever_follows(answer: Answer) -> None:
    with two() as pairs:
        await answered(pairs, answer)
        await settled()

        assert [drain(peer) for _connection, peer in pairs] == [b"one, two"] * 2


async def test_what_is_kept_has_gone_when_all_was_sent() -> None:
    with two() as pairs:
        seen: list[bytes] = []

        async def serve(connection: SocketConnection, peer: socket.socket) -> None:
            await connection.receive_some()
            connection.send(b"kept, ")
            await connection.send_all(b"sent")
            seen.append(drain(peer))

        async with trio.open_nursery() as nursery:
            for pair in pairs:
                nursery.start_soon(serve, *pair)
            await settled()
            for _connection, peer in pairs:
                peer.send(b"?")

        assert seen == [b"kept, sent"] * 2


async def test_what_the_kernel_has_no_room_for_goes_when_it_has() -> None:
    with two() as pairs:
        for connection, _peer in pairs:
            await fill(connection)

        await answered(pairs, lambda connection: connection.send(b"the last"))
        await settled()
        last = []
        for _connection, peer in pairs:
            received = b""
            while piece := drain(peer):
                received += piece
                await settled()
            last.append(received[-8:])

        assert last == [b"the last"] * 2


async def test_a_reset_forgets_what_is_kept() -> None:
    with two() as pairs:

        def answer(connection: SocketConnection) -> None:
            connection.send(b"never")
            connection.abort()

        await answered(pairs, answer)

        assert [peer.recv(10) for _connection, peer in pairs] == [b"", b""]


async def test_whoever_reads_learns_that_what_was_kept_could_not_be_sent() -> None:
    with two() as pairs:

        def answer(connection: SocketConnection) -> None:
            for _connection, peer in pairs:
                peer.close()
            assert connection.send(b"anybody?") is None

        await answered(pairs, answer)
        await settled()

        for connection, _peer in pairs:
            assert (connection.hung_up, await connection.receive_some()) == (True, b"")
