"""`python -m tests.bench.costs`: what each role and each feature adds to the processor time of a request.

Theory of operation. Each variant is a router in this process, whose endpoints answer from memory and at once, so that what
is left is Python: all the stacks and the client's half of the codec, without a system call. Variants take turns in short
batches, each beside one of the default stack, and the median of the differences counts: what disturbs a batch mostly
disturbs its neighbour. Processor time is that of all threads, so that a log is paid for.
"""

import contextlib
import gc
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import attrs
import click
import trio

from mesh import AnyService, Connection, Context, Endpoint, HttpRequest
from tests.bench import report
from tests.bench.features import OFF, ON, PRODUCTION, Feature
from tests.proxies import stack, unheard

REPLY = b"HTTP/1.1 200 OK\r\nserver: nginx\r\ndate: Mon, 23 Nov 2026 00:00:00 GMT\r\ncontent-length: 2\r\n\r\nok"
FIELDS = [(b"host", b"web"), (b"user-agent", b"bench"), (b"accept", b"*/*")]
DTAB = "/svc => 1 * /$/inet/127.0.0.1/1 & 1 * /$/inet/127.0.0.1/2"
BATCH = 500  # requests: 20 ms, short beside what disturbs a machine
DEFAULT = Feature("the default stack")


class Canned(Connection):
    """A connection to an endpoint that has answered before it is asked; one of a client needs no more than its addresses."""

    def __init__(self, endpoint: Endpoint, reply: bytes = REPLY) -> None:
        super().__init__(str(endpoint))
        self._reply = reply

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Take a request, and forget it."""

    def send(self, data: bytes | bytearray | memoryview) -> None:
        """Do the same at once, as a socket mostly does."""

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Return a reply."""
        return self._reply

    def is_quiet(self) -> bool:
        """Return true: nothing comes that was not asked for."""
        return True

    def close(self) -> None:
        """Do nothing."""


async def canned(endpoint: Endpoint) -> Connection:
    """Open such a connection: a connector."""
    return Canned(endpoint)


def built(feature: Feature) -> contextlib.AbstractAsyncContextManager[AnyService]:
    """Build a router with one feature; what takes its server's requests is there inside the block."""
    return unheard(stack(DTAB, server=feature.server, **feature.router), canned)


async def batch(service: AnyService, count: int) -> float:
    """Send `count` requests one after the other and return the processor time of one, in µs."""
    now, client = trio.current_time(), Canned(Endpoint("127.0.0.1", 50000))
    client.local = "127.0.0.1:4140"
    await trio.lowlevel.checkpoint()
    began = time.process_time()
    for _ in range(count):
        context = Context(now, client.peer, client)
        reply = await service(HttpRequest(b"GET", b"/", FIELDS.copy(), context=context))
        await reply.body.receive()
        await reply.aclose()
    used = time.process_time() - began
    if reply.status != 200:
        raise RuntimeError(f"the last reply was {reply.status}: {reply.headers}")
    return used / count * 1e6


@attrs.frozen
class Cost:
    """What a feature costs a request, in µs: alone, `total` of all, or `added` to the default stack."""

    what: str
    total: float
    added: float


async def measure(features: Sequence[Feature], rounds: int) -> list[Cost]:
    """Return the cost of each feature, and first that of the default stack itself."""
    costs = []
    for feature in features:
        async with built(DEFAULT) as plain, built(feature) as changed:
            for service in (plain, changed):
                await batch(service, BATCH)
            gc.collect()
            pairs = [await _pair(plain, changed, number) for number in range(rounds)]
        costs.append(Cost(feature.what, median(one for one, _ in pairs), median(other - one for one, other in pairs)))
    return [Cost(DEFAULT.what, median(cost.total for cost in costs), 0.0), *costs]


async def _pair(plain: AnyService, changed: AnyService, number: int) -> tuple[float, float]:
    """Return what a request costs in both; they begin in turn."""
    if number % 2:
        return await batch(plain, BATCH), await batch(changed, BATCH)
    other = await batch(changed, BATCH)
    return await batch(plain, BATCH), other


def table(base: float, switched_on: Sequence[Cost], taken_out: Sequence[Cost]) -> str:
    """Return the table; a role that was taken out costs what became less."""
    lines = ["|  | µs per request |", "| --- | --: |", f"| {DEFAULT.what}, all of it | {base:.1f} |"]
    lines += [f"| {cost.what} | +{max(0.0, cost.added):.1f} |" for cost in switched_on]
    lines += [f"| {cost.what}, on by default | {max(0.0, -cost.added):.1f} |" for cost in taken_out]
    return "\n".join(lines)


@click.command()
@click.option("--rounds", default=40, show_default=True, help="Batches of each variant.")
@click.option(
    "--write", type=click.Path(exists=True, path_type=Path), help="Put the table between this file's markers."
)
def main(rounds: int, write: Path | None) -> None:
    """Measure what roles and features of the HTTP stack cost per request, one at a time."""
    place = write and write.absolute()
    with tempfile.TemporaryDirectory(prefix="linker-costs-") as folder, contextlib.chdir(folder):
        base, *costs = trio.run(measure, [*ON, PRODUCTION, *OFF], rounds)
    text = table(base.total, costs[: -len(OFF)], costs[-len(OFF) :])
    click.echo(text)
    if place:
        report.write(place, text, "costs")


if __name__ == "__main__":
    main(prog_name="python -m tests.bench.costs")
