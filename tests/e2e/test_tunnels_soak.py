"""Many tunnels at once that end in every way: no byte may be lost or mixed up, and nothing may be left over."""

import json
import random

import pytest
import trio

from tests.e2e.raw import RawConnection, connected, request
from tests.e2e.stubs import Stub, stub
from tests.proxies import Proxy, one, proxy, stacks

pytestmark = pytest.mark.slow

TUNNELS = 120
AT_A_TIME = 30
SETTLED_SECONDS = 30.0
ASK = request("GET", "/", "Connection: Upgrade", "Upgrade: websocket")
CONNECT = request("CONNECT", "web:80", host="web:80")
WAYS = ("close", "half close", "reset", "vanish", "hang up at the other end")


async def fickle(_endpoint: Stub, connection: RawConnection) -> None:
    """Switch if that is asked for, then send everything back; `!` alone is answered with a reset."""
    while len(connection.rest) < 4 and await connection.more():
        pass
    if connection.rest.startswith(b"GET "):
        await connection.head()
        await connection.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    while connection.rest or await connection.more():
        piece, connection.rest = connection.rest, b""
        if piece.endswith(b"!"):
            connection.reset()
            return
        await connection.send(piece)
    await connection.send_end()


async def tunnel(running: Proxy, source: random.Random, server: int) -> None:
    """Open a tunnel, say random things, hear them all again, and end it in some way."""
    way = source.choice(WAYS)
    async with running.connect(server) as client:
        if server < 2:
            await client.send(ASK if server == 0 else CONNECT)
            if way == "vanish" and source.random() < 0.5:
                return
            head = await client.head()
            assert head is not None
            assert head.status in (101, 200)
        said = bytearray(b"said")
        await client.send(bytes(said))
        for _time in range(source.randrange(8)):
            piece = source.randbytes(source.randrange(1, 100_000)).replace(b"!", b"?")
            said += piece
            async with trio.open_nursery() as nursery:
                nursery.start_soon(client.send, piece)
                await client.more()
        if way == "half close":
            await client.send_end()
        if way in ("close", "half close"):
            assert await client.exactly(len(said)) == said
        if way == "half close":
            assert await client.is_closed()
            assert not client.was_reset
        elif way == "reset":
            client.reset()
        elif way == "hang up at the other end":
            assert await client.exactly(len(said)) == said
            await client.send(b"!")
            assert await client.is_closed()
            assert client.was_reset


async def numbers(running: Proxy) -> tuple[dict[str, float], float]:
    """Return what must be zero when nothing is open, and how many connections wait in pools to be used."""
    async with connected(running.admin_port) as admin:
        await admin.send(request(target="/admin/metrics.json"))
        metrics: dict[str, float] = json.loads((await admin.reply()).body)
    busy = {
        name: value for name, value in metrics.items() if name.endswith(("/tunnels", "/load", "/pending")) and value
    }
    return busy, sum(value for name, value in metrics.items() if name.endswith("/pool_cached"))


async def test_tunnels_of_every_kind_end_in_every_way_and_leave_nothing_behind() -> None:
    async with stub(fickle) as endpoint:
        text = stacks(
            one(endpoint.port, label="upgrades"),
            one(endpoint.port, label="connect", server={"connect": True}),
            one(endpoint.port, label="tcp", protocol="tcp"),
        )
        async with proxy(text) as running:
            limiter = trio.CapacityLimiter(AT_A_TIME)

            async def run(number: int) -> None:
                async with limiter:
                    await tunnel(running, random.Random(number), number % 3)

            async with trio.open_nursery() as nursery:
                for number in range(TUNNELS):
                    nursery.start_soon(run, number)
            with trio.move_on_after(SETTLED_SECONDS):
                while await numbers(running) != ({}, still_open(endpoint)):
                    await trio.sleep(0.05)
            left, pooled = await numbers(running)
            # One that was opened for a client which gave up meanwhile is kept for the next.
            assert (left, still_open(endpoint)) == ({}, pooled)


def still_open(endpoint: Stub) -> int:
    """Return how many connections to the endpoint have not ended."""
    return sum(not one.ended for one in endpoint.connections)
