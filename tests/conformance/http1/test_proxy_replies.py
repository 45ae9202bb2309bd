"""The published bad replies through a running proxy: what the client is told, and what becomes of the connection."""

import functools
import itertools
from collections.abc import Callable

import attrs
import pytest
import trio

from tests.e2e.cases import Case, Steps, cases, cuttings, play
from tests.e2e.raw import SECONDS, Incomplete, RawConnection, connected, reply
from tests.e2e.stubs import Behaviour, Stub, stub
from tests.proxies import Proxy, one, proxy, stacks
from tests.waiting import idle_clock

pytestmark = pytest.mark.slow

ENGINES = ("fast", "reference")
VERSIONS = ("1.1", "1.0")
"""What the client speaks: one that speaks 1.0 learns the end of some bodies from the end of its connection alone."""
AGAIN = b"/again"
AT_A_TIME = 16  # cases, each with a proxy of its own: on a busy machine, more would wait for one another too long


@attrs.frozen
class Seen:
    """What became of one case, sent in one way. `again` is the body of the next reply, from an endpoint that is well."""

    statuses: list[int]
    complete: bool
    body: bytes
    received: bytes
    upstream_closed: bool
    again: bytes


@functools.cache
def seen(engine: str) -> dict[tuple[str, str], list[Seen]]:
    """Return what became of every case, by the client's version and id, each with an endpoint of its own."""
    return trio.run(_see_all, engine, clock=idle_clock())


async def _see_all(engine: str) -> dict[tuple[str, str], list[Seen]]:
    found: dict[tuple[str, str], list[Seen]] = {}
    limiter = trio.CapacityLimiter(AT_A_TIME)

    async def see(case: Case, version: str) -> None:
        async with limiter:
            await _see(found[version, case["id"]], case, version, engine)

    async with trio.open_nursery() as nursery:
        for case, version in itertools.product(cases("http1-response"), VERSIONS):
            found[version, case["id"]] = []
            nursery.start_soon(see, case, version)
    return found


async def _see(found: list[Seen], case: Case, version: str, engine: str) -> None:
    for steps in cuttings(case["upstream_sends"]):
        router = one(0, engine=engine, client={"limits": case.get("with_limits", {})})
        async with stub(_playing(steps)) as endpoint:
            router["dtab"] = f"/svc => /$/inet/127.0.0.1/{endpoint.port};"
            async with proxy(stacks(router)) as running:
                found.append(await _exchange(running, endpoint, case, version))


def _playing(steps: Steps) -> Behaviour:
    """Answer `/again` as any endpoint would, anything else as the steps say."""
    is_early = {"pre_request": True} in steps
    said = [step for step in steps if "pre_request" not in step]

    async def behave(_stub: Stub, connection: RawConnection) -> None:
        while (request := await connection.message()) is not None:
            if request.target == AGAIN:
                await connection.send(reply(body=b"again"))
                continue
            if is_early:
                await connection.send(reply(body=b"first"))
            await play(connection, said)

    return behave


async def _exchange(running: Proxy, endpoint: Stub, case: Case, version: str) -> Seen:
    asked = f"{case['request_method']} / HTTP/{version}\r\nHost: a.test\r\n\r\n".encode()
    statuses: list[int] = []
    body = b""
    complete = False
    async with running.connect() as client:
        await client.send(asked)
        try:
            while not complete and (message := await client.message()):
                statuses.append(message.status)
                complete, body = message.status >= 200, message.body
        except Incomplete as error:
            statuses += [error.message.status] if error.message else []
        await client.is_closed(0.0)  # for what came after the reply
        received = bytes(client.received)
    async with connected(running.ports[0]) as client:
        await client.send(f"GET {AGAIN.decode()} HTTP/1.1\r\nHost: a.test\r\n\r\n".encode())
        again = (await client.reply()).body
    upstream_closed = _must_close(case["expect"]) and await _is_closed(endpoint.connections[0])
    return Seen(statuses, complete, body, received, upstream_closed, again)


def _must_close(expect: Case) -> bool:
    """Return whether the connection to the endpoint is good for nothing any more."""
    return expect["action"] == "discard" or expect.get("upstream_conn_reused") is False


async def _is_closed(connection: RawConnection) -> bool:
    """Return whether the proxy closes a connection, whose own task reads from it."""
    with trio.move_on_after(SECONDS):
        await connection.gone.wait()
    return connection.gone.is_set()


def _begins(text: str) -> Callable[[bytes], bool]:
    start = text.encode("latin-1")
    return lambda line: line.startswith(start)


ALL = [
    pytest.param(engine, version, case, id=f"{engine}-{version}-{case['id']}")
    for engine, version, case in itertools.product(ENGINES, VERSIONS, cases("http1-response"))
]


@pytest.mark.parametrize(("engine", "version", "case"), ALL)
def test_a_reply_is_passed_on_as_it_should_be_however_it_is_cut(engine: str, version: str, case: Case) -> None:
    expect = case["expect"]

    found = seen(engine)[version, case["id"]]

    for one_way in found:
        final = [status for status in one_way.statuses if status >= 200]
        match expect["action"]:
            case "abort":
                assert final[-1:] == [502] or (final[-1:] in ([200], []) and not one_way.complete)
            case "discard":
                assert (final, one_way.body) == ([200], b"first")
            case _:
                assert one_way.complete
                assert [status for status in final if status not in expect["status"]] == []
        assert one_way.upstream_closed or not _must_close(expect)
        lines = one_way.received.split(b"\r\n")
        assert [text for text in expect.get("client_lacks", []) if any(map(_begins(text), lines))] == []
        assert b"EVIL" not in one_way.received
        assert one_way.again == b"again"
