"""WebSockets through a running proxy, with a library at either end that was not written for it."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
import trio
import websockets.sync.client
import websockets.sync.server
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Data

from tests.proxies import Keys, proxy, stack

SECONDS = 60.0


@contextlib.contextmanager
def echo_server() -> Iterator[int]:
    """Run a WebSocket server in a thread, which sends every message back; return its port."""

    def echo(connection: websockets.sync.server.ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            for message in connection:
                connection.send(message)

    sock = socket.create_server(("127.0.0.1", 0))
    with websockets.sync.server.serve(echo, sock=sock, compression=None) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield sock.getsockname()[1]
        finally:
            server.shutdown()
            thread.join()


def talk(port: int, *messages: str | bytes) -> list[Data]:
    """Send the messages over a connection of their own, and return what comes back for each."""
    url = f"ws://127.0.0.1:{port}/chat"
    with websockets.sync.client.connect(url, open_timeout=SECONDS, proxy=None) as client:
        answers = []
        for message in messages:
            client.send(message)
            answers.append(client.recv(timeout=SECONDS))
    return answers


async def through(call: Callable[[int], object], server: Keys | None = None) -> None:
    """Call a function in a thread, with the port of a proxy in front of the echo server."""
    with echo_server() as port:
        async with proxy(stack(port, server=server)) as running:
            await trio.to_thread.run_sync(call, running.ports[0])


async def test_messages_of_every_size_come_back() -> None:
    messages: list[str | bytes] = ["hello", b"\x00\xff", "", b"x" * 1_000_000, "end"]
    answers: list[Data] = []

    await through(lambda port: answers.extend(talk(port, *messages)))

    assert answers == messages


async def test_how_a_client_says_goodbye_reaches_the_server_and_comes_back() -> None:
    closed = []

    def leave(port: int) -> None:
        with websockets.sync.client.connect(f"ws://127.0.0.1:{port}/", open_timeout=SECONDS, proxy=None) as client:
            assert client.ping().wait(SECONDS)
            client.close(4001, "done here")
        closed.append((client.close_code, client.close_reason))

    await through(leave)

    assert closed == [(4001, "done here")]


async def test_many_clients_talk_at_once() -> None:
    answers: dict[int, list[Data]] = {}

    with echo_server() as port:
        async with proxy(stack(port)) as running, trio.open_nursery() as nursery:

            async def one(number: int) -> None:
                said = [f"{number}-{count}" for count in range(20)]
                answers[number] = await trio.to_thread.run_sync(lambda: talk(running.ports[0], *said))

            for number in range(16):
                nursery.start_soon(one, number)

    assert answers == {number: [f"{number}-{count}" for count in range(20)] for number in range(16)}


@pytest.mark.parametrize("server", [{"profile": "edge"}, {"upgrades": []}, {"upgrades": ["mqtt"]}])
async def test_where_they_are_not_allowed_the_endpoint_sees_an_ordinary_request(server: Keys) -> None:
    def refused(port: int) -> None:
        with pytest.raises(InvalidStatus) as caught:
            talk(port)
        assert caught.value.response.status_code == 426

    await through(refused, server)


async def test_an_edge_that_lists_them_passes_them() -> None:
    answers: list[Data] = []

    await through(lambda port: answers.extend(talk(port, "hello")), {"profile": "edge", "upgrades": ["WebSocket"]})

    assert answers == ["hello"]
