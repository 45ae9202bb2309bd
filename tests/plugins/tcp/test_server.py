"""The serving side of TCP: what is read before routing, what becomes of clients that are not routed."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import attrs
import pytest
import trio
import trio.testing

from mesh import Limits, MeshError, Metrics, StreamConnection, Switch, Unavailable, Unroutable
from mesh.testing import memory_connections
from mesh_plugins.tcp.message import TcpReply, TcpRequest
from mesh_plugins.tcp.server import Serving, TcpConnection
from mesh_plugins.tunnels.counts import TunnelCounts
from mesh_plugins.tunnels.tunnel import Tunnel
from tests.plugins.tcp.hellos import hello, message, records

Answer = Callable[[TcpRequest], Awaitable[TcpReply]]


@attrs.define(eq=False)
class Bench:
    """The client's end, the switch, and what the service was asked; `endpoint` is the far end of every tunnel."""

    client: StreamConnection
    server: TcpConnection
    switch: Switch
    endpoint: StreamConnection
    asked: list[TcpRequest] = attrs.field(factory=list)

    async def everything(self) -> bytes:
        """Return all that comes to the client, up to the end."""
        found = b""
        while piece := await self.client.receive_some():
            found += piece
        return found


@contextlib.asynccontextmanager
async def served(error: Exception | None = None, *, reads_hello: bool = True) -> AsyncIterator[Bench]:
    client, near = memory_connections()
    far, endpoint = memory_connections()

    async def answer(request: TcpRequest) -> TcpReply:
        bench.asked.append(request)
        if error is not None:
            raise error
        reply = TcpReply(Tunnel(far, b"welcome"))
        reply.on_close(far.close)
        return reply

    switch = Switch(answer)
    serving = Serving(443, Limits(header_deadline_s=10), 60.0, TunnelCounts(Metrics()), reads_hello)
    server = TcpConnection(near, switch, serving)
    bench = Bench(client, server, switch, endpoint)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.run)
        yield bench
        nursery.cancel_scope.cancel()


async def test_the_name_is_read_and_every_byte_passed_on() -> None:
    async with served() as bench:
        octets = hello(b"Web.Test") + b"early"
        for place in range(0, len(octets), 30):
            await bench.client.send_all(octets[place : place + 30])
        heard = b""
        while len(heard) < len(octets):
            heard += await bench.endpoint.receive_some()
        greeting = await bench.client.receive_some()

    (request,) = bench.asked
    assert (request.server_name, request.is_tls, request.port) == (b"web.test", True, 443)
    assert (heard, greeting) == (octets, b"welcome")


async def test_nothing_is_read_where_nobody_needs_the_name() -> None:
    async with served(reads_hello=False) as bench:
        greeting = await bench.client.receive_some()

    assert greeting == b"welcome"
    assert [request.server_name for request in bench.asked] == [b""]


async def test_a_client_that_does_not_speak_tls_is_named_without_it() -> None:
    async with served() as bench:
        await bench.client.send_all(b"PING\r\n")
        heard = await bench.endpoint.receive_some()

    assert heard == b"PING\r\n"
    assert [(request.server_name, request.is_tls) for request in bench.asked] == [(b"", False)]


async def test_a_client_that_waits_to_be_spoken_to_is_named_without_tls(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with served() as bench:
        greeting = await bench.client.receive_some()

    assert greeting == b"welcome"
    assert trio.current_time() == pytest.approx(10, abs=0.1)


async def test_a_client_that_stops_in_its_hello_is_refused(autojump_clock: trio.testing.MockClock) -> None:
    refused: list[MeshError] = []

    async with served() as bench:
        bench.switch.refused = refused.append
        await bench.client.send_all(hello()[:20])
        found = await bench.everything()

    assert found == bytes((21, 3, 3, 0, 2, 2, 50))
    assert (len(refused), bench.asked) == (1, [])


@pytest.mark.parametrize("octets", [records(message(b"nonsense")), hello()[:20]])
async def test_a_hello_that_is_broken_is_refused_with_an_alert(octets: bytes) -> None:
    async with served() as bench:
        await bench.client.send_all(octets)
        await bench.client._stream.send_eof()  # type: ignore[attr-defined]  # the connection itself cannot say so
        found = await bench.everything()

    assert (found, bench.asked) == (bytes((21, 3, 3, 0, 2, 2, 50)), [])


async def test_a_client_that_goes_away_without_a_word_is_nobody() -> None:
    refused: list[MeshError] = []

    async with served() as bench:
        bench.switch.refused = refused.append
        bench.client.close()
        await trio.testing.wait_all_tasks_blocked()
        ended = not bench.switch.connections

    assert (ended, refused, bench.asked) == (True, [], [])


@pytest.mark.parametrize(
    ("error", "alert"), [(Unroutable("nowhere"), 112), (Unavailable("nobody"), 80), (RuntimeError("a bug"), 80)]
)
async def test_a_tls_client_without_an_endpoint_gets_an_alert(
    error: Exception, alert: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with served(error) as bench:
        await bench.client.send_all(hello())
        await bench.client._stream.send_eof()  # type: ignore[attr-defined]  # the connection itself cannot say so
        found = await bench.everything()

    assert found == bytes((21, 3, 3, 0, 2, 2, alert))
    assert len(caplog.records) == isinstance(error, RuntimeError)


async def test_any_other_client_without_an_endpoint_is_cut_off() -> None:
    async with served(Unroutable("nowhere"), reads_hello=False) as bench:
        found = await bench.everything()

    assert found == b""


async def test_a_listener_that_drains_waits_no_more_for_clients_that_are_silent(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with served(Unroutable("nowhere")) as bench:
        bench.switch.draining = True
        await bench.everything()

    assert trio.current_time() < 1


async def test_a_connection_that_is_cancelled_leaves_the_switch() -> None:
    async with served() as bench:
        await bench.client.send_all(hello())
        await trio.testing.wait_all_tasks_blocked()
        during = len(bench.switch.connections)

    assert (during, len(bench.switch.connections)) == (1, 0)
    assert await bench.endpoint.receive_some() == hello()
    assert await bench.endpoint.receive_some() == b""
