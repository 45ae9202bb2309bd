"""Thousands of streams of HTTP/2, a third of them ended early from either side: nothing may be left over.

`LINKER_SOAK_STREAMS=200000 pytest tests/e2e/test_http2_soak.py` runs it for longer.
"""

import contextlib
import gc
import os
import random
import socket
from collections.abc import AsyncIterator

import attrs
import pytest
import trio

from mesh import (
    Body,
    Connection,
    Endpoint,
    Fields,
    HttpReply,
    HttpRequest,
    Life,
    Limits,
    MeshError,
    Metrics,
    Session,
    SocketConnection,
    StreamReset,
    Switch,
    connect,
)
from mesh_plugins.http2.options import Options
from mesh_plugins.http2.protocol import new_session, serve
from mesh_plugins.http2.serving import Http2Serving, Pings, StreamCounts
from mesh_plugins.http2.session import Http2Calling
from tests.e2e.leftovers import left_over, page, unfinished
from tests.e2e.memory import resident_bytes
from tests.proxies import Proxy, proxy, stacks

pytestmark = pytest.mark.slow

STREAMS = int(os.environ.get("LINKER_SOAK_STREAMS", "2400"))
CLIENTS = 4  # connections, each with as many calls at a time
AT_A_TIME = 12
LARGE = 200_000
ALLOWED_GROWTH = 5 << 20
HOST: Fields = [(b"host", b"web")]
CALLING = Http2Calling(Limits(), Options(), Pings(), StreamCounts(Metrics()))


class Pieces(Body):
    """A body in pieces, with pauses, which may break off."""

    __slots__ = ("_error", "_left", "_pause")

    def __init__(self, size: int, pause: float, error: Exception | None = None) -> None:
        self._left = size
        self._pause = pause
        self._error = error

    @property
    def trailers(self) -> Fields:
        return [(b"x-sum", b"1")]

    async def receive(self) -> bytes:
        await trio.sleep(self._pause)
        if not self._left and self._error is not None:
            raise self._error
        size = min(self._left, 30_000)
        self._left -= size
        return bytes(size)


@attrs.define(eq=False)
class Fickle:
    """A service that does anything an endpoint may do with a stream."""

    source: random.Random

    async def __call__(self, request: HttpRequest, /) -> HttpReply:
        match self.source.randrange(9):
            case 0:
                return HttpReply(200, [], Pieces(LARGE, 0.0))
            case 1:
                return HttpReply(200, [], Pieces(1000, 0.001, StreamReset("no more", code=2)))
            case 2:
                await trio.sleep(self.source.random() / 50)
                return HttpReply(503, [], b"late")
            case 3:
                return HttpReply(413, [], b"early")
            case _:
                size = 0
                with contextlib.suppress(MeshError):  # the client has gone
                    while piece := await request.body.receive():
                        size += len(piece)
                return HttpReply(200, [], b"%d" % size)


@contextlib.asynccontextmanager
async def endpoint(serving: Http2Serving, source: random.Random) -> AsyncIterator[int]:
    """Listen with a fickle service; return the port."""
    run, switch = serve(serving), Switch(Fickle(source))
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")

    async def handle(stream: trio.SocketStream) -> None:
        sock = stream.socket
        connection = SocketConnection(_detached(sock), "client")
        await run(connection, switch, b"", None)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, handle, [listener])
        yield listener.socket.getsockname()[1]
        nursery.cancel_scope.cancel()


def _detached(sock: trio.socket.SocketType) -> socket.socket:
    made = socket.socket(fileno=sock.detach())
    made.setblocking(False)
    return made


@attrs.define(eq=False)
class Tally:
    """What became of the calls."""

    whole: int = 0
    broken: int = 0
    cancelled: int = 0

    @property
    def all(self) -> int:
        return self.whole + self.broken + self.cancelled


async def call(session: Session, source: random.Random, tally: Tally) -> None:
    """Make one call, and end it early one time in three."""
    size = source.choice((0, 0, 10, 5000, LARGE))
    body = Pieces(size, 0.0) if size and source.random() < 0.5 else None
    request = HttpRequest(b"POST", b"/", list(HOST))
    if body is not None:
        request.body = body
    patience = source.random() / 100 if source.random() < 0.33 else 30.0
    with trio.move_on_after(patience) as scope:
        try:
            reply = await session(request)
            while await reply.body.receive():
                if source.random() < 0.02:
                    break
            await reply.aclose()
        except MeshError:
            tally.broken += 1
        else:
            tally.whole += 1
    if scope.cancelled_caught:
        tally.cancelled += 1


async def soak(port: int, source: random.Random, streams: int) -> Tally:
    """Make calls over a few connections, some of which end in the middle."""
    tally = Tally()
    make = new_session(CALLING)

    async def client(count: int) -> None:
        while count > 0:
            some = min(count, source.randrange(20, 200))
            count -= some
            async with trio.open_nursery() as nursery:
                life = Life(nursery)
                connection: Connection = await connect(Endpoint("127.0.0.1", port))
                session = make(connection, life)
                limiter = trio.CapacityLimiter(AT_A_TIME)

                async def one(limiter: trio.CapacityLimiter = limiter, session: Session = session) -> None:
                    async with limiter:
                        await call(session, source, tally)

                async with trio.open_nursery() as calls:
                    for _ in range(some):
                        calls.start_soon(one)
                    if source.random() < 0.2:
                        await trio.sleep(0.05)
                        session.close()
                life.close()

    async with trio.open_nursery() as nursery:
        for _ in range(CLIENTS):
            nursery.start_soon(client, streams // CLIENTS)
    return tally


@pytest.mark.parametrize("engine", ["fast", "reference"])
async def test_nothing_is_left_of_streams_however_they_end(engine: str) -> None:
    source = random.Random(7)
    serving = Http2Serving()
    async with endpoint(serving, source) as port:
        text = stacks(
            {
                "protocol": "h2",
                "engine": engine,
                "dtab": f"/svc => /$/inet/127.0.0.1/{port};",
                "servers": [{"port": 0}],
                "service": {"totalTimeoutMs": 20000},
            }
        )
        async with proxy(text) as running:
            warm = await soak(running.ports[0], source, STREAMS // 4)
            gc.collect()
            before = resident_bytes()
            tally = await soak(running.ports[0], source, STREAMS)
            left = await settled(running, serving)
            grown = resident_bytes() - before

    assert (warm.all, tally.all) == (STREAMS // 4, STREAMS)
    assert min(tally.whole, tally.broken, tally.cancelled) > 0
    assert left == {}
    assert unfinished() == set()
    assert grown < ALLOWED_GROWTH


async def settled(running: Proxy, serving: Http2Serving) -> dict[str, float]:
    """Wait until nothing goes on any more; return what is left over then."""
    left: dict[str, float] = {}
    for _ in range(50):
        metrics = await page(running, "/admin/metrics.json")
        left = {name: value for name, value in metrics.items() if name.endswith("/open_streams") and value}
        left |= {name: value for name, value in (await left_over(running, [])).items() if "of" not in name}
        if serving.counts.open:
            left["streams of the endpoint"] = serving.counts.open
        if not left:
            break
        gc.collect()
        await trio.sleep(0.1)
    return left
