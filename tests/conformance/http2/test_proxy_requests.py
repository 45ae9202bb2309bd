"""The published bad inputs through a running proxy: what the client is answered, and what the endpoint gets to see."""

import functools

import pytest
import trio

from tests.e2e.h2cases import Case, cases, last_ping, sent
from tests.e2e.h2judging import Seen, check, understood
from tests.e2e.memory import resident_bytes
from tests.e2e.raw import reply
from tests.e2e.stubs import Stub, answering, stubs
from tests.proxies import proxy, stacks
from tests.waiting import idle_clock

pytestmark = pytest.mark.slow

AT_A_TIME = 24  # cases
PATIENCE_SECONDS = 20.0  # that a case waits for the end of its connection, or for the answer to the last PING
QUIET_SECONDS = 0.3  # after that answer: then nothing more will come
MOST_BYTES = 16 * 2**20
PROFILES = ("mesh", "edge")


@functools.cache
def seen(profile: str) -> dict[str, Seen]:
    """Return what became of every case, by its id, each at a router and an endpoint of its own."""
    return trio.run(_see_all, profile, clock=idle_clock())


async def _see_all(profile: str) -> dict[str, Seen]:
    chosen = cases()
    found: dict[str, Seen] = {}
    limiter = trio.CapacityLimiter(AT_A_TIME)

    async def see(number: int, case: Case) -> None:
        async with limiter:
            found[case["id"]] = await _see(case, running.ports[number], endpoints[number])

    async with (
        stubs(len(chosen), answering(reply(body=b"ok"))) as endpoints,
        proxy(
            stacks(*(_router(profile, endpoint, case) for endpoint, case in zip(endpoints, chosen, strict=True)))
        ) as running,
        trio.open_nursery() as nursery,
    ):
        for number, case in enumerate(chosen):
            nursery.start_soon(see, number, case)
    return found


def _router(profile: str, endpoint: Stub, case: Case) -> dict[str, object]:
    return {
        "protocol": "h2",
        "label": case["id"],
        "dtab": f"/svc => /$/inet/127.0.0.1/{endpoint.port};",
        "servers": [{"port": 0, "profile": profile}],
        "client": {"protocol": "http/1.1"},
    }


async def _see(case: Case, port: int, endpoint: Stub) -> Seen:
    output = bytearray()
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    async with stream, trio.open_nursery() as nursery:
        nursery.start_soon(_play, stream, case)
        with trio.move_on_after(PATIENCE_SECONDS) as patience:
            try:
                async for piece in stream:
                    output += piece
                    if _answered_last_ping(bytes(output)):
                        patience.deadline = trio.current_time() + QUIET_SECONDS
            except trio.BrokenResourceError:
                pass  # it was reset: what came before counts
        nursery.cancel_scope.cancel()
    return understood(bytes(output), len(endpoint.requests), endpoint.received.decode("latin-1"))


async def _play(stream: trio.SocketStream, case: Case) -> None:
    try:
        for piece in sent(case):
            if isinstance(piece, bytes):
                await stream.send_all(piece)
            else:
                await trio.sleep(piece)
        await stream.send_all(last_ping())
    except trio.BrokenResourceError:
        return  # what the proxy said before it closed is still to be read


def _answered_last_ping(output: bytes) -> bool:
    return last_ping()[9:] in output


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in cases()])
def test_a_request_is_answered_as_it_should_be(case: Case, profile: str) -> None:
    check(case["expect"], seen(profile)[case["id"]])


async def test_no_request_fills_the_memory() -> None:
    heavy = [case for case in cases() if case["class"] == "h2-dos"]

    async with (
        stubs(len(heavy), answering(reply(body=b"ok"))) as endpoints,
        proxy(
            stacks(*(_router("mesh", endpoint, case) for endpoint, case in zip(endpoints, heavy, strict=True)))
        ) as running,
    ):
        grown = {}
        for number, case in enumerate(heavy):
            before = resident_bytes()
            await _see(case, running.ports[number], endpoints[number])
            grown[case["id"]] = resident_bytes() - before

    assert {name: size for name, size in grown.items() if size > MOST_BYTES} == {}
