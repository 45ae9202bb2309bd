"""Tunnels that begin with CONNECT on a stream of HTTP/2, through a running proxy."""

import contextlib
from collections.abc import AsyncIterator

import attrs
import h2.config
import h2.connection
import h2.events
import pytest
import trio

from tests.e2e.raw import SECONDS, RawConnection
from tests.e2e.stubs import Behaviour, Stub, stub
from tests.e2e.test_connect import plain_echo
from tests.proxies import Proxy, proxy, stack

CANCEL, CONNECT_ERROR = 8, 10


@attrs.define(eq=False)
class Asking:
    """A client; `status`, `content`, `ended` and `reset` tell what came on its one stream."""

    stream: trio.SocketStream
    connection: h2.connection.H2Connection
    status: int = 0
    content: bytes = b""
    ended: bool = False
    reset: int | None = None

    async def say(self, data: bytes = b"", *, ends: bool = False) -> None:
        """Send a piece, or the end."""
        self.connection.send_data(1, data, end_stream=ends)
        await self.stream.send_all(self.connection.data_to_send())

    async def hear(self, size: int = 0) -> None:
        """Take what comes until there are `size` bytes, or without a size, until the stream is over."""
        with trio.fail_after(SECONDS):
            while not (self.ended or self.reset is not None or (size and len(self.content) >= size)):
                for event in self.connection.receive_data(await self.stream.receive_some()):
                    self._take(event)
                await self.stream.send_all(self.connection.data_to_send())

    async def hear_head(self) -> int:
        """Take what comes up to a head; return its status."""
        with trio.fail_after(SECONDS):
            while not self.status:
                for event in self.connection.receive_data(await self.stream.receive_some()):
                    self._take(event)
        return self.status

    def _take(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.ResponseReceived():
                fields = dict(event.headers)
                self.status = int(fields[b":status"])
                assert b"content-length" not in fields or self.status != 200
            case h2.events.DataReceived():
                self.content += event.data
                self.connection.acknowledge_received_data(event.flow_controlled_length, 1)
            case h2.events.StreamEnded():
                self.ended = True
            case h2.events.StreamReset():
                self.reset = int(event.error_code)


@contextlib.asynccontextmanager
async def asking(running: Proxy, authority: bytes = b"db.test:5432") -> AsyncIterator[Asking]:
    """Connect, and begin a CONNECT."""
    config = h2.config.H2Configuration(client_side=True, header_encoding=None)
    async with await trio.open_tcp_stream("127.0.0.1", running.ports[0]) as stream:
        client = Asking(stream, h2.connection.H2Connection(config))
        client.connection.initiate_connection()
        client.connection.send_headers(1, [(b":method", b"CONNECT"), (b":authority", authority)])
        await stream.send_all(client.connection.data_to_send())
        yield client


@contextlib.asynccontextmanager
async def tunnelled(
    engine: str, behave: Behaviour = plain_echo, **server: object
) -> AsyncIterator[tuple[Stub, Proxy, Asking]]:
    """Open a tunnel through a router of HTTP/2."""
    async with stub(behave) as endpoint:
        dtab = f"/svc/db.test:5432 => /$/inet/127.0.0.1/{endpoint.port};"
        text = stack(dtab, server={"connect": True, **server}, protocol="h2", label="http", engine=engine)
        async with proxy(text) as running, asking(running) as client:
            assert await client.hear_head() == 200
            yield endpoint, running, client


pytestmark = pytest.mark.parametrize("engine", ["fast", "reference"])


async def test_a_stream_becomes_a_tunnel_and_ends_as_it_does(engine: str) -> None:
    large = bytes(300_000)

    async with tunnelled(engine) as (endpoint, running, client):
        await client.say(b"hello")
        await client.hear(5)
        for at in range(0, len(large), 10_000):
            await client.say(large[at : at + 10_000])
            await client.hear(5 + at + 10_000)
        await client.say(ends=True)
        await client.hear()
        counted = running.metrics()

    assert (len(client.content), client.ended, client.reset) == (300_005, True, None)
    assert len(endpoint.received) == 300_005
    assert sum(value for name, value in counted.items() if name.endswith("tunnel/received_bytes")) == 300_005


async def test_a_client_that_resets_the_stream_resets_the_endpoint(engine: str) -> None:
    async with tunnelled(engine) as (endpoint, running, client):
        await client.say(b"hello")
        await client.hear(5)
        client.connection.reset_stream(1, CANCEL)
        await client.stream.send_all(client.connection.data_to_send())
        with trio.fail_after(SECONDS):
            while any(
                value for name, value in running.metrics().items() if name.endswith(("/tunnels", "open_streams"))
            ):
                await trio.sleep(0.01)

    assert endpoint.received == b"hello"


async def test_an_endpoint_that_breaks_resets_the_stream(engine: str) -> None:
    async def breaking(_stub: Stub, connection: RawConnection) -> None:
        await connection.more()
        connection.reset()

    async with tunnelled(engine, breaking) as (_endpoint, _running, client):
        await client.say(b"hello")
        await client.hear()

    assert client.reset == CONNECT_ERROR


async def test_a_tunnel_in_which_nothing_moves_is_closed(engine: str) -> None:
    async with tunnelled(engine, tunnelIdleTimeMs=200) as (_endpoint, _running, client):
        await client.say(b"hello")
        await client.hear(5)
        await client.hear()

    assert client.reset == CANCEL


@pytest.mark.parametrize(
    ("offered", "authority", "status"),
    [(False, b"db.test:5432", 501), (True, b"db.test", 400), (True, b"x.test:1", 502)],
)
async def test_what_is_no_tunnel_is_refused(engine: str, offered: bool, authority: bytes, status: int) -> None:
    dtab = "/svc/db.test:5432 => /$/inet/127.0.0.1/1;"
    text = stack(dtab, server={"connect": offered}, protocol="h2", label="http", engine=engine)

    async with proxy(text) as running, asking(running, authority) as client:
        found = await client.hear_head()

    assert found == status
