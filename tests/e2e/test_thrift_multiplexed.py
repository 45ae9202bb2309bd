"""Several calls at a time over one connection to an endpoint: `thriftCallsPerConnection`."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
import trio

from mesh_plugins.thrift.message import BINARY
from mesh_plugins.thrift.ttwitter import agrees, asks, read_request_header
from mesh_plugins.thrift.walking import Bounds
from tests.e2e.raw import RawConnection
from tests.e2e.stubs import Stub, stub
from tests.e2e.thrift_libraries import LIBRARIES, WAYS, client, load, name
from tests.e2e.thrift_peers import (
    CALL,
    ONEWAY,
    REPLY,
    UNKNOWN_METHOD,
    frame,
    kind_and_seqid,
    message,
    next_frame,
    says,
    thrift,
)
from tests.e2e.thrift_side_by_side import serving
from tests.proxies import Proxy, one, proxy, stacks

SEVERAL = {"thriftCallsPerConnection": 16}
INTERNAL_ERROR = 6


class Gathering:
    """The behaviour of an endpoint that lets so many calls come, answers them last first, and begins again."""

    def __init__(self, count: int, *, answers: bool = True) -> None:
        self.count = count
        self.answers = answers
        self.calls: list[bytes] = []
        self.full = trio.Event()

    async def __call__(self, _stub: Stub, connection: RawConnection) -> None:
        gathered: list[bytes] = []
        while (call := await next_frame(connection)) is not None:
            self.calls.append(call)
            if call[3] == ONEWAY:
                continue
            gathered.append(call)
            if len(gathered) == self.count:
                self.full.set()
                if not self.answers:
                    return
                await connection.send(b"".join(frame(answered(call)) for call in reversed(gathered)))
                gathered = []


def answered(call: bytes) -> bytes:
    return message(REPLY, kind_and_seqid(call)[1], call[16:])


@contextlib.asynccontextmanager
async def clients(running: Proxy, count: int) -> AsyncIterator[list[RawConnection]]:
    async with contextlib.AsyncExitStack() as open_:
        yield [await open_.enter_async_context(running.connect()) for _ in range(count)]


def argument(number: int) -> bytes:
    return b"\x08\0\1" + number.to_bytes(4, "big") + b"\0"


async def test_calls_share_a_connection_and_clients_keep_their_ids() -> None:
    behave = Gathering(8)
    async with stub(behave) as endpoint, proxy(thrift(endpoint.port, client=SEVERAL)) as running:
        async with clients(running, 8) as every:
            for number, asking in enumerate(every):
                await asking.send(frame(message(CALL, 7, argument(number))))
            replies = [await next_frame(asking) for asking in every]

        assert len(endpoint.connections) == 1
    assert replies == [message(REPLY, 7, argument(number)) for number in range(8)]
    assert len({kind_and_seqid(call)[1] for call in behave.calls}) == 8


async def test_a_client_s_calls_in_a_row_are_answered_in_order() -> None:
    async with (
        stub(Gathering(1)) as endpoint,
        proxy(thrift(endpoint.port, client=SEVERAL)) as running,
        running.connect() as asking,
    ):
        await asking.send(b"".join(frame(message(CALL, seqid, argument(seqid))) for seqid in range(5)))
        replies = [await next_frame(asking) for _ in range(5)]

    assert replies == [message(REPLY, seqid, argument(seqid)) for seqid in range(5)]


async def test_an_endpoint_that_dies_fails_what_is_open_once() -> None:
    behave = Gathering(4, answers=False)
    async with (
        stub(behave) as endpoint,
        proxy(thrift(endpoint.port, client=SEVERAL)) as running,
        clients(running, 4) as every,
    ):
        for asking in every:
            await asking.send(frame(message(CALL, 7)))
        replies = [await next_frame(asking) for asking in every]

    assert [reply is not None and says(reply, INTERNAL_ERROR) for reply in replies] == [True] * 4
    assert all(b"UpstreamBroken" in (reply or b"") for reply in replies)
    assert len(behave.calls) == 4


async def test_a_client_that_hangs_up_leaves_the_calls_of_others_alone() -> None:
    behave = Gathering(3)
    async with stub(behave) as endpoint, proxy(thrift(endpoint.port, client=SEVERAL)) as running:
        async with clients(running, 3) as (leaving, staying, coming):
            await leaving.send(frame(message(CALL, 7, argument(1))))
            await staying.send(frame(message(CALL, 7, argument(2))))
            while len(behave.calls) < 2:
                await trio.sleep(0.01)
            leaving.close()
            while running.every_metric["rt/thrift/server/127.0.0.1/0/connections"] > 2:
                await trio.sleep(0.01)
            await coming.send(frame(message(CALL, 7, argument(3))))
            replies = [await next_frame(asking) for asking in (staying, coming)]

        assert len(endpoint.connections) == 1
    assert replies == [message(REPLY, 7, argument(number)) for number in (2, 3)]


async def test_one_way_calls_go_between_the_others() -> None:
    behave = Gathering(2)
    async with stub(behave) as endpoint, proxy(thrift(endpoint.port, client=SEVERAL)) as running:
        async with clients(running, 2) as every:
            for asking in every:
                await asking.send(frame(message(ONEWAY, 0)) + frame(message(CALL, 7)))
            replies = [await next_frame(asking) for asking in every]

        assert len(endpoint.connections) == 1
    assert replies == [message(REPLY, 7)] * 2
    assert sorted(call[3] for call in behave.calls) == [CALL, CALL, ONEWAY, ONEWAY]


async def test_more_calls_than_a_connection_takes_open_another() -> None:
    came: list[bytes] = []
    all_came = trio.Event()

    async def hold(_stub: Stub, connection: RawConnection) -> None:
        calls = []
        for _ in range(2):
            calls.append(await next_frame(connection) or b"")
            came.append(calls[-1])
        if len(came) == 6:
            all_came.set()
        await all_came.wait()
        await connection.send(b"".join(frame(answered(call)) for call in calls))
        await next_frame(connection)

    client = {"thriftCallsPerConnection": 2}
    async with stub(hold) as endpoint, proxy(thrift(endpoint.port, client=client)) as running:
        async with clients(running, 6) as every:
            for asking in every:
                await asking.send(frame(message(CALL, 7)))
            replies = [await next_frame(asking) for asking in every]

        assert len(endpoint.connections) == 3
    assert replies == [message(REPLY, 7)] * 6


async def test_headers_travel_beside_calls_that_share_a_connection() -> None:
    async def upgraded(_stub: Stub, connection: RawConnection) -> None:
        assert await next_frame(connection) == asks(BINARY)
        await connection.send(frame(agrees(BINARY, 0)))
        calls = []
        while (call := await next_frame(connection)) is not None:
            calls.append(call[read_request_header(BINARY, call, 0, Bounds())[1] :])
            if len(calls) == 3:
                await connection.send(b"".join(frame(b"\0" + answered(call)) for call in reversed(calls)))

    async with stub(upgraded) as endpoint:
        text = thrift(endpoint.port, client={**SEVERAL, "attemptTTwitterUpgrade": True})
        async with proxy(text) as running, clients(running, 3) as every:
            for number, asking in enumerate(every):
                await asking.send(frame(message(CALL, number, argument(number))))
            replies = [await next_frame(asking) for asking in every]

    assert replies == [message(REPLY, number, argument(number)) for number in range(3)]


async def test_an_endpoint_that_hangs_up_on_the_question_gets_every_call_once_over_another_connection() -> None:
    calls: list[bytes] = []

    async def old(_stub: Stub, connection: RawConnection) -> None:
        while (call := await next_frame(connection)) not in (None, asks(BINARY)):
            calls.append(call or b"")
            await connection.send(frame(answered(calls[-1])))

    async with stub(old) as endpoint:
        text = thrift(endpoint.port, client={**SEVERAL, "attemptTTwitterUpgrade": True})
        async with proxy(text) as running, clients(running, 3) as every:
            for asking in every:
                await asking.send(frame(message(CALL, 7)))
            replies = [await next_frame(asking) for asking in every]

    assert (replies, len(calls)) == ([message(REPLY, 7)] * 3, 3)


async def test_a_server_that_does_not_know_a_one_way_method_may_say_so() -> None:
    async def unknowing(_stub: Stub, connection: RawConnection) -> None:
        while (call := await next_frame(connection)) is not None:
            kind, seqid = kind_and_seqid(call)
            await connection.send(frame(answered(call) if kind == CALL else message(3, seqid, UNKNOWN_METHOD)))

    async with stub(unknowing) as endpoint, proxy(thrift(endpoint.port, client=SEVERAL)) as running:
        async with running.connect() as asking:
            for _ in range(3):
                await asking.send(frame(message(ONEWAY, 0)) + frame(message(CALL, 7)))
                assert await next_frame(asking) == message(REPLY, 7)

        assert len(endpoint.connections) == 1


@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["binary", "compact"])
async def test_a_real_server_serves_side_by_side(thrift_generated: str, protocol: str) -> None:
    idl = load("apache", thrift_generated)
    greetings: dict[str, str] = {}

    def greet(port: int, whom: str) -> None:
        with client("apache", (protocol, True), port, idl) as service:
            greetings[whom] = service.greet(whom)

    with serving(idl, protocol) as (port, service):
        text = thrift(port, thriftProtocol=protocol, client={**SEVERAL, "hostConnectionPool": {"maxSize": 1}})
        async with proxy(text) as running, trio.open_nursery() as nursery:
            nursery.start_soon(trio.to_thread.run_sync, greet, running.ports[0], "held")
            while running.every_metric["rt/thrift/server/127.0.0.1/0/pending"] < 1:
                await trio.sleep(0.01)
            await trio.to_thread.run_sync(greet, running.ports[0], "World")
            before = dict(greetings)
            await trio.to_thread.run_sync(greet, running.ports[0], "release")

    assert before == {"World": "Hello, World!"}
    assert (greetings["held"], service.connections) == ("Hello, held!", 1)


@pytest.mark.slow
@pytest.mark.parametrize("library", LIBRARIES)
async def test_real_servers_that_answer_in_order_take_calls_in_a_row(
    thrift_servers: dict[str, int], thrift_generated: str, library: str
) -> None:
    idl = load(library, thrift_generated)
    wrong: list[Any] = []

    def greet(port: int, whom: str) -> None:
        with client(library, WAYS[0], port, idl) as service:
            wrong.extend(answer for _ in range(10) if (answer := service.greet(whom)) != f"Hello, {whom}!")

    routers = [
        one(
            thrift_servers[name(library, (protocol, is_framed))],
            protocol="thrift",
            label=name(library, (protocol, is_framed)),
            client={**SEVERAL, "thriftProtocol": protocol, "thriftFramed": is_framed},
        )
        for protocol, is_framed in WAYS
    ]
    async with proxy(stacks(*routers)) as running, trio.open_nursery() as nursery:
        for port in running.ports:
            for number in range(4):
                nursery.start_soon(trio.to_thread.run_sync, greet, port, f"{number}" * (number + 1))

    assert wrong == []
