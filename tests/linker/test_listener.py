"""Accepting connections, over the loopback interface."""

import errno
import logging
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from mesh.codec import Serve, Switch
from mesh.errors import ClientGone, RemoteProtocolError
from mesh.linker import listener as listeners
from mesh.linker.listener import Listener, ListenError, open_socket, show
from mesh.linker.room import Room
from mesh.metrics import Metrics, flat
from mesh.settings import SocketOptions
from mesh.testing import Scripted
from mesh.transport import Connection, NewConnection, plain_connection

LOCAL = "127.0.0.1"
SECONDS = 60.0  # that anything may take before a test gives up


def new_switch() -> Switch:
    return Switch(Scripted())


async def echo(connection: Connection, _switch: Switch) -> None:
    """Send back what comes, until the client closes."""
    async with connection:
        while data := await connection.receive_some():
            await connection.send_all(data)


@asynccontextmanager
async def listening(
    serve: Serve = echo, connection: NewConnection = plain_connection
) -> AsyncIterator[tuple[Listener, trio.CancelScope]]:
    """Run a listener inside the block; cancelling the scope ends it, its connections go on."""
    listener = Listener(open_socket(LOCAL, 0, SocketOptions()), serve, new_switch(), connection)
    with trio.fail_after(SECONDS):
        async with trio.open_nursery() as nursery:
            scope = trio.CancelScope()

            async def run() -> None:
                with scope:
                    await listener.run(nursery)

            nursery.start_soon(run)
            await trio.testing.wait_all_tasks_blocked()
            yield listener, scope
            nursery.cancel_scope.cancel()


def dial(listener: Listener) -> socket.socket:
    """Connect without letting the listener run; the system accepts into the queue."""
    ip, _, port = listener.address.rpartition(":")
    client = socket.create_connection((ip, int(port)))
    client.setblocking(False)
    return client


async def answer(client: socket.socket, data: bytes) -> bytes:
    """Send, and return what comes back."""
    stream = trio.SocketStream(trio.socket.from_stdlib_socket(client))
    await stream.send_all(data)
    return bytes(await stream.receive_some(100))


def options_of(sock: socket.socket, *options: tuple[int, int]) -> list[bool]:
    return [bool(sock.getsockopt(*option)) for option in options]


REUSE_ADDR = (socket.SOL_SOCKET, socket.SO_REUSEADDR)
REUSE_PORT = (socket.SOL_SOCKET, socket.SO_REUSEPORT)
KEEP_ALIVE = (socket.SOL_SOCKET, socket.SO_KEEPALIVE)
NO_DELAY = (socket.IPPROTO_TCP, socket.TCP_NODELAY)
ALL = (REUSE_ADDR, REUSE_PORT, KEEP_ALIVE, NO_DELAY)


def test_a_socket_has_the_options_of_its_server() -> None:
    with open_socket(LOCAL, 0, SocketOptions()) as usual:
        assert options_of(usual, *ALL) == [True, False, False, True]
    options = SocketOptions(reuse_addr=False, reuse_port=True, keep_alive=True, no_delay=False, backlog=5)
    with open_socket(LOCAL, 0, options) as other:
        assert options_of(other, *ALL) == [False, True, True, False]


def test_a_port_in_use_is_named() -> None:
    with open_socket(LOCAL, 0, SocketOptions()) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(ListenError, match=f"^cannot listen on 127.0.0.1:{port}: Address already in use$"):
            open_socket(LOCAL, port, SocketOptions())


def test_an_address_of_another_machine_is_named() -> None:
    with pytest.raises(ListenError, match=r"^cannot listen on 192\.0\.2\.1:0: Cannot assign requested address$"):
        open_socket("192.0.2.1", 0, SocketOptions())


def test_a_system_without_sockets_left_or_without_ipv6_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object) -> socket.socket:
        raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")

    monkeypatch.setattr(socket, "socket", refuse)

    with pytest.raises(ListenError, match=r"^cannot listen on \[::1\]:80: Address family not supported"):
        open_socket("::1", 80, SocketOptions())


@pytest.mark.parametrize(("ip", "shown"), [(LOCAL, "127.0.0.1:"), ("::1", "[::1]:")])
async def test_an_address_has_the_port_that_the_system_chose_and_stays_known(ip: str, shown: str) -> None:
    try:
        sock = open_socket(ip, 0, SocketOptions())
    except ListenError as error:
        pytest.skip(str(error))
    port = sock.getsockname()[1]
    listener = Listener(sock, echo, new_switch())

    sock.close()

    assert listener.address == f"{shown}{port}"


async def test_a_connection_is_served_and_knows_its_peer() -> None:
    peers: list[str] = []

    async def note(connection: Connection, switch: Switch) -> None:
        peers.append(connection.peer)
        await echo(connection, switch)

    async with listening(note) as (listener, _scope):
        with dial(listener) as client:
            ip, port = client.getsockname()

            assert await answer(client, b"hello") == b"hello"
            assert peers == [f"{ip}:{port}"]


async def test_what_comes_before_the_codec_may_refuse_a_client(caplog: pytest.LogCaptureFixture) -> None:
    async def refuse(sock: socket.socket, peer: str) -> Connection:
        connection = await plain_connection(sock, peer)
        await connection.receive_some()
        connection.close()
        raise RemoteProtocolError("not one of ours")

    caplog.set_level(logging.DEBUG)
    async with listening(connection=refuse) as (listener, _scope):
        with dial(listener) as client:
            assert await answer(client, b"hello") == b""

        await listener.live.wait(lambda live: live == 0)

    assert [record.levelname for record in caplog.records if "not one of ours" in record.message] == ["DEBUG"]


async def test_connections_are_served_side_by_side() -> None:
    async with listening() as (listener, _scope):
        clients = [dial(listener) for _number in range(100)]

        answers = [await answer(client, b"%d" % number) for number, client in enumerate(clients)]

        assert answers == [b"%d" % number for number in range(100)]
        assert (listener.accepted, listener.live.value) == (100, 100)
        for client in clients:
            client.close()


async def test_a_connection_counts_until_it_has_ended() -> None:
    async with listening() as (listener, _scope):
        with dial(listener):
            await listener.live.wait(lambda live: live == 1)

        await listener.live.wait(lambda live: live == 0)

        assert listener.accepted == 1


async def test_a_codec_that_raises_costs_its_connection_alone(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(_connection: Connection, _switch: Switch) -> None:
        raise LookupError("a bug")

    async with listening(fail) as (listener, _scope):
        for _number in range(2):
            with dial(listener) as client:
                assert await answer(client, b"") == b""

    assert caplog.text.count("ended in an error") == 2


async def test_those_who_wait_to_be_accepted_are_served_when_it_ends() -> None:
    async with listening() as (listener, scope):
        waiting = [dial(listener) for _number in range(200)]

        scope.cancel()

        answers = [await answer(client, b"hello") for client in waiting]
        assert answers == [b"hello"] * 200
        for client in waiting:
            client.close()


async def test_nobody_is_accepted_after_the_end() -> None:
    async with listening() as (listener, scope):
        scope.cancel()
        await trio.testing.wait_all_tasks_blocked()

        with pytest.raises(ConnectionRefusedError):
            dial(listener)


async def test_the_end_is_when_the_last_connection_has_ended() -> None:
    ended: list[str] = []
    async with listening() as (listener, scope), trio.open_nursery() as nursery:

        async def wait() -> None:
            await listener.wait_ended()
            ended.append("ended")

        nursery.start_soon(wait)
        client = dial(listener)
        scope.cancel()
        await answer(client, b"hello")
        assert ended == []

        client.close()
        await trio.testing.wait_all_tasks_blocked()

        assert ended == ["ended"]


async def test_it_has_not_ended_as_long_as_it_accepts() -> None:
    async with listening() as (listener, _scope):
        with trio.move_on_after(0.01) as waited:
            await listener.wait_ended()

        assert waited.cancelled_caught


class Exhausted:
    """A listening socket whose system runs out of file descriptors as often as the test says."""

    def __init__(self, sock: socket.socket, code: int, times: int) -> None:
        self._sock = sock
        self._code = code
        self._times = times

    def accept(self) -> tuple[socket.socket, object]:
        if self._times:
            self._times -= 1
            raise OSError(self._code, "Too many open files")
        return self._sock.accept()

    def __getattr__(self, name: str) -> object:
        return getattr(self._sock, name)


@pytest.fixture
def limping() -> Iterator[Callable[[int, int], Listener]]:
    """Make a listener whose first attempts to accept fail with a code."""
    socks: list[socket.socket] = []

    def make(code: int, times: int) -> Listener:
        socks.append(open_socket(LOCAL, 0, SocketOptions()))
        listener = Listener(socks[0], echo, new_switch())
        listener.sock = Exhausted(socks[0], code, times)  # type: ignore[assignment]  # as far as it is used
        return listener

    yield make
    for sock in socks:
        sock.close()


async def test_a_system_out_of_file_descriptors_is_waited_for_and_warned_of_once(
    limping: Callable[[int, int], Listener],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    nursery: trio.Nursery,
) -> None:
    monkeypatch.setattr(listeners, "EXHAUSTED_SECONDS", 0.001)
    listener = limping(errno.EMFILE, 3)
    nursery.start_soon(listener.run, nursery)

    with dial(listener) as client, trio.fail_after(SECONDS):
        assert await answer(client, b"hello") == b"hello"

    assert caplog.text.count("cannot accept: Too many open files") == 1
    nursery.cancel_scope.cancel()


async def test_nobody_is_accepted_until_there_is_room(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, nursery: trio.Nursery
) -> None:
    monkeypatch.setattr(listeners, "EXHAUSTED_SECONDS", 0.001)
    room = Room(1)
    listener = Listener(open_socket(LOCAL, 0, SocketOptions()), echo, new_switch(), room=room)
    nursery.start_soon(listener.run, nursery)

    with trio.fail_after(SECONDS):
        with dial(listener) as first:
            await answer(first, b"first")
            with dial(listener) as second:
                await trio.sleep(0.05)
                accepted = listener.accepted
                first.close()
                waited = await answer(second, b"second")
        await listener.live.wait(lambda live: live == 0)

    assert (accepted, waited, room.taken) == (1, b"second", 0)
    assert caplog.text.count("cannot accept: the limit on open files leaves no room for more clients") == 1
    nursery.cancel_scope.cancel()


async def test_a_connection_that_ended_before_it_was_accepted_is_nobodys_trouble(
    limping: Callable[[int, int], Listener], caplog: pytest.LogCaptureFixture, nursery: trio.Nursery
) -> None:
    listener = limping(errno.ECONNABORTED, 2)
    nursery.start_soon(listener.run, nursery)

    with caplog.at_level(logging.INFO), dial(listener) as client, trio.fail_after(SECONDS):
        assert await answer(client, b"hello") == b"hello"

    assert caplog.text == ""
    nursery.cancel_scope.cancel()


def shown(listener: Listener) -> Metrics:
    metrics = Metrics()
    show(listener, metrics)
    return metrics


async def test_connections_are_shown() -> None:
    async with listening() as (listener, _scope):
        metrics = shown(listener)
        with dial(listener) as first, dial(listener) as second:
            await answer(first, b"hello")
            await answer(second, b"hello")
            assert flat(metrics) == {
                "connects": 2,
                "connections": 2,
                "received_bytes": 10,
                "sent_bytes": 10,
                "connection_duration.count": 0,
            }

        await listener.live.wait(lambda live: live == 0)

        after = flat(metrics)
    names = ("connects", "connections", "received_bytes", "sent_bytes", "connection_duration.count")
    assert [after[name] for name in names] == [2, 0, 10, 10, 2]


async def test_requests_that_were_refused_are_shown_as_failures() -> None:
    with open_socket(LOCAL, 0, SocketOptions()) as sock:
        listener = Listener(sock, echo, new_switch())
        metrics = shown(listener)

        for error in (RemoteProtocolError("bare LF"), RemoteProtocolError("too long", status=431), ClientGone("left")):
            listener.switch.refused(error)

    assert flat(metrics, "failures") | flat(metrics, "status") == {
        "": 3,
        "RemoteProtocolError": 2,
        "ClientGone": 1,
        "400": 1,
        "431": 1,
        "4XX": 2,
        "error": 1,
    }
