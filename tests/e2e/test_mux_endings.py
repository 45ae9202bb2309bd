"""Calls of Mux, ThriftMux and Thrift that end in every way at every point: nothing is left, and the next is answered."""

import socket
import struct
import time
from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import pytest
import trio

from mesh_plugins.finagle.contexts import DEADLINE, pack_deadline
from mesh_plugins.mux.wire import RDISCARDED, RDISPATCH, TDRAIN, frame
from tests.e2e.mux_leftovers import ANSWER, REPLY, RERR, Client, Peer, Phase, peer
from tests.proxies import Proxy, proxy, settings_of, stacks

SECONDS = 60.0  # that anything may take, on a busy machine, before a test gives up
SHORT_MS = 100
LEVELS = ("/pending", "/load", "/pool_waiters")
RESET = struct.pack("ii", 1, 0)


@attrs.frozen
class Route:
    """Which protocol clients speak, and whether endpoints speak Mux; if not, how many calls a connection to one carries."""

    protocol: str
    to_mux: bool
    calls: int = 1

    @property
    def shares(self) -> bool:
        return self.to_mux or self.calls > 1

    def stack(self, port: int, keys: dict[str, Any], binding_ms: int = 10000) -> str:
        plain: dict[str, Any] = {} if self.to_mux else {"thriftCallsPerConnection": self.calls}
        timeout = keys.get("attempt")
        client = {**plain, **({"requestAttemptTimeoutMs": timeout} if timeout else {})}
        service = {"totalTimeoutMs": keys["total"]} if "total" in keys else {}
        rules = f"/svc => /$/inet/127.0.0.1/{port};"
        router = {"protocol": self.protocol, "dtab": rules, "servers": [{"port": 0}], "client": client}
        experimental = {"experimental": True} if self.protocol == "thriftmux" else {}
        return stacks({**router, **experimental, "service": service, "bindingTimeoutMs": binding_ms}, grace_ms=300)


@attrs.define(eq=False)
class Case:
    """One call, which is under way as far as `endpoint` goes."""

    route: Route
    endpoint: Peer
    running: Proxy
    client: Client
    keys: dict[str, Any]

    async def answered(self) -> None:
        """Wait until the client is told something."""
        with trio.fail_after(SECONDS):
            assert await self.client.answer() is not None


async def the_client_goes(case: Case) -> None:
    await case.client.stream.aclose()


async def the_client_resets(case: Case) -> None:
    case.client.stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    await case.client.stream.aclose()


async def the_client_gives_the_call_up(case: Case) -> None:
    await case.client.discard()
    await case.answered()


async def the_endpoint_goes(case: Case) -> None:
    case.endpoint.phase = Phase.ANSWERED
    for stream in list(case.endpoint.streams):
        await stream.aclose()
    await case.answered()


async def the_endpoint_resets(case: Case) -> None:
    case.endpoint.phase = Phase.ANSWERED
    for stream in list(case.endpoint.streams):
        stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        await stream.aclose()
    await case.answered()


async def the_endpoint_drains(case: Case) -> None:
    endpoint = case.endpoint
    phase, endpoint.phase = endpoint.phase, Phase.ANSWERED
    for stream in list(endpoint.streams):
        await endpoint.say(stream, frame(TDRAIN, 7))
    for stream, tag in list(endpoint.held):
        await endpoint.say(stream, frame(RDISPATCH, tag, ANSWER if phase is Phase.SENT else ANSWER[6:]))
    await case.answered()


async def the_endpoint_refuses(case: Case) -> None:
    endpoint = case.endpoint
    endpoint.phase = Phase.ANSWERED
    for stream, tag in endpoint.held or [(stream, 2) for stream in endpoint.streams]:
        await endpoint.say(stream, frame(RERR, tag, b"no"))
    await case.answered()


async def the_endpoint_drops_the_call(case: Case) -> None:
    endpoint = case.endpoint
    endpoint.phase = Phase.ANSWERED
    for stream, tag in list(endpoint.held):
        await endpoint.say(stream, frame(RDISCARDED, tag))
    await case.answered()


async def time_runs_out(case: Case) -> None:
    await case.answered()


async def the_stack_is_replaced(case: Case) -> None:
    text = case.route.stack(case.endpoint.port, case.keys, binding_ms=9000)
    settings = settings_of(text)
    case.running.linker.prepare(settings, dict).commit()
    await case.client.stream.aclose()


async def the_linker_drains(case: Case) -> None:
    with trio.fail_after(SECONDS):
        await case.running.linker.drain()


@attrs.frozen
class Ender:
    """What ends a call, and what is to be configured for it."""

    end: Callable[[Case], Awaitable[None]]
    keys: dict[str, int] = attrs.field(factory=dict)
    has_deadline: bool = False
    by_mux_client: bool = False
    by_mux_endpoint: bool = False
    phases: tuple[Phase, ...] = (Phase.CONNECTED, Phase.SENT, Phase.HALF, Phase.PIECE)


ENDERS = (
    Ender(the_client_goes),
    Ender(the_client_resets),
    Ender(the_client_gives_the_call_up, by_mux_client=True),
    Ender(the_endpoint_goes),
    Ender(the_endpoint_resets),
    Ender(the_endpoint_drains, by_mux_endpoint=True, phases=(Phase.SENT, Phase.PIECE)),
    Ender(the_endpoint_refuses, by_mux_endpoint=True, phases=(Phase.CONNECTED, Phase.SENT, Phase.PIECE)),
    Ender(the_endpoint_drops_the_call, by_mux_endpoint=True, phases=(Phase.SENT, Phase.PIECE)),
    Ender(time_runs_out, has_deadline=True, by_mux_client=True),
    Ender(time_runs_out, {"attempt": SHORT_MS}),
    Ender(time_runs_out, {"total": SHORT_MS}),
    Ender(the_stack_is_replaced),
    Ender(the_linker_drains),
)
ROUTES = (
    Route("mux", True),
    Route("thriftmux", True),
    Route("thriftmux", False),
    Route("thriftmux", False, 8),
    Route("thrift", False),
    Route("thrift", False, 8),
)


def cases(route: Route) -> list[tuple[Phase, Ender]]:
    """Return every way in which a call can end on this route, at every point."""
    return [
        (phase, ender)
        for ender in ENDERS
        for phase in ender.phases
        if (route.to_mux or not (ender.by_mux_endpoint or phase is Phase.PIECE))
        and not (ender.by_mux_client and route.protocol == "thrift")
    ]


async def play(route: Route, phase: Phase, ender: Ender) -> dict[str, object]:
    """Play one case; return what is wrong afterwards."""
    is_mux = route.protocol != "thrift"
    async with (
        peer(phase, speaks_mux=route.to_mux) as endpoint,
        proxy(route.stack(endpoint.port, ender.keys)) as running,
    ):
        client = Client(await trio.open_tcp_stream("127.0.0.1", running.ports[0]), is_mux)
        now = time.time_ns()
        deadline = [(DEADLINE, pack_deadline(now, now + SHORT_MS * 1_000_000))] if ender.has_deadline else []
        await client.call(contexts=deadline)
        if ender.end is not time_runs_out:  # which may be over before the endpoint hears of the call
            with trio.fail_after(SECONDS):
                await endpoint.reached.wait()
        await ender.end(Case(route, endpoint, running, client, ender.keys))
        wrong: dict[str, object] = {}
        if ender.end is not the_linker_drains:
            endpoint.phase = Phase.ANSWERED
            if route.shares and phase in (Phase.CONNECTED, Phase.HALF):
                for stream in list(endpoint.streams):  # of which no more can come
                    await stream.aclose()
            if not await is_answered(running, is_mux):
                wrong["the next call"] = "was not answered"
            client.stream.socket.close()
            wrong |= await left(running, endpoint)
        client.stream.socket.close()
    return wrong


async def is_answered(running: Proxy, is_mux: bool) -> bool:
    """Return whether a call on another connection is answered, if not the first then one of the next."""
    for _attempt in range(5):
        stream = await trio.open_tcp_stream("127.0.0.1", running.ports[0])
        async with stream:
            client = Client(stream, is_mux)
            await client.call()
            with trio.move_on_after(SECONDS):
                answer = await client.answer()
                if answer is not None and answer.endswith(REPLY):
                    return True
    return False


async def left(running: Proxy, endpoint: Peer) -> dict[str, object]:
    """Return what is not as it is when nothing goes on, once it has had time to become so."""
    found: dict[str, object] = {}
    with trio.move_on_after(SECONDS):
        while True:
            metrics = running.every_metric
            found = {name: value for name, value in metrics.items() if value and name.endswith(LEVELS)}
            sizes = sum(value for name, value in metrics.items() if name.endswith("/pool_size"))
            if sizes != len(endpoint.streams):
                found |= {"connections of pools": sizes, "of the endpoint": len(endpoint.streams)}
            if not found:
                break
            await trio.sleep(0.01)
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    "route", ROUTES, ids=lambda route: f"{route.protocol}-{'mux' if route.to_mux else 'thrift'}-{route.calls}"
)
async def test_however_a_call_ends_nothing_is_left_and_the_next_is_answered(route: Route) -> None:
    wrong: dict[str, object] = {}
    some = trio.CapacityLimiter(6)

    async def check(phase: Phase, ender: Ender) -> None:
        async with some:
            problems = await play(route, phase, ender)
        if problems:
            wrong[f"{phase.name} {ender.end.__name__} {ender.keys}"] = problems

    async with trio.open_nursery() as nursery:
        for phase, ender in cases(route):
            nursery.start_soon(check, phase, ender)

    assert wrong == {}
