"""Every example stack file is built as it is, and a request is sent through it to backends that are only in memory."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import pytest
import trio
import trio.testing

from mesh import (
    CONNECTOR,
    Connection,
    Endpoint,
    HttpReply,
    HttpRequest,
    Limits,
    Params,
    Serve,
    StreamConnection,
    Switch,
)
from mesh.config import read_file
from mesh.life import Life
from mesh.linker.assemble import Assembly, assemble
from mesh.metrics import Metrics
from mesh.plugins import find
from mesh_plugins.http.versions import serve_any
from mesh_plugins.http1.protocol import new_session
from mesh_plugins.http1.serving import Serving as HttpServing
from mesh_plugins.http2.serving import Http2Serving
from mesh_plugins.mux.message import MuxReply, MuxRequest
from mesh_plugins.mux.protocol import serve as serve_mux
from mesh_plugins.mux.serving import Serving
from mesh_plugins.tcp.message import TcpReply
from mesh_plugins.thrift.message import BINARY, COMPACT, ThriftReply
from mesh_plugins.thrift.wire import CALL, REPLY
from tests.e2e.h2_peers import Endpoint as GrpcEndpoint
from tests.e2e.h2_peers import Said

ROOT = Path(__file__).parents[1]
STACKS = sorted(path.name for path in (ROOT / "stacks").glob("*.yaml"))


@attrs.frozen
class Sent:
    """A request to a listener of an example, and what shall become of it."""

    stack: str
    url: str
    answer: str
    headers: tuple[tuple[str, str], ...] = ()
    status: int = 200
    listener: tuple[int, int] = (0, 0)  # the router's place, and the listener's place in it


SENT = (
    Sent("balancing.yaml", "http://web/", "127.0.0.1:8080 got GET /"),
    Sent("fs.yaml", "http://web/", "127.0.0.1:8080 got GET /"),
    Sent("http.yaml", "http://web/", "127.0.0.1:8080 got GET /"),
    Sent("http.yaml", "http://x/", "127.0.0.1:8080 got GET /", (("l5d-name", "/web"),)),
    Sent("h2.yaml", "http://web/", "127.0.0.1:8080 got GET /"),
    Sent("h2.yaml", "http://web/", "127.0.0.1:4142 got GET /", listener=(1, 0)),
    Sent("rewriting.yaml", "http://web.example.org/", "127.0.0.1:8080 got GET /"),
    Sent("rewriting.yaml", "http://web:4140/", "127.0.0.1:8080 got GET /"),
    Sent("rewriting.yaml", "http://x/web/api", "127.0.0.1:8080 got GET /web/api", listener=(1, 0)),
    Sent("proxy.yaml", "http://127.0.0.1/", "127.0.0.1:80 got GET /"),
    Sent("proxy.yaml", "http://127.0.0.1:8080/", "127.0.0.1:8080 got GET /"),
    Sent("path-identifier.yaml", "http://x/web/README.md", "127.0.0.1:8080 got GET /README.md"),
    Sent("canary.yaml", "http://web/", "127.0.0.1:8082 got GET /", (("l5d-dtab", "/svc/web => /srv/web-v2"),)),
    Sent("custom-filter.yaml", "http://web/", "127.0.0.1:8080 got GET /"),
    Sent("limits.yaml", "http://web/", "127.0.0.1:8080 got GET /"),
    Sent("edge.yaml", "http://www.example.org/a/../b", "127.0.0.1:8080 got GET /b"),
    Sent("edge.yaml", "http://www.example.org/", "127.0.0.1:8080 got GET /", (("l5d-dtab", "/svc => !"),)),
    Sent("edge.yaml", "http://www.example.org/a/../b", "127.0.0.1:8080 got GET /a/../b", listener=(0, 1)),
    Sent("linker-to-linker.yaml", "http://web/", "127.0.0.1:4141 got GET /"),
    Sent("linker-to-linker.yaml", "http://web/", "127.0.0.1:8080 got GET /", listener=(1, 0)),
    Sent("websockets.yaml", "http://web/", "127.0.0.1:8080 got GET /"),
    Sent("websockets.yaml", "http://web.test:80/", "127.0.0.1:8080 got GET /", listener=(1, 0)),
    Sent("websockets.yaml", "http://other:80/", "Unable to route request!", status=502, listener=(1, 0)),
    Sent("tcp.yaml", "tcp://db:5432", "127.0.0.1:5433 got GET /"),
    Sent("tcp.yaml", "tls://Web.test:4443", "127.0.0.1:8443 got GET /", listener=(1, 0)),
    Sent("tcp.yaml", "tcp://x:4443", "127.0.0.1:8444 got GET /", listener=(1, 0)),
    Sent(
        "retries.yaml", "http://web/", "127.0.0.1:8080 got GET /", (("l5d-dtab", "/svc/web => /$/inet/127.0.0.1/8080"),)
    ),
    Sent("edge.yaml", "http://other/", "", status=502),
    Sent("edge.yaml", "http://other/", "Unable to route request!", status=502, listener=(0, 1)),
)


@asynccontextmanager
async def built(stack: str, serve: Serve | None = None) -> AsyncIterator[Assembly]:
    """Build an example whose endpoints all answer, in memory, with their address and what they got, or as `serve` does."""
    kinds = find()
    serve = serve or serve_any(("http/1.1", "h2"), HttpServing(), Http2Serving(), "fast")
    loaded = read_file(f"stacks/{stack}", kinds)
    async with trio.open_nursery() as nursery:

        async def connect(endpoint: Endpoint) -> Connection:
            async def answer(request: HttpRequest, /) -> HttpReply:
                said = f"{endpoint} got {request.method.decode()} {request.target.decode()}"
                return HttpReply(200, [], said.encode())

            ours, theirs = trio.testing.memory_stream_pair()
            nursery.start_soon(serve, StreamConnection(theirs), Switch(answer))
            return StreamConnection(ours)

        life = Life(nursery)
        yield assemble(loaded.stack, kinds, life, Metrics(), Params().put(CONNECTOR, connect))
        life.close()
        nursery.cancel_scope.cancel()


async def received(sent: Sent) -> HttpReply:
    """Send a request and return its reply, closed."""
    async with built(sent.stack) as assembly:
        router = assembly.routers[sent.listener[0]]
        request = router.parts.request("GET", sent.url, list(sent.headers))
        found: HttpReply | TcpReply = await router.servers[sent.listener[1]].service(request)
        reply = await _said(found) if isinstance(found, TcpReply) else found
        body = b""
        while piece := await reply.body.receive():
            body += piece
        await reply.aclose()
        return HttpReply(reply.status, reply.headers, body)


async def _said(found: TcpReply) -> HttpReply:
    """Return what is said at the far end of a connection to whoever asks there for `/`."""
    async with trio.open_nursery() as nursery:
        session = new_session(Limits())(found.tunnel.connection, Life(nursery))
        reply = await session(HttpRequest(b"GET", b"/", [(b"host", b"x")]))
    await found.aclose()
    assert isinstance(reply, HttpReply)
    return reply


@pytest.fixture(autouse=True)
def _from_the_top(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the examples from the top of the project, and leave the places of modules as they were."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "path", list(sys.path))


@pytest.mark.parametrize("stack", STACKS)
def test_an_example_gives_no_reason_to_warn(stack: str) -> None:
    assert [warning.show() for warning in read_file(f"stacks/{stack}", find()).warnings] == []


def test_a_request_is_sent_through_every_example() -> None:
    others = {"grpc.yaml", "mux.yaml", "thriftmux.yaml", "thrift.yaml", "thrift-json.yaml"}
    assert sorted({sent.stack for sent in SENT} | others) == STACKS


async def test_a_call_is_sent_through_the_example_in_another_protocol() -> None:
    told: list[bytes] = []

    async def answer(connection: Connection, _switch: Switch) -> None:
        told.append(await connection.receive_some())
        await connection.send_all(COMPACT.message(REPLY, b"greet", 0, b"\x08\0\2Hi\0"))

    async with built("thrift.yaml", answer) as assembly:
        router = assembly.routers[0]
        reply: ThriftReply = await router.servers[0].service(router.parts.request("", "thrift://x/greet", []))

    assert told == [COMPACT.message(CALL, b"greet", 0, b"\0")]
    assert (reply.is_exception, reply.encoding) == (False, BINARY)


async def test_a_call_of_the_example_comes_back_as_json() -> None:
    told: list[bytes] = []

    async def answer(connection: Connection, _switch: Switch) -> None:
        told.append(await connection.receive_some())
        await connection.send_all(BINARY.message(REPLY, b"all", 0, bytes.fromhex("0f00000c0000000000")))

    async with built("thrift-json.yaml", answer) as assembly:
        router = assembly.routers[0]
        reply: HttpReply = await router.servers[0].service(router.parts.request("POST", "http://x/Accounts/all", []))

    assert told == [BINARY.message(CALL, b"all", 0, b"\0")]
    assert (reply.status, reply.body.buffered) == (200, b"[]")


async def test_a_call_is_sent_through_the_example_of_mux() -> None:
    async def tell(request: MuxRequest) -> MuxReply:
        return MuxReply(0, f"asked for {request.destination}".encode())

    async def answer(connection: Connection, _switch: Switch) -> None:
        await serve_mux(Serving())(connection, Switch(tell))

    async with built("mux.yaml", answer) as assembly:
        router = assembly.routers[0]
        reply: MuxReply = await router.servers[0].service(router.parts.request("", "mux://x/web/users", []))

    assert (reply.status, reply.body.buffered) == (0, b"asked for /users")


async def test_a_call_of_grpc_is_sent_through_the_example() -> None:
    said = Said([(b":status", b"200"), (b"content-type", b"application/grpc")], b"", [(b"grpc-status", b"5")])
    greeter = GrpcEndpoint(lambda _request: said)

    async def answer(connection: Connection, _switch: Switch) -> None:
        await greeter.serve(connection)

    async with built("grpc.yaml", answer) as assembly:
        router = assembly.routers[0]
        call = router.parts.request("POST", "http://x/demo.Greeter/Shout", [("content-type", "application/grpc")])
        reply: HttpReply = await router.servers[0].service(call)
        await reply.body.receive()
        trailers = reply.body.trailers
        await reply.aclose()

    asked = [request.field(b":path") for request in greeter.requests]
    assert (asked.count(b"/demo.Greeter/Shout"), trailers) == (1, [(b"grpc-status", b"5")])


async def test_a_call_is_sent_through_the_example_of_thriftmux_in_plain_thrift() -> None:
    told: list[bytes] = []

    async def answer(connection: Connection, _switch: Switch) -> None:
        told.append(await connection.receive_some())
        await connection.send_all(COMPACT.message(REPLY, b"greet", 0, b"\0"))

    async with built("thriftmux.yaml", answer) as assembly:
        router = assembly.routers[0]
        reply: MuxReply = await router.servers[0].service(router.parts.request("", "thriftmux://x/greet", []))

    assert told == [COMPACT.message(CALL, b"greet", 0, b"\0")]
    assert (reply.status, reply.body.buffered) == (0, BINARY.message(REPLY, b"greet", 0, b"\0"))


@pytest.mark.parametrize("sent", SENT, ids=lambda sent: f"{sent.stack} {sent.url}")
async def test_a_request_is_answered_by_the_endpoint_that_the_example_means(sent: Sent) -> None:
    reply = await received(sent)

    assert (reply.status, (reply.body.buffered or b"").decode().partition("\n")[0]) == (sent.status, sent.answer)


async def test_the_filter_of_the_example_adds_its_field() -> None:
    reply = await received(Sent("custom-filter.yaml", "http://web/", ""))

    assert (b"greeting", b"good morning") in reply.headers


async def test_the_fourth_of_a_key_is_one_too_many_for_the_example() -> None:
    statuses = []
    async with built("limits.yaml") as assembly:
        router = assembly.routers[0]
        for _number in range(4):
            asked = router.parts.request("GET", "http://web/", [("x-api-key", "me")])
            reply: HttpReply = await router.servers[0].service(asked)
            statuses.append(reply.status)
            await reply.aclose()

    assert statuses == [200, 200, 200, 429]


async def test_the_canary_of_the_example_gets_one_request_in_ten() -> None:
    answers = []
    async with built("canary.yaml") as assembly:
        router = assembly.routers[0]
        for _number in range(200):
            reply: HttpReply = await router.servers[0].service(router.parts.request("GET", "http://web/", []))
            answers.append(await reply.body.receive())
            await reply.aclose()

    # The chance that one in ten is met less than 3 or more than 50 times of 200 is below one in a million.
    assert 3 <= sum(answer.startswith(b"127.0.0.1:8082") for answer in answers) <= 50
