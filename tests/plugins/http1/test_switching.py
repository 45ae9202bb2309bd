"""How the serving side leaves HTTP: what it lets through, and what becomes of a tunnel that is cut off at any stage."""

import contextlib
import logging
from collections.abc import AsyncIterator

import attrs
import pytest
import trio
import trio.testing

from mesh import Body, Fields, HttpReply, HttpRequest, StreamConnection
from mesh.testing import memory_connections
from mesh_plugins.http.switched import SwitchedReply
from mesh_plugins.http1.serving import Serving
from mesh_plugins.http1.switching import Tunnels
from mesh_plugins.tunnels.tunnel import Tunnel
from tests.plugins.http1.serving import GET, Client, served

ASK = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
SERVING = Serving(tunnels=Tunnels(frozenset({b"websocket"})))
HEAD = b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"


@attrs.define(eq=False)
class Bench:
    """A client of a server whose service switches; `endpoint` is the far end of the tunnel."""

    client: Client
    endpoint: StreamConnection
    requests: list[HttpRequest]
    replies: list[SwitchedReply]


@contextlib.asynccontextmanager
async def switching(
    status: int = 101, protocol: bytes = b"websocket", headers: Fields | None = None, serving: Serving = SERVING
) -> AsyncIterator[Bench]:
    near, far = memory_connections()
    requests: list[HttpRequest] = []
    replies: list[SwitchedReply] = []

    async def answer(request: HttpRequest) -> HttpReply:
        requests.append(request)
        await trio.lowlevel.checkpoint()
        reply = SwitchedReply(status, headers or [], Tunnel(near, b"first"), protocol)
        reply.on_close(near.close)
        request.context.made(reply)
        replies.append(reply)
        return reply

    async with served(answer, serving) as client:
        yield Bench(client, far, requests, replies)


async def everything(connection: StreamConnection) -> bytes:
    found = b""
    with contextlib.suppress(trio.BrokenResourceError):
        while piece := await connection.receive_some():
            found += piece
    return found


async def test_the_request_says_what_it_wants_to_switch_to() -> None:
    async with switching() as bench:
        found = await bench.client.ask(ASK)

    assert found == HEAD
    assert [request.upgrade for request in bench.requests] == [b"websocket"]


async def test_bytes_go_both_ways_after_the_switch() -> None:
    async with switching() as bench:
        await bench.client.ask(ASK + b"early")
        await bench.client.send(b"late")
        heard = b""
        while len(heard) < 9:
            heard += await bench.endpoint.receive_some()
        said = await bench.client.stream.receive_some()

    assert (heard, bytes(said)) == (b"earlylate", b"first")


async def test_the_reply_is_closed_at_the_end_of_the_tunnel_and_not_before() -> None:
    async with switching() as bench:
        await bench.client.ask(ASK)
        await trio.testing.wait_all_tasks_blocked()
        before = bench.replies[0].closed
        bench.endpoint.close()
        await bench.client.everything()
        await trio.testing.wait_all_tasks_blocked()
        after = bench.replies[0].closed

    assert (before, after) == (False, True)


@pytest.mark.parametrize("turns", range(12))
async def test_a_tunnel_that_is_cancelled_at_any_moment_leaves_nothing_open(turns: int) -> None:
    async with switching() as bench:
        await bench.client.send(ASK)
        for _turn in range(turns):
            await trio.lowlevel.checkpoint()

    assert bench.client.connection.is_quiet() is False
    assert [reply.closed for reply in bench.replies] == [True] * len(bench.replies)
    if bench.replies:
        assert await everything(bench.endpoint) == b""


async def test_a_tunnel_that_is_cancelled_is_cut_off() -> None:
    async with switching() as bench:
        await bench.client.ask(ASK)
        await trio.testing.wait_all_tasks_blocked()

    assert bench.client.connection.aborted


@pytest.mark.parametrize(
    ("asked", "status", "protocol"),
    [(GET, 101, b"websocket"), (ASK, 101, b"h2c"), (ASK, 101, b""), (ASK, 200, b""), (GET, 200, b"")],
)
async def test_a_tunnel_for_a_client_that_did_not_ask_for_it_is_an_error_of_ours(
    asked: bytes, status: int, protocol: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with switching(status, protocol) as bench:
        found = await bench.client.ask(asked)
        again = await bench.client.ask(GET)

    assert found.startswith(b"HTTP/1.1 500 ")
    assert again.startswith(b"HTTP/1.1 500 ")
    assert bench.replies[0].closed
    assert {record.levelno for record in caplog.records} == {logging.ERROR}


async def test_a_switch_with_a_field_that_must_not_be_sent_is_an_error_of_ours(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with switching(headers=[(b"content-length", b"5")]) as bench:
        found = await bench.client.ask(ASK)

    assert found.startswith(b"HTTP/1.1 500 ")
    assert bench.replies[0].closed
    assert len(caplog.records) == 1


async def test_after_a_switch_the_connection_is_never_read_as_http_again() -> None:
    async with switching() as bench:
        await bench.client.ask(ASK)
        bench.replies[0].body = Said(b"a filter's")
        bench.endpoint.close()
        await bench.client.send(GET)
        await bench.client.everything()

    assert len(bench.requests) == 1


class Said(Body):
    """A body that says one thing."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    async def receive(self) -> bytes:
        content, self._content = self._content, b""
        return content


@pytest.mark.parametrize(
    "asked",
    [
        ASK.replace(b"websocket", b"mqtt"),
        ASK.replace(b"connection: upgrade\r\n", b""),
        ASK.replace(b"HTTP/1.1", b"HTTP/1.0"),
        ASK.replace(b"GET", b"HEAD"),
        ASK.replace(b"\r\n\r\n", b"\r\ncontent-length: 2\r\n\r\nhi"),
        ASK.replace(b"\r\n\r\n", b"\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
    ],
)
async def test_a_request_that_cannot_be_switched_asks_for_nothing(asked: bytes) -> None:
    upgrades: list[bytes] = []

    async def answer(request: HttpRequest) -> HttpReply:
        upgrades.append(request.upgrade)
        return HttpReply(204)

    async with served(answer, SERVING) as client:
        found = await client.ask(asked)

    assert found.startswith(b"HTTP/1.1 204 ")
    assert upgrades == [b""]


async def test_how_a_tunnel_broke_stands_in_the_context() -> None:
    async with switching() as bench:
        await bench.client.ask(ASK)
        await trio.testing.wait_all_tasks_blocked()
        bench.replies[0].tunnel.connection.close()
        await bench.client.everything()
        await trio.testing.wait_all_tasks_blocked()

    assert bench.requests[0].context.flags == "UC upstream_broken"
