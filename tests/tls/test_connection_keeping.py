"""Short messages over TLS that tasks send which were woken together: their records are kept for a moment."""

import contextlib
from collections.abc import AsyncIterator, Callable

import pytest
import trio

from mesh.tls import TlsConnection
from tests.tls.handshakes import Contexts, contexts, talking
from tests.waiting import settled

Answer = Callable[[TlsConnection], object]
Pairs = list[tuple[TlsConnection, TlsConnection]]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Contexts:
    return contexts(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
async def two(both: Contexts) -> AsyncIterator[Pairs]:
    """Return two servers' connections with their clients' ends, whom nobody has anything to tell any more."""
    async with contextlib.AsyncExitStack() as stack:
        pairs = [await stack.enter_async_context(talking(both)) for _ in range(2)]
        for server, client in pairs:
            await server.send_all(b"hello")
            await client.receive_some()
        yield pairs


async def answered(pairs: Pairs, answer: Answer) -> None:
    """Ask over all connections at once, and have each answered by a task of its own."""

    async def serve(server: TlsConnection) -> None:
        await server.receive_some()
        answer(server)

    async with trio.open_nursery() as nursery:
        for server, _client in pairs:
            nursery.start_soon(serve, server)
        await settled()
        for _server, client in pairs:
            await client.send_all(b"?")


async def test_what_tasks_send_that_were_woken_together_goes_a_moment_later(two: Pairs) -> None:
    clients, seen = dict(two), []

    def answer(server: TlsConnection) -> None:
        assert server.send(b"answer") is None
        seen.append(clients[server].receive_now())

    await answered(two, answer)

    assert seen == [None, None]
    assert [await client.receive_some() for _server, client in two] == [b"answer"] * 2


def _send_twice(server: TlsConnection) -> None:
    server.send(b"one, ")
    server.send(b"two")


def _send_and_close(server: TlsConnection) -> None:
    server.send(b"one, two")
    server.close()


def _send_and_end(server: TlsConnection) -> None:
    server.send(b"one, two")
    server.shut_down_writing()


@pytest.mark.parametrize("answer", [_send_twice, _send_and_close, _send_and_end])
async def test_what_is_kept_goes_before_whatever_follows(two: Pairs, answer: Answer) -> None:
    await answered(two, answer)
    await settled()

    assert [await client.receive_some() for _server, client in two] == [b"one, two"] * 2


@pytest.mark.parametrize("answer", [_send_and_close, _send_and_end])
async def test_the_farewell_follows_what_is_kept(two: Pairs, answer: Answer) -> None:
    await answered(two, answer)

    for _server, client in two:
        assert [await client.receive_some() for _ in range(2)] == [b"one, two", b""]
