"""A linker between callers and an endpoint for thousands of calls, and what is left over afterwards."""

import gc
import os
import random
from collections import Counter
from collections.abc import Callable

import attrs
import trio

from mesh.metrics import flat
from tests.e2e.memory import resident_bytes
from tests.proxies import Proxy, proxy, stacks
from tests.soak.calls import Caller
from tests.soak.endpoint import Endpoint, endpoint

CONNECTIONS = 8
WORKERS = 10  # of each connection
ROUND = 4000  # calls
SETTLED_SECONDS = 30.0
MOST_GROWTH = 5 * 2**20


@attrs.define
class Found:
    """What a soak found: what became of the calls, and what there was before and after."""

    account: Counter[str]
    streams: int
    growth: int
    descriptors: int

    @property
    def faults(self) -> list[str]:
        """Return what must not be."""
        faults = [f"{count} x {what}" for what, count in self.account.items() if what.startswith("wrong")]
        if self.streams:
            faults.append(f"{self.streams} streams are still open")
        if self.growth > MOST_GROWTH:
            faults.append(f"memory has grown by {self.growth / 2**20:.1f} MiB")
        if self.descriptors > 0:
            faults.append(f"{self.descriptors} descriptors more than at the start")
        return faults


async def soak(
    calls: int, seed: int, warm_up: int = 2 * ROUND, tell: Callable[[str], object] = str, engine: str = "fast"
) -> Found:
    """Make so many calls after a warm-up, in rounds with new connections each, of which one goes before its time."""
    account: Counter[str] = Counter()
    async with endpoint() as behind, proxy(_stack(behind.port, engine)) as running:
        await _round(running, random.Random(seed), Counter(), warm_up)
        await _settled(running, behind)
        memory, descriptors = _memory(), _descriptors()
        done = 0
        while done < calls:
            size = min(ROUND, calls - done)
            await _round(running, random.Random(f"{seed} {done}"), account, size)
            done += size
            tell(f"{done} calls, {_memory() / 2**20:.1f} MiB, {dict(account)}")
        streams = await _settled(running, behind)
        with trio.move_on_after(SETTLED_SECONDS):
            while _descriptors() > descriptors:
                await trio.sleep(0.05)
        return Found(account, streams, _memory() - memory, _descriptors() - descriptors)


def _stack(port: int, engine: str) -> str:
    router = {
        "protocol": "h2",
        "engine": engine,
        "label": "soak",
        "dtab": f"/svc => /$/inet/127.0.0.1/{port};",
        "servers": [{"port": 0}],
        "client": {"failureAccrual": {"kind": "none"}},
        "service": {"retries": {"budget": {"minRetriesPerSec": 0, "percentCanRetry": 0}}},
    }
    return stacks(router)


async def _round(running: Proxy, source: random.Random, account: Counter[str], calls: int) -> None:
    before = account.total()
    async with trio.open_nursery() as nursery:
        callers = []
        for number in range(CONNECTIONS):
            stream = await trio.open_tcp_stream("127.0.0.1", running.ports[0])
            last = source.randrange(calls // CONNECTIONS) + 1 if number == 0 else None
            caller = Caller(stream, random.Random(source.random()), account, last)
            callers.append(caller)
            nursery.start_soon(caller.end.run, _ender(caller))
        async with trio.open_nursery() as workers:
            for number in range(CONNECTIONS * WORKERS):
                share = calls // (CONNECTIONS * WORKERS) + (number < calls % (CONNECTIONS * WORKERS))
                workers.start_soon(callers[number % CONNECTIONS].work, share)
        nursery.cancel_scope.cancel()
    for caller in callers:
        await trio.aclose_forcefully(caller.end.stream)
    assert account.total() - before >= calls, "a call is not accounted for"


def _ender(caller: Caller) -> Callable[[], None]:
    def end() -> None:
        caller.is_over = True

    return end


async def _settled(running: Proxy, behind: Endpoint) -> int:
    """Return the streams that are open when nothing goes on any more."""
    with trio.move_on_after(SETTLED_SECONDS):
        while _open(running, behind):
            await trio.sleep(0.05)
    return _open(running, behind)


def _open(running: Proxy, behind: Endpoint) -> int:
    levels = flat(running.linker.metrics, "rt/soak")
    known = sum(value for name, value in levels.items() if name.endswith("open_streams"))
    return int(known) + behind.open_streams


def _memory() -> int:
    gc.collect()
    return resident_bytes()


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))
