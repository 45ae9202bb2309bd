"""Tunnels that begin with an `Upgrade`, through a running proxy, byte by byte."""

import contextlib
import json
import pathlib
from collections.abc import AsyncIterator

import pytest
import trio
from trio.testing import MockClock

from tests.e2e.memory import resident_bytes
from tests.e2e.raw import RawConnection, connected, reply, request
from tests.e2e.stubs import OK, Behaviour, Stub, answering, stub
from tests.proxies import FS, Proxy, between, disco, one, proxy, stack, stacks
from tests.waiting import settled, until

SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\nx-a: 1\r\n\r\n"
ASK = request("GET", "/chat", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: k")
MIB = 2**20
SETTLED_SECONDS = 30.0


async def echo(_stub: Stub, connection: RawConnection) -> None:
    """Switch, then send back whatever comes, and end when the client does."""
    if await connection.head() is None:
        return
    await connection.send(SWITCHED)
    await _echo(connection)


async def unkept_echo(_stub: Stub, connection: RawConnection) -> None:
    """Do as `echo`, and remember nothing of it."""
    await connection.head()
    await connection.send(SWITCHED)
    while piece := await connection.stream.receive_some(65536):
        await connection.stream.send_all(piece)
    await connection.send_end()


async def _echo(connection: RawConnection) -> None:
    while connection.rest or await connection.more():
        piece, connection.rest = connection.rest, b""
        await connection.send(piece)
    await connection.send_end()


@contextlib.asynccontextmanager
async def switched(behave: Behaviour = echo, **server: object) -> AsyncIterator[tuple[Stub, RawConnection]]:
    """Return an endpoint and a client that has switched."""
    async with between(behave, server=server) as (endpoint, client):
        await client.send(ASK)
        head = await client.head()
        assert head is not None
        assert head.status == 101
        yield endpoint, client


async def numbers(running: Proxy) -> dict[str, float]:
    """Return the metrics of a proxy."""
    async with connected(running.admin_port) as admin:
        await admin.send(request(target="/admin/metrics.json"))
        found: dict[str, float] = json.loads((await admin.reply()).body)
    return found


async def test_the_handshake_travels_on_and_so_does_what_follows() -> None:
    async with between(echo) as (endpoint, client):
        await client.send(ASK)
        head = await client.head()
        await client.send(b"ping")
        back = await client.exactly(4)

    assert head is not None
    assert head.first == b"HTTP/1.1 101 Switching Protocols"
    assert [head.value(name) for name in (b"connection", b"upgrade", b"x-a")] == [b"upgrade", b"websocket", b"1"]
    arrived = endpoint.received
    assert arrived.count(b"\r\nconnection: upgrade\r\nupgrade: websocket\r\n") == 1
    assert b"\r\nsec-websocket-key: k\r\n" in arrived
    assert back == b"ping"


async def test_what_came_with_either_head_is_not_lost() -> None:
    async def greet(_stub: Stub, connection: RawConnection) -> None:
        await connection.head()
        await connection.send(SWITCHED + b"welcome")
        await _echo(connection)

    async with between(greet) as (_endpoint, client):
        await client.send(ASK + b"GET / HTTP/1.1\r\n")
        await client.head()
        greeting = await client.exactly(7)
        early = await client.exactly(16)

    assert (greeting, early) == (b"welcome", b"GET / HTTP/1.1\r\n")


async def test_an_endpoint_that_declines_answers_as_ever_and_the_connection_goes_on() -> None:
    async with between(OK) as (endpoint, client):
        await client.send(ASK + request(target="/next"))
        first, second = await client.reply(), await client.reply()

    assert (first.status, second.status) == (200, 200)
    assert [asked.target for asked in endpoint.requests] == [b"/chat", b"/next"]
    assert len(endpoint.connections) == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket, other\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    ],
)
@pytest.mark.parametrize("engine", ["fast", "reference"])
async def test_an_endpoint_that_switches_to_something_else_is_refused(answer: bytes, engine: str) -> None:
    async with between(answering(answer), engine=engine) as (_endpoint, client):
        await client.send(ASK)
        found = await client.reply()

    assert found.status == 502


async def test_a_101_that_nobody_asked_for_is_refused_on_a_connection_that_was_asked_before() -> None:
    answers = iter([reply(), SWITCHED])

    async with between(answering(lambda _asked: next(answers))) as (_endpoint, client):
        await client.send(ASK)
        first = await client.reply()
        await client.send(request())
        second = await client.reply()

    assert (first.status, second.status) == (200, 502)


@pytest.mark.parametrize(
    "lines",
    [
        ("Connection: Upgrade", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk"),
        ("Upgrade: websocket",),
        ("Connection: Upgrade", "Upgrade: websocket", "Content-Length: 2"),
        ("Connection: Upgrade", "Upgrade: websocket", "Transfer-Encoding: chunked"),
    ],
)
@pytest.mark.parametrize("engine", ["fast", "reference"])
async def test_what_is_no_proper_request_for_a_switch_loses_the_field(lines: tuple[str, ...], engine: str) -> None:
    body = b"hi" if "Content-Length: 2" in lines else b"2\r\nhi\r\n0\r\n\r\n" if "chunked" in lines[-1] else b""

    async with between(OK, engine=engine) as (endpoint, client):
        await client.send(request("POST" if body else "GET", "/", *lines) + body)
        found = await client.reply()

    assert found.status == 200
    assert b"upgrade" not in endpoint.received.lower()


async def test_of_several_protocols_those_that_are_allowed_travel_on() -> None:
    async with between(OK) as (endpoint, client):
        await client.send(request("GET", "/", "Connection: upgrade", "Upgrade: h2c, WebSocket, mqtt"))
        await client.reply()

    assert endpoint.requests[0].value(b"upgrade") == b"WebSocket"


async def test_http_1_0_has_no_upgrades() -> None:
    async with between(OK) as (endpoint, client):
        await client.send(ASK.replace(b"HTTP/1.1", b"HTTP/1.0"))
        await client.reply()

    assert endpoint.requests[0].value(b"upgrade") is None


async def test_the_client_may_end_first_and_still_read() -> None:
    async def late(_stub: Stub, connection: RawConnection) -> None:
        await connection.head()
        await connection.send(SWITCHED)
        await connection.is_closed()
        await connection.send(b"got " + connection.rest)

    async with switched(late) as (_endpoint, client):
        await client.send(b"all of it")
        await client.send_end()
        ended = await client.is_closed()

    assert (ended, client.was_reset, client.rest) == (True, False, b"got all of it")


async def test_the_endpoint_may_end_first_and_still_read() -> None:
    heard = []

    async def early(_stub: Stub, connection: RawConnection) -> None:
        await connection.head()
        await connection.send(SWITCHED + b"bye")
        await connection.send_end()
        await connection.is_closed()
        heard.append((connection.rest, connection.was_reset))

    async with switched(early) as (_endpoint, client):
        await client.is_closed()
        said, client.rest = client.rest, b""
        await client.send(b"wait")
        await client.send_end()
        await until(lambda: heard, "the endpoint hears the end")

    assert said == b"bye"
    assert heard == [(b"wait", False)]


async def test_a_client_that_resets_is_seen_so_by_the_endpoint() -> None:
    ended = trio.Event()

    async def wait(_stub: Stub, connection: RawConnection) -> None:
        await connection.head()
        await connection.send(SWITCHED)
        await connection.is_closed()
        ended.set()

    async with switched(wait) as (endpoint, client):
        client.reset()
        with trio.fail_after(SETTLED_SECONDS):
            await ended.wait()

    assert endpoint.connections[0].was_reset


async def test_an_endpoint_that_resets_is_seen_so_by_the_client() -> None:
    async with switched() as (endpoint, client):
        await client.send(b"ping")
        await client.exactly(4)
        endpoint.kill()
        await client.is_closed()

    assert client.was_reset


async def test_a_client_that_leaves_before_the_switch_frees_the_endpoint() -> None:
    ended = trio.Event()

    async def never(_stub: Stub, connection: RawConnection) -> None:
        await connection.head()
        await connection.is_closed()
        ended.set()

    async with between(never) as (endpoint, client):
        await client.send(ASK)
        await until(lambda: endpoint.received, "the endpoint is asked")
        client.close()
        with trio.fail_after(SETTLED_SECONDS):
            await ended.wait()


async def test_a_tunnel_in_which_nothing_moves_is_closed(idle_clock: MockClock) -> None:
    async with switched(tunnelIdleTimeMs=100) as (_endpoint, client):
        ended = await client.is_closed()

    assert (ended, client.was_reset) == (True, False)


async def test_a_tunnel_that_lives_in_one_direction_lives(idle_clock: MockClock) -> None:
    async def push(_stub: Stub, connection: RawConnection) -> None:
        await connection.head()
        await connection.send(SWITCHED)
        for _time in range(12):
            await trio.sleep(0.05)
            await connection.send(b".")

    async with switched(push, tunnelIdleTimeMs=250) as (_endpoint, client):
        await client.is_closed()

    assert client.rest == b"." * 12


async def test_a_tunnel_is_counted_and_holds_its_place_until_it_ends() -> None:
    async with stub(echo) as endpoint, proxy(stack(endpoint.port, server={"label": "web"})) as running:
        async with running.connect() as client:
            await client.send(ASK)
            await client.head()
            await client.send(b"12345")
            await client.exactly(5)
            during = await numbers(running)
            await client.send_end()
            await client.is_closed()
        await settled()
        after = await numbers(running)

    load = f"rt/http/client/$/inet/127.0.0.1/{endpoint.port}/loadbalancer/load"
    assert (during["rt/http/server/web/tunnels"], during[load]) == (1, 1)
    assert (after["rt/http/server/web/tunnels"], after[load]) == (0, 0)
    assert [after[f"rt/http/server/web/tunnel/{name}"] for name in ("opened", "received_bytes", "sent_bytes")] == [
        1,
        5,
        5,
    ]
    assert after["rt/http/server/web/status/101"] == 1
    assert after["rt/http/server/web/success"] == 1


async def test_at_the_end_a_tunnel_has_the_grace_time_and_is_then_cut(idle_clock: MockClock) -> None:
    async with stub(echo) as endpoint, contextlib.AsyncExitStack() as clients:
        async with proxy(stacks(one(endpoint.port), grace_ms=300)) as running:
            client = await clients.enter_async_context(running.connect())
            await client.send(ASK)
            await client.head()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(running.linker.drain)
                await trio.sleep(0.1)
                await client.send(b"still")
                back = await client.exactly(5)
        ended = await client.is_closed()

    assert (back, ended, client.was_reset) == (b"still", True, True)


async def test_a_request_for_a_switch_is_tried_elsewhere_until_an_endpoint_switches(tmp_path: pathlib.Path) -> None:
    async def vanish(_stub: Stub, connection: RawConnection) -> None:
        await connection.head()

    seen = set()

    async with stub(vanish) as bad, stub(echo) as good:
        namers = disco(tmp_path, web=[bad.port, good.port])
        async with proxy(stack(FS, namers=namers)) as running:
            for _time in range(10):
                async with running.connect() as client:
                    await client.send(ASK)
                    head = await client.head()
                    assert head is not None
                    seen.add(head.status)

    assert seen == {101}


@pytest.mark.slow
@pytest.mark.parametrize("slow", [False, True])
async def test_64_mib_go_through_in_both_directions_with_little_memory(slow: bool) -> None:
    async with switched(unkept_echo) as (_endpoint, client):
        before = resident_bytes()
        most = 0
        piece = bytes(range(256)) * 256
        left = 64 * MIB

        async def send() -> None:
            for _number in range(64 * MIB // len(piece)):
                await client.send(piece)
            await client.send_end()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(send)
            while left:
                got = await client.stream.receive_some(65536)
                assert got == (piece * 2)[(64 * MIB - left) % len(piece) :][: len(got)]
                left -= len(got)
                if slow and left > 60 * MIB:
                    await trio.sleep(0.005)
                most = max(most, resident_bytes() - before)
        assert await client.stream.receive_some(1) == b""

    assert most < 24 * MIB
