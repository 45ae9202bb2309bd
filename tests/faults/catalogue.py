"""The faults: what begins each, what ends it, and what it may not cost."""

import contextlib
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import attrs
import trio

from tests.e2e.raw import RawConnection, request
from tests.faults.backend import Mode
from tests.faults.ground import BACKENDS, Ground

REWRITES = 1000
FLAP_SECONDS = 1.0
FEW_DESCRIPTORS = 256
CROWD = 400  # clients that hold connections and say nothing: more than there are descriptors
SLOW_CLIENTS = 20
Happening = Callable[[Ground], AbstractAsyncContextManager[None]]


@attrs.frozen
class Fault:
    """One fault; `happens(ground)` is a context in which it lasts.

    `moves`: the traffic leaves the bad endpoint and comes back, which is timed. `may_break`: replies may break off whose head
    had been passed on. `descriptors`: how many the linker is given.
    """

    name: str
    what: str
    happens: Happening
    moves: bool = True
    may_break: bool = False
    descriptors: int | None = None


@asynccontextmanager
async def _killed(ground: Ground) -> AsyncIterator[None]:
    ground.bad.kill()
    yield
    await trio.to_thread.run_sync(ground.bad.start)


@asynccontextmanager
async def _paused(ground: Ground) -> AsyncIterator[None]:
    ground.bad.signal(signal.SIGSTOP)
    yield
    ground.bad.signal(signal.SIGCONT)


def _being(mode: Mode) -> Happening:
    @asynccontextmanager
    async def happens(ground: Ground) -> AsyncIterator[None]:
        await trio.to_thread.run_sync(ground.bad.be, mode)
        yield
        await trio.to_thread.run_sync(ground.bad.be, "fine")

    return happens


@asynccontextmanager
async def _flapping(ground: Ground) -> AsyncIterator[None]:
    async def flap() -> None:
        while True:
            for mode in ("refuse", "fine"):
                await trio.to_thread.run_sync(ground.bad.be, mode)
                await trio.sleep(FLAP_SECONDS)

    async with _meanwhile(flap):
        yield
    await trio.to_thread.run_sync(ground.bad.be, "fine")


@asynccontextmanager
async def _rewritten(ground: Ground) -> AsyncIterator[None]:
    async def rewrite() -> None:
        for number in range(REWRITES):
            ground.list_backends([name for place, name in enumerate(BACKENDS) if place != number % len(BACKENDS)])
            await trio.sleep(0.002)
        ground.list_backends(BACKENDS)

    async with _meanwhile(rewrite):
        yield
    ground.list_backends(BACKENDS)


@asynccontextmanager
async def _crowded(ground: Ground) -> AsyncIterator[None]:
    async with _clients(ground, CROWD, lambda client: client.send(b"")):
        yield


@asynccontextmanager
async def _dripping(ground: Ground) -> AsyncIterator[None]:
    async def drip(client: RawConnection) -> None:
        for byte in request():
            await client.send(bytes([byte]))
            await trio.sleep(1)

    async with _clients(ground, SLOW_CLIENTS, drip):
        yield


@asynccontextmanager
async def _unread(ground: Ground) -> AsyncIterator[None]:
    async with _clients(ground, SLOW_CLIENTS, lambda client: client.send(request(target="/large"))):
        yield


@asynccontextmanager
async def _clients(ground: Ground, count: int, use: Callable[[RawConnection], Awaitable[None]]) -> AsyncIterator[None]:
    """Let so many more clients connect, and do something that no good client does."""
    connections: list[RawConnection] = []

    async def behave_badly(client: RawConnection) -> None:
        with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError):
            await use(client)

    async with trio.open_nursery() as nursery:
        for _number in range(count):
            client = RawConnection(await trio.open_tcp_stream("127.0.0.1", ground.port))
            connections.append(client)
            nursery.start_soon(behave_badly, client)
        yield
        nursery.cancel_scope.cancel()
    for client in connections:
        client.close()


@asynccontextmanager
async def _meanwhile(task: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(task)
        yield
        nursery.cancel_scope.cancel()


FAULTS = (
    Fault("killed", "one of three backends is killed, later started again", _killed),
    Fault("paused", "a backend is stopped (SIGSTOP), later continued", _paused),
    Fault("slowed", "a backend takes 2 s for each reply", _being("slow")),
    Fault("errors", "every other reply of a backend is a 500", _being("errors")),
    Fault("reset", "a backend resets connections in the middle of replies", _being("reset"), may_break=True),
    Fault("refused", "a backend refuses connections", _being("refuse")),
    Fault("full", "the queue of a backend's listener is full: connecting gets no answer", _being("full")),
    Fault("flapping", "a backend refuses connections every other second", _flapping, moves=False),
    Fault("rewritten", f"the disco file is rewritten {REWRITES:,} times", _rewritten, moves=False),
    Fault(
        "crowded",
        f"{CROWD} clients connect and say nothing; the linker may open {FEW_DESCRIPTORS} files",
        _crowded,
        moves=False,
        descriptors=FEW_DESCRIPTORS,
    ),
    Fault("dripping", f"{SLOW_CLIENTS} clients send a byte a second", _dripping, moves=False),
    Fault("unread", f"{SLOW_CLIENTS} clients ask for 8 MiB and read nothing", _unread, moves=False),
)
