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
        received = [await read_all(peer) for _connection, peer in pairs]

        assert [text[-8:] for text in received] == [b"the last"] * 2


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


async def test_whoever_waits_for_bytes_learns_that_what_was_kept_could_not_be_sent() -> None:
    with two() as pairs:
        received: list[bytes] = []

        async def serve(connection: SocketConnection) -> None:
            await connection.receive_some()
            for _connection, peer in pairs:
                peer.close()
            connection.send(b"anybody?")
            received.append(await connection.receive_some())

        async with trio.open_nursery() as nursery:
            for connection, _peer in pairs:
                nursery.start_soon(serve, connection)
            await settled()
            for _connection, peer in pairs:
                peer.send(b"?")

        assert received == [b"", b""]


async def test_a_peer_that_has_gone_before_what_was_kept_has_hung_up() -> None:
    with two() as pairs:
        peers = dict(pairs)
        told: list[str] = []

        def answer(connection: SocketConnection) -> None:
            peers[connection].close()
            connection.send(b"anybody?")

        for connection in peers:
            connection.on_hang_up = lambda: told.append("hung up")
        await answered(pairs, answer)
        await settled()

        assert told == ["hung up"] * 2


class Taker(SocketConnection):
    """A connection over the socket of another."""

    def __init__(self, below: SocketConnection) -> None:
        self.take_over(below)


@pytest.mark.parametrize("is_full", [False, True], ids=["with room", "without room"])
async def test_whoever_takes_a_socket_over_sends_what_was_kept_once(is_full: bool) -> None:
    with two() as pairs:
        takers: list[Taker] = []

        def answer(connection: SocketConnection) -> None:
            connection.send(b"kept")
            takers.append(Taker(connection))

        if is_full:
            for connection, _peer in pairs:
                await fill(connection)
        await answered(pairs, answer)
        received = [await read_all(peer) for _connection, peer in pairs]
        for taker in takers:
            taker.close()

        assert [text.lstrip(b"\0") for text in received] == [b"kept"] * 2


@pytest.mark.parametrize(("is_full", "found"), [(False, (b"kept, sent", 4)), (True, (b"kept, ", 0))])
async def test_what_goes_without_waiting_goes_after_what_is_kept(is_full: bool, found: tuple[bytes, int]) -> None:
    with two() as pairs:
        sent: list[int] = []

        def answer(connection: SocketConnection) -> None:
            connection.send(b"kept, ")
            sent.append(connection.send_now(b"sent"))

        if is_full:
            for connection, _peer in pairs:
                await fill(connection)
        await answered(pairs, answer)
        received = [await read_all(peer) for _connection, peer in pairs]

        assert [(text.lstrip(b"\0"), count) for text, count in zip(received, sent, strict=True)] == [found] * 2


async def test_whoever_waits_for_room_holds_up_nothing_that_is_kept() -> None:
    with two() as pairs:
        for connection, _peer in pairs:
            await fill(connection)
        await answered(pairs, lambda connection: connection.send(b"kept"))

        async with trio.open_nursery() as nursery:
            for connection, _peer in pairs:
                nursery.start_soon(connection.wait_send_all_might_not_block)
            await settled()
            received = [await read_all(peer) for _connection, peer in pairs]

        assert [text[-4:] for text in received] == [b"kept"] * 2


async def read_all(peer: socket.socket) -> bytes:
    """Read until nothing more comes."""
    pieces = []
    while piece := drain(peer):
        pieces.append(piece)
        await settled()
    return b"".join(pieces)
