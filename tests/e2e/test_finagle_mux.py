"""Mux between Finagle's own clients and servers, seen from both ends."""

from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from tests.e2e.finagle.between import Route, to
from tests.e2e.finagle.peer import SECONDS, Finagle, Server
from tests.e2e.finagle.recording import frames, recording
from tests.e2e.finagle.wire import (
    CLIENT_ID,
    DEADLINE,
    RDRAIN,
    RETRIES,
    RPING,
    TDRAIN,
    TINIT_CHECK,
    TPING,
    TRACE,
    deadline,
    trace,
)
from tests.proxies import disco, proxy

CLIENT = "rt/mux/client/#/io.l5d.fs/web"


async def test_what_travels_beside_a_call_arrives(finagle: Finagle) -> None:
    server = await finagle.serve("mux")
    async with proxy(Route("mux", to(server.port)).stack) as linker:
        client = await finagle.client("mux", linker.ports[0])
        contexts = {DEADLINE: deadline(60), "my.own": "cafe", TRACE: trace(0xA, 0xC, 0xB, flags=6), CLIENT_ID: "6d65"}

        ended = await client.call(body="6869", dtab="/a => /b; /x => /y | 2 * /z & /w", contexts=contexts)
        seen = await server.request()
        await client.close()

    assert ended["body"] == "6869"
    assert seen["dtab"] == "/a=>/b;/x=>/y | 2.00*/z & /w"
    assert 0 < seen["left ms"] <= 60_000
    assert seen["client id"] == "me"
    assert seen["contexts"]["my.own"] == "cafe"
    assert (seen["trace"], seen["sampled"]) == ("000000000000000a", True)
    assert seen["parent"] not in ("000000000000000b", "000000000000000c")  # a hop of the client, and one of the linker


async def test_contexts_of_a_reply_arrive(finagle: Finagle) -> None:
    server = await finagle.serve("mux")
    await server.behave(contexts={"back": "0102"})
    async with proxy(Route("mux", to(server.port)).stack) as linker:
        client = await finagle.client("mux", linker.ports[0])

        ended = await client.call(body="00")
        await client.close()

    assert ended["contexts"] == {"back": "0102"}


async def test_what_is_left_of_the_destination_is_sent_on(finagle: Finagle) -> None:
    server = await finagle.serve("mux")
    async with proxy(Route("mux", to(server.port, "/svc/users")).stack) as linker:
        client = await finagle.client("mux", linker.ports[0])

        await client.call(destination="/users/eu/1", body="00")
        seen = await server.request()
        await client.close()

    assert seen["destination"] == "/eu/1"


async def test_an_unknown_destination_is_an_error_with_a_reason(finagle: Finagle) -> None:
    async with proxy(Route("mux", "/svc/users => /$/inet/127.0.0.1/1").stack, warnings=True) as linker:
        client = await finagle.client("mux", linker.ports[0])

        ended = await client.call(destination="/other", body="00")
        await client.close()

    assert (ended["event"], ended["class"]) == ("failure", "ServerApplicationError")
    assert "/svc/other" in ended["why"]


async def test_many_calls_at_once_share_a_connection(finagle: Finagle) -> None:
    server = await finagle.serve("mux")
    await server.behave(ms=100)
    async with recording(server.port) as recorded, proxy(Route("mux", to(recorded.port)).stack) as linker:
        client = await finagle.client("mux", linker.ports[0])

        numbers = {client.send(body=f"{number:04x}"): f"{number:04x}" for number in range(200)}
        bodies = {number: (await client.ended(number))["body"] for number in numbers}
        await client.close()

    assert bodies == numbers
    assert len(recorded.connections) == 1


async def test_a_large_body_is_passed_on(finagle: Finagle) -> None:
    server = await finagle.serve("mux")
    async with proxy(Route("mux", to(server.port)).stack) as linker:
        client = await finagle.client("mux", linker.ports[0])

        ended = await client.call(body="ab" * 1_000_000)
        await client.close()

    assert ended["body"] == "ab" * 1_000_000


async def test_a_large_body_is_cut_into_what_each_peer_takes(finagle: Finagle) -> None:
    server = await finagle.serve("mux", **{"frame bytes": 1000})
    async with (
        recording(server.port) as upstream,
        proxy(Route("mux", to(upstream.port)).stack) as linker,
        recording(linker.ports[0]) as downstream,
    ):
        client = await finagle.client("mux", downstream.port, **{"frame bytes": 500})

        numbers = [client.send(body=f"{number:02x}" * 20_000) for number in range(10)]
        bodies = [(await client.ended(number))["body"] for number in numbers]
        await client.close()

    asked, answered = frames(upstream.connections[0].sent), frames(downstream.connections[0].received)
    assert bodies == [f"{number:02x}" * 20_000 for number in range(10)]
    assert max(len(frame) // 2 for frame in asked) == 1004  # with the type and the tag
    assert max(len(frame) // 2 for frame in answered) == 504


async def test_an_exception_is_passed_on(finagle: Finagle) -> None:
    server = await finagle.serve("mux")
    await server.behave("fail")
    async with proxy(Route("mux", to(server.port)).stack) as linker:
        client = await finagle.client("mux", linker.ports[0])

        ended = await client.call(body="00")
        await client.close()

    assert (ended["class"], ended["why"]) == ("ServerApplicationError", "java.lang.IllegalStateException: sad panda")


async def test_a_nack_is_tried_again_and_then_passed_on(finagle: Finagle) -> None:
    server = await finagle.serve("mux")
    await server.behave("nack")
    async with proxy(Route("mux", to(server.port)).stack) as linker:
        client = await finagle.client("mux", linker.ports[0])

        ended = await client.call(body="00")
        attempts = [int((await server.request())["contexts"][RETRIES], 16) for _ in range(2)]
        await client.close()

    assert ended["why"] == "The request was Nacked by the server"
    assert attempts[1] > attempts[0]


async def test_a_nack_of_one_server_goes_to_another(finagle: Finagle, tmp_path: Path) -> None:
    bad, good = await finagle.serve("mux"), await finagle.serve("mux")
    await bad.behave("nack")
    namers = disco(tmp_path, web=[bad.port, good.port])
    async with proxy(Route("mux", "/svc => /#/io.l5d.fs/web", namers=namers).stack) as linker:
        client = await finagle.client("mux", linker.ports[0])

        ended = [await client.call(body=f"{number:02x}") for number in range(10)]
        await client.close()

    assert [end.get("body") for end in ended] == [f"{number:02x}" for number in range(10)]


async def test_a_refusal_is_passed_on_as_one(finagle: Finagle) -> None:
    server = await finagle.serve("mux")
    await server.behave("refuse")
    async with proxy(Route("mux", to(server.port)).stack) as linker:
        client = await finagle.client("mux", linker.ports[0])

        ended = await client.call(body="00")
        await server.request()
        await client.close()

    assert ended["flags"] == 24  # rejected, not to be tried again
    assert finagle.untold(server.name, "request")


async def test_a_call_that_is_given_up_is_discarded_upstream(finagle: Finagle) -> None:
    server = await finagle.serve("mux")
    async with recording(server.port) as recorded, proxy(Route("mux", to(recorded.port)).stack) as linker:
        client = await finagle.client("mux", linker.ports[0])
        await client.call(body="00")
        await server.behave("hang")

        await client.call(body="01", **{"cancel ms": 1000})
        interrupted = await server.interrupted()
        await server.behave()
        ended = await client.call(body="02")
        await client.close()

    assert interrupted["class"] == "ClientDiscardedRequestException"
    assert ended["body"] == "02"
    assert len(recorded.connections) == 1


async def test_calls_that_are_given_up_harm_no_others(finagle: Finagle) -> None:
    server = await finagle.serve("mux")
    await server.behave(ms=20)
    async with recording(server.port) as recorded, proxy(Route("mux", to(recorded.port)).stack) as linker:
        client = await finagle.client("mux", linker.ports[0])

        wrong = []
        for batch in range(8):
            bodies = [f"{batch:02x}{number:02x}" * 50 for number in range(30)]
            cancels = [{"cancel ms": number % 25} if number % 3 == 0 else {} for number in range(30)]
            numbers = [client.send(body=body, **cancel) for body, cancel in zip(bodies, cancels, strict=True)]
            for number, body, cancel in zip(numbers, bodies, cancels, strict=True):
                end = await client.ended(number)
                wrong += [end] if end.get("body") != body and not cancel else []
                wrong += [end] if end["event"] == "reply" and end["body"] != body else []
        await client.close()

    assert wrong == []
    assert len(recorded.connections) == 1


async def test_a_deadline_ends_a_call(finagle: Finagle) -> None:
    server = await finagle.serve("mux")
    async with proxy(Route("mux", to(server.port)).stack) as linker:
        client = await finagle.client("mux", linker.ports[0])
        await client.call(body="00")  # so that all connections are there
        await server.behave("hang")

        ended = await client.call(body="01", contexts={DEADLINE: deadline(1.5)})
        await server.interrupted()
        await client.close()

    assert "deadline" in ended["why"].lower()


async def test_a_server_that_drains_loses_no_call(finagle: Finagle) -> None:
    first, second = await finagle.serve("mux"), await finagle.serve("mux")
    await first.behave(ms=400)
    async with recording(first.port) as recorded, proxy(Route("mux", to(recorded.port)).stack) as linker:
        client = await finagle.client("mux", linker.ports[0])
        number = client.send(body="01")
        await first.request()

        first.drain()
        ended = await client.ended(number)
        await first.drained()
        other = await client.call(body="02", dtab=to(second.port))
        await client.close()

    [connection] = recorded.connections
    assert (ended["body"], other["body"]) == ("01", "02")
    assert TDRAIN in frames(connection.received)
    assert RDRAIN in frames(connection.sent)


async def test_no_call_is_lost_while_one_of_two_servers_drains(finagle: Finagle, tmp_path: Path) -> None:
    first, second = await finagle.serve("mux"), await finagle.serve("mux")
    for server in (first, second):
        await server.behave(ms=5)
    namers = disco(tmp_path, web=[first.port, second.port])
    ends = []
    async with proxy(Route("mux", "/svc => /#/io.l5d.fs/web", namers=namers).stack) as linker:
        client = await finagle.client("mux", linker.ports[0])

        for batch in range(30):
            if batch == 10:
                first.drain()
            numbers = [client.send(body="00") for _ in range(10)]
            ends += [(await client.ended(number))["event"] for number in numbers]
        await first.drained()
        await client.close()

    assert ends == ["reply"] * 300


async def test_a_server_whose_lease_has_run_out_is_spared(finagle: Finagle, tmp_path: Path) -> None:
    leased, other = await finagle.serve("mux"), await finagle.serve("mux")
    namers = disco(tmp_path, web=[leased.port, other.port])
    route = Route("mux", "/svc => /#/io.l5d.fs/web", namers=namers, client={"loadBalancer": {"kind": "roundRobin"}})
    async with proxy(route.stack) as linker:
        client = await finagle.client("mux", linker.ports[0])
        for _ in range(4):  # a session with each
            await client.call(body="00")
        before = [await seen(leased), await seen(other)]

        await leased.lease(0)
        await until(lambda: linker.every_metric[f"{CLIENT}/mux/leased"] == 1)
        for _ in range(6):
            await client.call(body="01")
        without = [await seen(leased), await seen(other)]
        await leased.lease(60_000)
        await until(lambda: linker.every_metric[f"{CLIENT}/mux/leased"] == 2)
        for _ in range(6):
            await client.call(body="02")
        after = [await seen(leased), await seen(other)]
        await client.close()

    assert (before, without) == ([2, 2], [0, 6])
    assert after in ([2, 4], [3, 3])  # one by the old circle, five by the new one, which begins with either


async def seen(server: Server) -> int:
    """Return how many requests a server has had since the last look."""
    count = 0
    while not server.finagle.untold(server.name, "request"):
        await server.request()
        count += 1
    return count


async def until(holds: Callable[[], bool]) -> None:
    with trio.fail_after(SECONDS):
        while not holds():
            await trio.sleep(0.01)


async def test_a_linker_that_ends_drains_its_clients(finagle: Finagle) -> None:
    server = await finagle.serve("mux")
    async with proxy(Route("mux", to(server.port)).stack) as linker:
        client = await finagle.client("mux", linker.ports[0])
        await client.call(body="00")
        await server.request()
        await server.behave(ms=400)
        number = client.send(body="01")
        await server.request()

        await linker.linker.drain()
        ended = await client.ended(number)
        counters = await client.counters()
        await client.close()

    assert ended["body"] == "01"
    assert counters["mux/draining"] == 1


async def test_sessions_are_opened_and_pinged_both_ways(finagle: Finagle) -> None:
    server = await finagle.serve("mux")
    async with (
        recording(server.port) as upstream,
        proxy(Route("mux", to(upstream.port)).stack) as linker,
        recording(linker.ports[0]) as downstream,
    ):
        client = await finagle.client("mux", downstream.port, **{"ping ms": 100})

        await client.call(body="00")
        ours, theirs = upstream.connections[0], downstream.connections[0]
        await until(lambda: frames(theirs.sent).count(TPING) >= 3)
        await until(lambda: frames(theirs.received).count(RPING) >= 3)
        await client.close()

    assert frames(ours.sent)[0] == TINIT_CHECK
    assert TPING in frames(ours.sent)
    assert RPING in frames(ours.received)
    assert frames(theirs.received)[0] == TINIT_CHECK


@pytest.mark.parametrize("broken", ["/a => /b | /$/nil", "/a/*/b => /c"])
async def test_a_dtab_of_any_shape_is_taken_from_a_client(finagle: Finagle, broken: str) -> None:
    server = await finagle.serve("mux")
    async with proxy(Route("mux", to(server.port)).stack) as linker:
        client = await finagle.client("mux", linker.ports[0])

        ended = await client.call(body="00", dtab=broken)
        await client.close()

    assert ended.get("body") == "00", ended
