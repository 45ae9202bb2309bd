"""Envoy before a linker, and behind it: HTTP/2 and gRPC, and connections that end while calls go on."""

import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import attrs
import grpc
import pytest
import trio

from tests.e2e.ending import framed_endpoint
from tests.e2e.envoy_peer import envoy
from tests.e2e.grpc_peers import Backend, Client, backend, client
from tests.e2e.test_grpc import file, streams
from tests.proxies import Proxy, proxy
from tests.waiting import until

pytestmark = pytest.mark.slow

SIDES = ("before", "behind")
MIB = 1024 * 1024
CALLS = 200


@attrs.frozen(eq=False)
class Chain:
    """A port that leads through Envoy and a linker, in either order."""

    port: int
    running: Proxy


@contextlib.asynccontextmanager
async def chain(side: str, port: int, folder: Path, *, requests_per_connection: int = 0) -> AsyncIterator[Chain]:
    """Have Envoy stand before a linker, or behind it, and an endpoint at their end."""
    each = requests_per_connection
    if side == "behind":
        async with envoy(port, folder, most_taken=each) as next_, proxy(file(next_)) as running:
            yield Chain(running.ports[0], running)
    else:
        async with proxy(file(port)) as running, envoy(running.ports[0], folder, most_sent=each) as first:
            yield Chain(first, running)


@contextlib.asynccontextmanager
async def calls(side: str, folder: Path, **more: int) -> AsyncIterator[tuple[Backend, Client, Proxy]]:
    async with backend() as server, chain(side, server.port, folder, **more) as made, client(made.port) as caller:
        yield server, caller, made.running


@pytest.mark.parametrize("side", SIDES)
async def test_calls_of_all_four_shapes(side: str, tmp_path: Path) -> None:
    messages = [b"%d" % number for number in range(20)]
    async with calls(side, tmp_path) as (_server, caller, running):
        answers = [
            await caller.unary(b"hello"),
            await caller.run(lambda: caller.collect(*messages)),
            await caller.run(lambda: list(caller.split(b"abc"))),
            await caller.run(lambda: list(caller.chat(messages))),
            await caller.unary(bytes(5 * MIB)),
        ]
        failed = await caller.fails(lambda: caller.call("/test.Echo/Unary", x_fail="NOT_FOUND"))
        late = await caller.fails(lambda: caller.call("/test.Echo/Unary", seconds=0.1, x_wait="1"))
        await until(lambda: streams(running) == 0)

    assert answers == [b"hello", b"".join(messages), [b"a", b"b", b"c"], messages, bytes(5 * MIB)]
    assert (failed, late[0]) == (("NOT_FOUND", "as asked: NOT_FOUND ☂"), "DEADLINE_EXCEEDED")


@pytest.mark.parametrize("side", SIDES)
async def test_a_call_that_is_cancelled_ends_at_the_server(side: str, tmp_path: Path) -> None:
    async with calls(side, tmp_path) as (server, caller, running):
        call = caller.split(b"abc", x_wait="1")
        await until(lambda: bool(server.calls))
        call.cancel()
        await until(lambda: server.cancelled == 1)
        await until(lambda: streams(running) == 0)

    assert call.code() == grpc.StatusCode.CANCELLED


@pytest.mark.parametrize("side", SIDES)
async def test_no_call_is_lost_when_connections_end_after_a_few(side: str, tmp_path: Path) -> None:
    failed: list[BaseException] = []

    async def some(caller: Client) -> None:
        for _ in range(CALLS // 10):
            try:
                assert await caller.unary(b"hello") == b"hello"
            except grpc.RpcError as error:
                failed.append(error)

    async with (
        calls(side, tmp_path, requests_per_connection=7) as (server, caller, _running),
        trio.open_nursery() as nursery,
    ):
        for _ in range(10):
            nursery.start_soon(some, caller)

    assert (failed, len(server.calls)) == ([], CALLS)


@pytest.mark.parametrize("side", SIDES)
async def test_no_request_is_lost_under_load_either(side: str, tmp_path: Path, require: Callable[[str], str]) -> None:
    async with framed_endpoint() as endpoint, chain(side, endpoint.port, tmp_path, requests_per_connection=50) as made:
        url = f"http://127.0.0.1:{made.port}/ok"
        command = [require("h2load"), "-c4", "-m10", "-n2000", url]
        done = await trio.run_process(command, capture_stdout=True)
        await until(lambda: streams(made.running) == 0)

    assert "2000 succeeded, 0 failed" in done.stdout.decode()
