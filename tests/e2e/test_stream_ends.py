"""Every way in which a call can end, at every moment, between every two versions: nothing may be left of it on either side."""

import contextlib
import itertools
import socket
import time
from collections.abc import AsyncIterator

import attrs
import pytest
import trio
from trio.testing import MockClock

from mesh_plugins.http2.engine import CANCEL, INTERNAL_ERROR, NO_ERROR, REFUSED_STREAM
from mesh_plugins.http2.frames import write_goaway
from tests.e2e.ending import (
    HUGE,
    LARGE,
    FramedCaller,
    FramedEndpoint,
    FramedServed,
    Half,
    PlainCall,
    PlainCalls,
    PlainServed,
    abort,
    framed_caller,
    framed_endpoint,
    plain_call,
)
from tests.e2e.leftovers import LEVELS, unfinished
from tests.e2e.stubs import Stub, stub
from tests.proxies import Proxy, one, proxy, settings_of, stacks
from tests.waiting import until

pytestmark = pytest.mark.slow

CROSSINGS = ("h2 to h2", "h1 to h2", "h2 to h1")
PHASES = ("asked", "uploading", "answering", "downloading", "stuck", "both")
"""Waiting for a head; the same with a body that the endpoint does not read; with the head; with some of the reply; with more
of it than the client reads; with some of the reply and a body that is not read."""
BEFORE_HEAD = PHASES[:2]
CODES = range(14)
DEADLINE_SECONDS = 5.0  # of the clock of the test, which jumps there


@attrs.define(eq=False)
class Bench:
    """A linker, its endpoint, and one call at a time."""

    crossing: str
    running: Proxy
    nursery: trio.Nursery
    framed: FramedEndpoint | None
    plain: PlainCalls | None
    listening: Stub | None
    text: str

    @property
    def calls(self) -> "list[FramedServed] | list[PlainServed]":
        if self.framed is not None:
            return self.framed.calls
        assert self.plain is not None
        return self.plain.calls

    @contextlib.asynccontextmanager
    async def call(self, phase: str, target: str, *lines: tuple[str, str]) -> AsyncIterator["Talk"]:
        """Make a call and wait until it has come to a phase."""
        self.calls.clear()
        deaf, body = phase == "stuck", LARGE if phase in ("uploading", "both") else None
        port = self.running.ports[0]
        async with contextlib.AsyncExitStack() as open_:
            caller = None
            if self.crossing.startswith("h2"):
                caller = await open_.enter_async_context(framed_caller(port))
                fields = [(name.encode(), value.encode()) for name, value in lines]
                call: Half | PlainCall = caller.ask(target.encode(), b"POST", body, fields)
                assert isinstance(call, Half)
                call.deaf = deaf
                call.ends = body is None
            else:
                fields1 = [f"{name}: {value}" for name, value in lines]
                call = await plain_call(port, self.nursery, target, body, fields1, deaf=deaf)
                open_.callback(call.connection.close)
            talk = Talk(self, caller, call, phase)
            if target != "/ok":
                await talk.reach(phase)
            yield talk

    def levels(self) -> dict[str, float]:
        """Return what shows that something goes on."""
        metrics = self.running.metrics()
        left = {name: value for name, value in metrics.items() if value and name.endswith((*LEVELS, "open_streams"))}
        known = sum(value for name, value in metrics.items() if name.endswith("/pool_size"))
        if self.framed is not None:
            there = self.framed.open_connections
        else:
            assert self.listening is not None
            there = sum(not connection.ended for connection in self.listening.connections)
        if known != there:
            left |= {"connections of the pool": known, "of the endpoint": there}
        return left | dict.fromkeys(unfinished(), 1.0)


@attrs.define(eq=False)
class Talk:
    """A call as its client and its endpoint have it."""

    bench: Bench
    caller: FramedCaller | None
    call: Half | PlainCall
    phase: str

    @property
    def served(self) -> FramedServed | PlainServed:
        return self.bench.calls[0]

    async def reach(self, phase: str) -> None:
        await until(lambda: self.bench.calls, f"{phase}: the endpoint is asked")
        if phase == "stuck":
            self.served.begin(HUGE, ends=True)
            await trio.sleep(0.01)
        elif phase == "answering":
            self.served.begin(b"", ends=False)
            await until(lambda: self.call.status == 200, "the head comes")
        elif phase in ("downloading", "both"):
            self.served.begin(b"x" * 10, ends=False)
            await until(lambda: self.call.received == 10, "ten bytes come")

    async def end(self, how: str) -> None:
        """End the call; the endpoint listens again."""
        if isinstance(self.served, PlainServed):
            self.served.listens.set()
        side, _, what = how.partition(" ")
        if side == "client":
            await self._client_ends(what)
        elif side == "endpoint":
            await self._endpoint_ends(what)
        else:
            pass_deadline()
        if side != "client" and not self.is_unseen(how):
            await until(lambda: self.call.over, f"the client learns of {how}")
        await until(lambda: self.served.gone, f"the endpoint learns of {how}")

    def is_unseen(self, how: str) -> bool:
        """Return whether nobody can know: what ends a reply of HTTP/1.1 stands behind what is not read of it."""
        plain = isinstance(self.call, PlainCall) or (isinstance(self.served, PlainServed) and how != "deadline")
        return plain and self.phase == "stuck"

    async def _client_ends(self, what: str) -> None:
        if what == "reset":
            assert isinstance(self.call, Half)
            self.call.end_with(CANCEL)
            return
        stream = self.call.end.stream if isinstance(self.call, Half) else self.call.connection.stream
        if what == "fin":
            stream.socket.shutdown(socket.SHUT_WR)
        else:
            abort(stream.socket)

    async def _endpoint_ends(self, what: str) -> None:
        served = self.served
        stream = served.connection.end.stream if isinstance(served, FramedServed) else served.connection.stream
        if what == "fin":
            await stream.aclose()
        elif what == "abort":
            abort(stream.socket)
        else:
            assert isinstance(served, FramedServed)
            kind, _, code = what.partition(" ")
            engine, end = served.connection.engine, served.connection.end
            if kind == "reset":
                served.half.end_with(int(code))
            elif kind == "goaway":
                engine._send_control(write_goaway(0 if code == "early" else 2**31 - 1, NO_ERROR, b""))
                end.flush()
                await trio.sleep(0.005)
                if code != "finish":
                    await stream.aclose()
                elif not served.half.left and not served.half.ends:
                    served.half.send(b"rest", ends=True)
                elif not self.call.status:
                    served.begin(b"rest", ends=True)


@contextlib.asynccontextmanager
async def bench(
    crossing: str, engine: str, *, streams: int = 1024, client: dict[str, object] | None = None
) -> AsyncIterator[Bench]:
    speaks = "h2" if crossing.endswith("h2") else "http/1.1"
    keys = {"protocol": speaks, "failureAccrual": {"kind": "none"}, **(client or {})}
    server = {"protocols": ["http/1.1", "h2"]}
    async with trio.open_nursery() as nursery, contextlib.AsyncExitStack() as open_:
        framed = plain = listening = None
        if crossing.endswith("h2"):
            framed = await open_.enter_async_context(framed_endpoint(streams))
            port = framed.port
        else:
            plain = PlainCalls(nursery)
            listening = await open_.enter_async_context(stub(plain.behave))
            port = listening.port
        router = one(port, server=server, client=keys, engine=engine, bindingTimeoutMs=9999)
        text = stacks({**router, "protocol": "h2", "label": "http"})
        running = await open_.enter_async_context(proxy(text, warnings=True))
        yield Bench(crossing, running, nursery, framed, plain, listening, text)
        nursery.cancel_scope.cancel()


async def settled(bench: Bench, what: str) -> None:
    """Check that nothing is left, and that the next call is answered."""
    async with bench.call("asked", "/ok") as talk:
        await until(lambda: talk.call.over, f"{what}: the next call is answered")
        assert talk.call.status == 200, what
    with contextlib.suppress(AssertionError):
        await until(lambda: not bench.levels(), what)
    assert bench.levels() == {}, what


def endings(crossing: str) -> list[str]:
    found = ["client fin", "client abort", "endpoint fin", "endpoint abort", "deadline"]
    if crossing.startswith("h2"):
        found.append("client reset")
    if crossing.endswith("h2"):
        found += [f"endpoint reset {code}" for code in CODES]
        found += ["endpoint goaway early", "endpoint goaway late", "endpoint goaway finish"]
    return found


@pytest.mark.parametrize("engine", ["fast", "reference"])
@pytest.mark.parametrize("crossing", CROSSINGS)
async def test_nothing_is_left_of_a_call_however_it_ends(crossing: str, engine: str, mock_clock: MockClock) -> None:
    mock_clock.rate = 1.0
    wrong: list[str] = []
    async with bench(crossing, engine) as made:
        for phase, how in itertools.product(PHASES, endings(crossing)):
            if (phase, how) == ("stuck", "endpoint goaway finish"):
                continue  # it never finishes
            try:
                await one_call(made, phase, how)
            except AssertionError as error:
                wrong.append(f"{phase}, {how}: {error}")

    assert wrong == []


def deadline() -> str:
    """Return what the header of a call says that has a deadline."""
    now = time.time_ns()
    return f"{now} {now + int(DEADLINE_SECONDS * 1e9)}"


def pass_deadline() -> None:
    """Let the time pass that calls have."""
    clock = trio.lowlevel.current_clock()
    assert isinstance(clock, MockClock)
    clock.jump(DEADLINE_SECONDS)


async def one_call(made: Bench, phase: str, how: str) -> None:
    lines = [("l5d-ctx-deadline", deadline())] if how == "deadline" else []
    async with made.call(phase, "/call", *lines) as talk:
        repeated = phase == "asked" and how in (f"endpoint reset {REFUSED_STREAM}", "endpoint goaway early")
        if repeated:
            made.nursery.start_soon(answer_second, made)
        await talk.end(how)
        outcome(talk, phase, how, repeated=repeated)
    await settled(made, f"{phase}, {how}")


async def answer_second(made: Bench) -> None:
    await until(lambda: len(made.calls) > 1, "a second attempt")
    made.calls[1].begin(b"ok", ends=True)


@pytest.mark.parametrize(
    "how", ["client reset", "client abort", "deadline", "endpoint abort", "endpoint fin", "answered"]
)
async def test_nothing_is_left_of_a_call_that_waits_for_a_connection(how: str, mock_clock: MockClock) -> None:
    """The endpoint takes one stream at a time, and one connection is all that there may be."""
    mock_clock.rate = 1.0
    async with bench("h2 to h2", "fast", streams=1, client={"hostConnectionPool": {"maxSize": 1}}) as made:
        async with made.call("asked", "/first") as first, framed_caller(made.running.ports[0]) as other:
            fields = [(b"l5d-ctx-deadline", deadline().encode())] if how == "deadline" else []
            waiting = other.ask(b"/ok", b"POST", fields=fields)
            await until(lambda: "pool_waiters" in " ".join(made.levels()), "it waits")

            if how == "client reset":
                waiting.end_with(CANCEL)
            elif how == "client abort":
                abort(other.end.stream.socket)
            elif how == "answered":
                first.served.begin(b"x", ends=True)
            elif how == "deadline":
                pass_deadline()
            else:
                await first.end(how)
            if not how.startswith("client"):
                await until(lambda: waiting.over, f"{how}: the call that waits ends")

        assert how.startswith("client") or waiting.status == (504 if how == "deadline" else 200)
        await settled(made, how)


@pytest.mark.parametrize("crossing", CROSSINGS)
async def test_streams_in_flight_outlive_a_reload_and_the_end(crossing: str) -> None:
    for phase, what in itertools.product(PHASES, ("reload", "drain")):
        async with bench(crossing, "fast") as made, made.call(phase, "/call") as talk:
            linker = made.running.linker
            if what == "reload":
                again = settings_of(made.text.replace('"bindingTimeoutMs": 9999', '"bindingTimeoutMs": 9998'))
                linker.prepare(again, dict).commit()
                await settled_but(made, talk)
            else:
                made.nursery.start_soon(linker.drain)
            await trio.sleep(0.02)
            await finish(talk)

            assert (talk.call.status, talk.call.whole) == (200, True), (phase, what)
            await until(lambda: not streams(made), f"{phase}, {what}: no stream is open")


async def settled_but(made: Bench, talk: Talk) -> None:
    """Check that others are answered meanwhile."""
    kept = list(made.calls)
    async with made.call("asked", "/ok") as other:
        await until(lambda: other.call.over, "another one is answered")
    made.calls[:] = kept  # type: ignore[assignment]  # they are of the kind that was there
    assert talk.call.over is False


async def finish(talk: Talk) -> None:
    """Let both sides read, and send what is left."""
    call, served = talk.call, talk.served
    if isinstance(served, PlainServed):
        served.listens.set()
        if talk.phase != "stuck":
            served.finish(has_head=talk.phase not in BEFORE_HEAD)
    else:
        served.half.hear()
        if talk.phase in BEFORE_HEAD:
            served.begin(b"rest", ends=True)
        elif talk.phase != "stuck":
            served.half.send(b"rest", ends=True)
    if isinstance(call, Half):
        call.hear()
        call.send(ends=True)
    else:
        if talk.phase == "stuck":
            talk.bench.nursery.start_soon(call.read)
        if talk.phase in ("uploading", "both"):
            talk.bench.nursery.start_soon(call.send, b"0\r\n\r\n")
    await until(lambda: call.over, f"{talk.phase}: the reply is whole")


def streams(made: Bench) -> dict[str, float]:
    return {name: value for name, value in made.levels().items() if name.endswith("open_streams")}


def outcome(talk: Talk, phase: str, how: str, *, repeated: bool) -> None:
    """Check what the client was told."""
    call = talk.call
    if how.startswith("client") or talk.is_unseen(how):
        return
    if repeated or how == "endpoint goaway finish":
        assert (call.status, call.whole) == (200, True)
    elif phase in BEFORE_HEAD:
        assert (call.status, call.whole) == (504 if how == "deadline" else 502, True)
    elif isinstance(call, Half):
        assert call.status == 200
        assert call.reset is not None
        if how.startswith("endpoint reset"):
            assert call.reset == (int(how.split()[-1]) or INTERNAL_ERROR)
    else:
        assert (call.status, call.whole) == (200, False)
