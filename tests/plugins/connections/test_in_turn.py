"""Connections whose exchanges come one after another: how they end."""

import math
import socket
from collections.abc import AsyncIterator

import pytest
import trio
from trio.testing import MockClock

from mesh import Context, Reply, Request, SocketConnection, Switch
from mesh_plugins.connections.in_turn import (
    CLIENT_GONE,
    DRAIN_SECONDS,
    HURRY_SECONDS,
    LINGER_BYTES,
    LINGER_SECONDS,
    InTurn,
)
from tests.socketpairs import FILLER, connected, drain, fill
from tests.waiting import settled

PATIENCE = 30.0


async def first(_request: Request, /) -> Reply:
    return Reply()


async def second(_request: Request, /) -> Reply:
    return Reply()


class Line(InTurn):
    """A protocol of single bytes: one begins an exchange, the next ends it; `.` and `,` end the connection, `k` is answered."""

    async def _serve(self) -> None:
        while piece := await self._connection.receive_some(1):
            if piece == b".":
                await self._linger()
                return
            if piece == b",":
                return
            if piece == b"k":
                self._connection.send(b"kept")
            self._busy = not self._busy
            self._context = Context()
            self._service = self._switch.service

    def give_up(self) -> Context:
        self._give_up()
        return self._context


class Bench:
    """A connection that is served, and its other end. `over` is when it has ended."""

    def __init__(self, connection: SocketConnection, far: socket.socket) -> None:
        self.connection = connection
        self.far = far
        self.switch = Switch(first)
        self.line = Line(connection, self.switch, math.inf, PATIENCE)
        self.over = math.nan

    async def run(self) -> None:
        await self.line.run()
        self.over = trio.current_time()

    async def say(self, text: bytes) -> None:
        self.far.sendall(text)
        await settled()


@pytest.fixture
async def bench(nursery: trio.Nursery) -> AsyncIterator[Bench]:
    with connected() as (connection, far):
        built = Bench(connection, far)
        nursery.start_soon(built.run)
        await settled()
        yield built


async def test_a_connection_is_known_to_its_switch_as_long_as_it_lives(bench: Bench) -> None:
    before = set(bench.switch.connections)
    bench.far.close()
    await settled()

    assert (before, bench.switch.connections) == ({bench.line}, set())


async def test_an_idle_client_may_still_begin_an_exchange_for_a_moment_when_its_listener_drains(
    bench: Bench, autojump_clock: MockClock
) -> None:
    bench.line.drain()
    await trio.sleep(1)

    assert bench.over == pytest.approx(DRAIN_SECONDS, abs=0.01)


async def test_an_exchange_that_is_open_is_not_hastened(bench: Bench, autojump_clock: MockClock) -> None:
    await bench.say(b"x")

    bench.line.drain()
    await trio.sleep(10)

    assert math.isnan(bench.over)


@pytest.mark.parametrize(("said", "over"), [(b"", HURRY_SECONDS), (b"xx", math.nan)], ids=["nothing asked", "asked"])
async def test_only_a_client_that_never_asked_is_hurried(
    bench: Bench, autojump_clock: MockClock, said: bytes, over: float
) -> None:
    if said:
        await bench.say(said)

    bench.line.hurry()
    await trio.sleep(10)

    assert bench.over == pytest.approx(over, abs=0.01, nan_ok=True)


async def test_a_service_is_let_go_between_exchanges_alone(bench: Bench) -> None:
    await bench.say(b"x")
    bench.switch.service = second
    while_open = bench.line.leaves(first)
    await bench.say(b"x")

    assert (while_open, bench.line.leaves(first), bench.line.leaves(second)) == (False, True, False)


async def test_an_exchange_that_nobody_waits_for_says_so_to_all_that_it_passes_through(bench: Bench) -> None:
    await bench.say(b"x")

    context = bench.line.give_up()
    await settled()

    assert (context.flags, math.isnan(bench.over)) == (CLIENT_GONE, False)


async def test_a_client_that_goes_on_after_the_last_word_is_cut_off_in_time(
    bench: Bench, autojump_clock: MockClock
) -> None:
    await bench.say(b".")
    await trio.sleep(10)

    assert bench.over == pytest.approx(LINGER_SECONDS, abs=0.01)


async def test_a_client_that_floods_after_the_last_word_is_cut_off_at_once(
    bench: Bench, autojump_clock: MockClock
) -> None:
    await bench.say(b".")
    for _time in range(LINGER_BYTES // len(FILLER)):
        await bench.say(FILLER)

    assert bench.over == 0


@pytest.mark.parametrize("end", [b",", b"."], ids=["at once", "lingering"])
async def test_a_client_that_reads_late_gets_what_was_kept_for_it(bench: Bench, end: bytes) -> None:
    await fill(bench.connection)

    await say_among_others(bench, b"k" + end)
    received = b""
    while piece := drain(bench.far):
        received = piece
        await settled()

    assert received[-4:] == b"kept"


async def test_what_was_kept_is_not_kept_for_ever(bench: Bench, autojump_clock: MockClock) -> None:
    await fill(bench.connection)
    begun = trio.current_time()

    await say_among_others(bench, b"k,")
    bench.line.drain()
    await trio.sleep(100)

    assert bench.over - begun == pytest.approx(PATIENCE, abs=0.01)


async def say_among_others(bench: Bench, text: bytes) -> None:
    """Say something while the poller is busy with another connection, too, so that answers are kept."""
    with connected() as (_other, far):
        await settled()
        far.send(b"?")
        await bench.say(text)
