"""Calls of a client of gRPC to a server of gRPC, both by gRPC's own library, through a linker."""

import contextlib
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import trio

from tests.e2e.grpc_peers import UNARY, Backend, Client, backend, client
from tests.plugins.rest import numbers
from tests.ports import free_port
from tests.proxies import Proxy, one, proxy, stacks
from tests.waiting import until

pytestmark = pytest.mark.slow

MIB = 1024 * 1024
BY_SERVICE = {"kind": "io.l5d.header.path", "segments": 1}
DEFAULT = {"responseClassifier": {"kind": "io.l5d.h2.grpc.default"}}


def file(port: int, **router: Any) -> str:
    return stacks(one(port, **{"protocol": "h2", "identifier": BY_SERVICE, "service": DEFAULT, **router}))


@contextlib.asynccontextmanager
async def between(**router: Any) -> AsyncIterator[tuple[Backend, Client, Proxy]]:
    """Run a server, a linker in front of it, and a client of that."""
    async with backend() as server, proxy(file(server.port, **router)) as running, client(running.ports[0]) as caller:
        yield server, caller, running


def streams(running: Proxy) -> float:
    """Return how many streams are open, on both sides."""
    found = numbers(running.linker.metrics, "rt/h2")
    return sum(number for name, number in found.items() if name.endswith("stream/open_streams"))


async def test_calls_of_all_four_shapes() -> None:
    messages = [b"%d" % number for number in range(20)]
    async with between() as (server, caller, _running):
        answers = [
            await caller.unary(b"hello"),
            await caller.run(lambda: caller.collect(*messages)),
            await caller.run(lambda: list(caller.split(b"abc"))),
            await caller.run(lambda: list(caller.chat(messages))),
        ]

    assert answers == [b"hello", b"".join(messages), [b"a", b"b", b"c"], messages]
    assert [call.metadata["user-agent"].startswith("grpc-python") for call in server.calls] == [True] * 4


async def test_a_chat_goes_back_and_forth() -> None:
    def chat(caller: Client) -> list[bytes]:
        turn, answers = threading.Semaphore(1), []

        def messages() -> Iterator[bytes]:
            for number in range(10):
                turn.acquire()
                yield b"%d" % number

        for answer in caller.chat(messages()):
            answers.append(answer)
            turn.release()
        return answers

    async with between() as (_server, caller, _running):
        answers = await caller.run(lambda: chat(caller))

    assert answers == [b"%d" % number for number in range(10)]


async def test_metadata_comes_through_binary_or_not() -> None:
    binary = bytes(range(256))

    def call(caller: Client) -> tuple[dict[str, Any], dict[str, Any]]:
        _answer, done = caller.call(UNARY, x_echo_bin=binary, x_echo="plain")
        return dict(done.initial_metadata()), dict(done.trailing_metadata())

    async with between() as (server, caller, _running):
        first, last = await caller.run(lambda: call(caller))

    for metadata in (server.calls[0].metadata, first, last):
        assert (metadata["x-echo-bin"], metadata["x-echo"]) == (binary, "plain")


@pytest.mark.parametrize("status", ["NOT_FOUND", "INTERNAL", "DATA_LOSS", "UNAUTHENTICATED"])
async def test_a_status_comes_through_with_its_message(status: str) -> None:
    async with between() as (_server, caller, _running):
        failed = await caller.fails(lambda: caller.call(UNARY, x_fail=status))
        late = await caller.fails(lambda: list(caller.split(b"abc", x_fail_late=status)))

    assert [failed, late] == [(status, f"as asked: {status} ☂")] * 2


@pytest.mark.parametrize("size", [0, 1, 65530, 8 * MIB])
async def test_messages_of_any_size_come_through_both_ways(size: int) -> None:
    message = bytes(size)
    async with between() as (_server, caller, running):
        answers = [await caller.unary(message), await caller.run(lambda: caller.collect(*[message] * 3))]
        pieces = await caller.run(lambda: list(caller.split(message, x_piece="100000")))
        await until(lambda: streams(running) == 0)

    assert [len(answer) for answer in answers] == [size, 3 * size]
    assert sum(map(len, pieces)) == size


async def test_many_calls_at_a_time_share_a_connection() -> None:
    async with between() as (server, caller, running):
        answers: list[bytes] = []

        async def call(number: int) -> None:
            answers.append(await caller.unary(b"%d" % number))

        async with trio.open_nursery() as nursery:
            for number in range(200):
                nursery.start_soon(call, number)
        connects = numbers(running.linker.metrics, f"rt/h2/client/$/inet/127.0.0.1/{server.port}")["connects"]
        await until(lambda: streams(running) == 0)

    assert sorted(answers, key=int) == [b"%d" % number for number in range(200)]
    assert connects <= 2


async def test_a_client_that_cancels_is_heard_by_the_server() -> None:
    async with between() as (server, caller, running):
        call = caller.channel.unary_unary(UNARY).future(b"", 60.0, [("x-wait", "yes")])
        stream = caller.split(b"", x_wait="yes")
        await until(lambda: len(server.calls) == 2)
        call.cancel()
        stream.cancel()
        await until(lambda: server.cancelled == 2)
        await until(lambda: streams(running) == 0)

        assert call.cancelled()
        assert await caller.unary(b"still here") == b"still here"


async def test_a_deadline_is_passed_on_shortened_and_kept() -> None:
    async with between() as (server, caller, running):
        await caller.unary()  # so that all connections are there
        failed = await caller.fails(lambda: caller.call(UNARY, seconds=1.5, x_wait="yes"))
        await until(lambda: server.cancelled == 1)
        await until(lambda: streams(running) == 0)

    left = server.calls[1].left
    assert failed[0] == "DEADLINE_EXCEEDED"
    assert left is not None
    assert 0.0 < left < 1.6  # the library rounds what it writes up


async def test_a_call_without_a_deadline_stays_one() -> None:
    async with between() as (server, caller, _running):
        await caller.run(lambda: caller.channel.unary_unary(UNARY)(b""))

    assert server.calls[0].left is None or server.calls[0].left > 1e6


@pytest.mark.parametrize("key", ["totalTimeoutMs", "requestAttemptTimeoutMs"])
async def test_timeouts_of_the_stack_file_are_told_and_kept(key: str) -> None:
    kept: dict[str, Any] = {"service": {**DEFAULT, key: 1500}} if key == "totalTimeoutMs" else {"client": {key: 1500}}
    async with between(**kept) as (server, caller, _running):
        await caller.unary()  # so that all connections are there
        failed = await caller.fails(lambda: caller.call(UNARY, x_wait="yes"))
        await until(lambda: server.cancelled == 1)

    left = server.calls[1].left
    assert (failed[0], left is not None and left <= 1.5) == ("DEADLINE_EXCEEDED", True)


async def test_a_name_that_leads_nowhere_is_unavailable() -> None:
    async with proxy(stacks(one("", protocol="h2"))) as running, client(running.ports[0]) as caller:
        status, message = await caller.fails(lambda: caller.call(UNARY))

    assert status == "UNAVAILABLE"
    assert "Unable to route request!" in message


async def test_an_endpoint_that_refuses_connections_is_unavailable() -> None:
    port = free_port()
    async with proxy(file(port)) as running, client(running.ports[0]) as caller:
        status, message = await caller.fails(lambda: caller.call(UNARY))

    assert status == "UNAVAILABLE"
    assert f"Unable to establish connection to 127.0.0.1:{port}." in message


async def test_too_many_calls_at_a_time_are_unavailable() -> None:
    async with between(servers=[{"port": 0, "maxConcurrentRequests": 1}]) as (server, caller, _running):
        call = caller.channel.unary_unary(UNARY).future(b"", 60.0, [("x-wait", "yes")])
        await until(lambda: len(server.calls) == 1)
        failed = await caller.fails(lambda: caller.call(UNARY))
        call.cancel()

    assert failed[0] == "UNAVAILABLE"


async def test_a_call_without_a_name_is_unimplemented() -> None:
    identifier = {"kind": "io.l5d.header.path", "segments": 3}
    async with between(identifier=identifier) as (_server, caller, _running):
        failed = await caller.fails(lambda: caller.call(UNARY))

    assert failed[0] == "UNIMPLEMENTED"


async def test_a_server_that_dies_ends_streams_with_a_status() -> None:
    async with proxy_of_dying() as (failed, running):
        status, message = failed
        await until(lambda: streams(running) == 0)

    assert status in ("UNAVAILABLE", "CANCELLED")
    assert message


@contextlib.asynccontextmanager
async def proxy_of_dying() -> AsyncIterator[tuple[tuple[str, str], Proxy]]:
    """Have a server end in the middle of a call, and yield what its client was told."""
    failed: list[tuple[str, str]] = []
    async with contextlib.AsyncExitStack() as opened:
        dying = contextlib.AsyncExitStack()
        server = await dying.enter_async_context(backend())
        running = await opened.enter_async_context(proxy(file(server.port)))
        caller = await opened.enter_async_context(client(running.ports[0]))

        async def call() -> None:
            failed.append(await caller.fails(lambda: caller.call(UNARY, x_wait="yes")))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(call)
            await until(lambda: len(server.calls) == 1)
            await dying.aclose()
        yield failed[0], running


async def test_calls_that_fail_are_retried_and_say_so() -> None:
    async with between() as (server, caller, running):
        answer = await caller.unary(b"at last", x_fail="UNAVAILABLE", x_times="2", x_key="a")
        retried = numbers(running.linker.metrics, "rt/h2/service/svc/test.Echo/retries")["total"]

    assert (answer, retried) == (b"at last", 2)
    assert [call.metadata.get("grpc-previous-rpc-attempts") for call in server.calls] == [None, "1", "2"]


async def test_streams_that_fail_before_they_answer_are_retried() -> None:
    async with between() as (server, caller, _running):
        answers = await caller.run(lambda: list(caller.split(b"abc", x_fail="UNAVAILABLE", x_times="1", x_key="b")))
        sent = await caller.run(lambda: caller.collect(b"a", b"b", x_fail="UNAVAILABLE", x_times="1", x_key="c"))

    assert (answers, sent, len(server.calls)) == ([b"a", b"b", b"c"], b"ab", 4)


async def test_other_failures_are_not() -> None:
    async with between() as (server, caller, _running):
        failed = await caller.fails(lambda: caller.call(UNARY, x_fail="ABORTED"))

    assert (failed[0], len(server.calls)) == ("ABORTED", 1)


async def test_a_server_may_push_retries_back() -> None:
    async with between() as (server, caller, _running):
        begun = trio.current_time()
        await caller.unary(x_fail="UNAVAILABLE", x_times="1", x_key="d", x_pushback="300")
        waited = trio.current_time() - begun
        failed = await caller.fails(lambda: caller.call(UNARY, x_fail="UNAVAILABLE", x_key="e", x_pushback="-1"))

    assert (waited >= 0.3, failed[0], len(server.calls)) == (True, "UNAVAILABLE", 3)


async def test_what_becomes_of_calls_is_counted_by_their_status() -> None:
    filters = {"server": [{"kind": "io.l5d.grpcStats"}]}
    async with between(filters=filters) as (_server, caller, running):
        await caller.unary()
        await caller.fails(lambda: caller.call(UNARY, x_fail="NOT_FOUND"))
        await caller.run(lambda: list(caller.split(b"abc")))
        await until(lambda: streams(running) == 0)
        found = numbers(running.linker.metrics, "rt/h2")

    counts = {name: number for name, number in found.items() if name.startswith("grpc/") and "." not in name[14:]}
    assert counts == {
        "grpc/test.Echo/Unary/requests": 2,
        "grpc/test.Echo/Unary/status/OK": 1,
        "grpc/test.Echo/Unary/status/NOT_FOUND": 1,
        "grpc/test.Echo/Split/requests": 1,
        "grpc/test.Echo/Split/status/OK": 1,
    }
    service = {name: found[f"service/svc/test.Echo/{name}"] for name in ("requests", "success", "failures")}
    assert service == {"requests": 3, "success": 2, "failures": 1}


async def test_a_method_that_is_not_there_is_the_servers_to_say() -> None:
    async with between() as (_server, caller, _running):
        failed = await caller.fails(lambda: caller.call("/test.Echo/Nothing"))

    assert failed == ("UNIMPLEMENTED", "Method not found!")
