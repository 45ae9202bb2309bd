"""A backend is a listener, so these tests open loopback ports; nothing leaves the machine."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from mesh.cli.demo.backend import Backend
from mesh.codec import Switch
from mesh.message import Reply, Request
from mesh.transport import Connection


async def nothing(_request: Request, /) -> Reply:
    return Reply()


async def serve(connection: Connection, _switch: Switch) -> None:
    """Say a word, and wait for the client to go."""
    await connection.send_all(b"hello")
    await connection.receive_some()
    connection.close()


@asynccontextmanager
async def started() -> AsyncIterator[tuple[Backend, trio.Nursery]]:
    async with trio.open_nursery() as nursery:
        backend = Backend(nothing)
        backend.start(nursery, serve)
        yield backend, nursery
        nursery.cancel_scope.cancel()


async def heard(backend: Backend) -> bytes:
    async with await trio.open_tcp_stream("127.0.0.1", backend.port) as stream:
        return bytes(await stream.receive_some())


async def test_a_backend_serves_on_a_port_of_its_own() -> None:
    async with started() as (backend, _nursery):
        assert backend.is_running
        assert backend.entry == f"127.0.0.1 {backend.port}"
        assert await heard(backend) == b"hello"


async def test_a_backend_that_is_stopped_refuses_and_breaks_its_connections() -> None:
    async with started() as (backend, _nursery):
        stream = await trio.open_tcp_stream("127.0.0.1", backend.port)
        await stream.receive_some()

        backend.stop()

        assert await stream.receive_some() == b""
        assert not backend.is_running
        with pytest.raises(OSError, match="connect"):
            await heard(backend)
        await stream.aclose()


async def test_a_backend_starts_again_on_the_same_port() -> None:
    async with started() as (backend, nursery):
        port = backend.port
        backend.stop()
        await trio.testing.wait_all_tasks_blocked()

        backend.start(nursery, serve)

        assert backend.port == port
        assert await heard(backend) == b"hello"


async def test_starting_and_stopping_twice_is_once() -> None:
    async with started() as (backend, nursery):
        backend.start(nursery, serve)
        backend.stop()
        backend.stop()

        assert not backend.is_running
