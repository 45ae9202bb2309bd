"""The published bad requests through a running proxy: what the client is answered, and what the endpoint gets to see."""

import functools
import itertools
import math

import attrs
import pytest
import trio

from tests.e2e.cases import Case, Steps, cases, cuttings, play
from tests.e2e.memory import resident_bytes
from tests.e2e.raw import Incomplete, RawConnection, reply, request
from tests.e2e.stubs import Stub, answering, stubs
from tests.proxies import Proxy, one, proxy, stacks
from tests.waiting import idle_clock
from tests.work import Work, counted

pytestmark = pytest.mark.slow

ENGINES = ("fast", "reference")
PROFILES = ("mesh", "edge")
QUIET_SECONDS = 0.2  # without another byte, after as many replies as expected: then no more will come
AT_A_TIME = 48  # cases, each with some eight sockets
PATIENCE_SECONDS = 1.5  # that a case waits for replies that need not come
BYSTANDER = b"/bystander"
MOST_BYTES = 16 * 2**20
MOST_CALLS = 200_000  # of functions between two turns of the loop: some 50 ms


@attrs.frozen
class Seen:
    """What became of one case, sent in one way."""

    statuses: list[int]
    closed: bool
    requests: int
    arrived: bytes
    others_go_on: bool


def cases_for(profile: str) -> list[Case]:
    return [case | {"profile": profile} for case in cases("http1") if case.get("profile", profile) == profile]


@functools.cache
def seen(engine: str) -> dict[tuple[str, str], list[Seen]]:
    """Return what became of every case, by profile and id, each at a router and an endpoint of its own."""
    return trio.run(_see_all, engine, clock=idle_clock())


async def _see_all(engine: str) -> dict[tuple[str, str], list[Seen]]:
    chosen = sorted(
        (case for profile in PROFILES for case in cases_for(profile)), key=lambda case: case["class"] != "slow"
    )
    found: dict[tuple[str, str], list[Seen]] = {(case["profile"], case["id"]): [] for case in chosen}
    limiter = trio.CapacityLimiter(AT_A_TIME)

    async def see(number: int, case: Case) -> None:
        async with limiter:
            await _see(found[case["profile"], case["id"]], case, running, number, endpoints[number])

    async with (
        stubs(len(chosen), answering(reply())) as endpoints,
        proxy(_stack(chosen, endpoints, engine)) as running,
        trio.open_nursery() as nursery,
    ):
        for number, case in enumerate(chosen):
            nursery.start_soon(see, number, case)
    return found


def _stack(chosen: list[Case], endpoints: list[Stub], engine: str) -> str:
    return stacks(
        *(
            one(
                endpoint.port,
                label=f"{case['profile']}-{case['id']}",
                engine=engine,
                server={"profile": case["profile"], "limits": case.get("with_limits", {})},
            )
            for case, endpoint in zip(chosen, endpoints, strict=True)
        )
    )


async def _see(found: list[Seen], case: Case, running: Proxy, number: int, endpoint: Stub) -> None:
    async with running.connect(number) as bystander:
        for steps in cuttings(case["input"]):
            await bystander.send(request(target=BYSTANDER.decode()))
            first = (await bystander.reply()).status
            endpoint.requests.clear()
            before = {connection: len(connection.received) for connection in endpoint.connections}
            async with running.connect(number) as client:
                statuses, closed = await _exchange(client, steps, case["expect"])
            arrived = b"".join(
                bytes(connection.received[before.get(connection, 0) :]) for connection in endpoint.connections
            )
            arrived += b"".join(message.body for message in endpoint.requests)  # whatever chunks it came in
            requests = len(endpoint.requests)
            await bystander.send(request(target=BYSTANDER.decode()))
            found.append(Seen(statuses, closed, requests, arrived, first == (await bystander.reply()).status == 200))


async def _exchange(client: RawConnection, steps: Steps, expect: Case) -> tuple[list[int], bool]:
    """Play the steps, and read until the connection ends, if it has to, or nothing more can be expected."""
    statuses: list[int] = []
    await play(client, steps)
    try:
        if expect.get("close"):
            await _read(client, statuses, math.inf)
        else:
            await _read(client, statuses, 1)
            with trio.move_on_after(PATIENCE_SECONDS):
                await _read(client, statuses, max(_listed(expect.get("upstream_requests", 1))))
            await client.is_closed(QUIET_SECONDS)
    except Incomplete:
        statuses.append(0)
    except trio.TooSlowError:
        return statuses, False  # nothing came of it that had to
    return statuses, client.ended


async def _read(client: RawConnection, statuses: list[int], wanted: float) -> None:
    """Add the statuses of replies until so many are final, or the connection has ended."""
    while sum(status >= 200 for status in statuses) < wanted and (message := await client.message()):
        statuses.append(message.status)


def _listed(value: int | list[int]) -> list[int]:
    return value if isinstance(value, list) else [value]


ALL = [
    pytest.param(engine, case, id=f"{engine}-{profile}-{case['id']}")
    for engine, profile in itertools.product(ENGINES, PROFILES)
    for case in cases_for(profile)
]


@pytest.mark.parametrize(("engine", "case"), ALL)
def test_a_request_is_answered_as_it_should_be_however_it_is_cut(engine: str, case: Case) -> None:
    expect = case["expect"]

    found = seen(engine)[case["profile"], case["id"]]

    for one_way in found:
        assert [status for status in one_way.statuses if status not in expect["status"]] == []
        assert one_way.statuses != [] or 0 in expect["status"]
        assert one_way.closed or not expect.get("close")
        assert one_way.requests in _listed(expect.get("upstream_requests", [0, 1, 2]))
        if expect["action"] == "forward":
            assert 200 in one_way.statuses
        lacking = [
            text for text in expect.get("upstream_contains", []) if text.encode("latin-1") not in one_way.arrived
        ]
        assert lacking == []
        assert [text for text in expect.get("upstream_lacks", []) if text.encode("latin-1") in one_way.arrived] == []
        assert one_way.others_go_on


@pytest.mark.parametrize("engine", ENGINES)
async def test_no_request_stalls_the_loop_or_fills_the_memory(engine: str) -> None:
    heavy = [case for case in cases_for("mesh") if case["class"] == "limits"]

    async with (
        stubs(len(heavy), answering(reply())) as endpoints,
        proxy(_stack(heavy, endpoints, engine)) as running,
    ):
        costs = {}
        for number, case in enumerate(heavy):
            costs[case["id"]] = await _cost(running, number, case)

    assert {name: cost for name, cost in costs.items() if cost[0] > MOST_CALLS or cost[1] > MOST_BYTES} == {}, costs


async def _cost(running: Proxy, number: int, case: Case) -> tuple[int, int]:
    """Return the most calls that were made without letting others have their turn, and the growth of memory."""
    most = 0
    before = resident_bytes()

    async def watch(work: Work) -> None:
        nonlocal most
        while True:
            work.calls = 0
            await trio.lowlevel.checkpoint()
            most = max(most, work.calls)

    with counted() as work:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch, work)
            async with running.connect(number) as client:
                await _exchange(client, case["input"], case["expect"])
            nursery.cancel_scope.cancel()
    return most, resident_bytes() - before
