import contextlib
import math
import os
import resource
import socket
from collections.abc import Iterator

import pytest
import trio
import trio.testing

from mesh.connecting import connect
from mesh.endpoint import Endpoint
from mesh.errors import ConnectFailed, Overloaded


@contextlib.contextmanager
def listening(backlog: int = 16) -> Iterator[tuple[socket.socket, Endpoint]]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(backlog)
        yield listener, Endpoint(*listener.getsockname())


@contextlib.contextmanager
def full_backlog() -> Iterator[Endpoint]:
    """An endpoint that answers no SYN: its queue is full and nobody accepts."""
    with listening(backlog=0) as (_listener, endpoint), socket.socket() as first:
        first.connect((endpoint.host, endpoint.port))
        yield endpoint


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


async def test_connecting_gives_a_connection_that_names_its_peer() -> None:
    with listening() as (listener, endpoint):
        connection = await connect(endpoint)
        accepted, _address = listener.accept()
        with accepted:
            await connection.send_all(b"hello")
            received = accepted.recv(10)
            connection.close()

        assert (received, connection.peer, connection.deadline) == (b"hello", str(endpoint), math.inf)


async def test_a_refused_connection_says_so_and_leaves_nothing_open() -> None:
    with listening() as (_listener, endpoint):
        pass
    await connect_in_vain(endpoint)
    before = open_files()

    with pytest.raises(ConnectFailed, match=f"{endpoint}: ECONNREFUSED"):
        await connect(endpoint)

    assert open_files() == before


async def test_a_connection_that_takes_too_long_says_so_and_leaves_nothing_open(
    autojump_clock: trio.testing.MockClock,
) -> None:
    with full_backlog() as endpoint:
        await connect_in_vain(endpoint)
        before, started = open_files(), trio.current_time()

        with pytest.raises(ConnectFailed, match=f"cannot connect to {endpoint} within 0.5 s"):
            await connect(endpoint, seconds=0.5)

        assert open_files() == before
        assert trio.current_time() - started == pytest.approx(0.5, abs=0.01)


async def test_cancelling_while_connecting_leaves_nothing_open(autojump_clock: trio.testing.MockClock) -> None:
    with full_backlog() as endpoint:
        await connect_in_vain(endpoint)
        before = open_files()

        with trio.move_on_after(0.2) as scope:
            await connect(endpoint)

        assert (scope.cancelled_caught, open_files()) == (True, before)


async def test_being_out_of_descriptors_is_not_the_endpoints_fault() -> None:
    with listening() as (_listener, endpoint):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
        try:
            with pytest.raises(Overloaded, match="Too many open files"):
                await connect(endpoint)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_an_endpoint_that_is_no_address_is_a_failure_to_connect() -> None:
    before = open_files()

    with pytest.raises(ConnectFailed, match="not:an:address"):
        await connect(Endpoint("not:an:address", 80))

    assert open_files() == before


async def connect_in_vain(endpoint: Endpoint) -> None:
    """Fail once, so that what a run opens only once is open."""
    with pytest.raises(ConnectFailed):
        await connect(endpoint, seconds=0.01)
