"""Routers of Thrift, Mux and ThriftMux whose stacks are whole, but for their connections: those are in memory.

A call is the same in each protocol: a method, or a destination, and what came of it.
"""

import contextlib
import json
import pathlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import attrs
import trio

from mesh import (
    AnyService,
    Buffered,
    ConnectFailed,
    Connection,
    Context,
    Endpoint,
    Metrics,
    Path,
    Reply,
    Request,
    Switch,
)
from mesh.testing import memory_connections
from mesh_plugins.mux import failure
from mesh_plugins.mux.message import MuxReply, MuxRequest, failed
from mesh_plugins.mux.protocol import serve_connection
from mesh_plugins.mux.serving import Serving as MuxServing
from mesh_plugins.mux.wire import NACK, OK
from mesh_plugins.thrift.exceptions import ExceptionType, exception
from mesh_plugins.thrift.message import BINARY, ThriftReply, ThriftRequest, read_reply, read_request
from mesh_plugins.thrift.server import ThriftConnection
from mesh_plugins.thrift.serving import Serving as ThriftServing
from mesh_plugins.thrift.wire import CALL, EXCEPTION, REPLY
from tests.plugins.rest import numbers
from tests.proxies import unheard_server

PROTOCOLS = ("thrift", "mux", "thriftmux")
GOOD, BAD, NACKED, REFUSED = "good", "bad", "nacked", "refused"
Behave = Callable[["Bench", int], Awaitable[str]]
"""What an endpoint does with a call, by its port: it returns how it answers, `GOOD`, `BAD` or `NACKED`."""


async def good(_bench: "Bench", _port: int) -> str:
    return GOOD


async def bad(_bench: "Bench", _port: int) -> str:
    return BAD


async def hangs(_bench: "Bench", _port: int) -> str:
    await trio.sleep_forever()
    return BAD


async def first_hangs(bench: "Bench", _port: int) -> str:
    return GOOD if len(bench.asked) > 1 else await hangs(bench, 0)


async def first_bad(bench: "Bench", _port: int) -> str:
    return GOOD if len(bench.asked) > 1 else BAD


async def first_nacks(bench: "Bench", _port: int) -> str:
    return GOOD if len(bench.asked) > 1 else NACKED


@attrs.define(eq=False)
class Bench:
    """A router of one protocol. `asked` are the ports of the endpoints that were called; at `dead` ones nobody listens."""

    protocol: str
    behave: Behave = good
    dead: frozenset[int] = frozenset()
    asked: list[int] = attrs.field(factory=list)
    metrics: Metrics = attrs.field(factory=Metrics)
    service: AnyService | None = None
    nursery: Any = None

    async def call(self, method: str = "get") -> str:
        """Make a call; return `GOOD`, or why it failed: that begins with `REFUSED` if it was not worked on."""
        assert self.service is not None
        request = self.request(method)
        reply: Reply = await self.service(request)
        try:
            return _told(reply)
        finally:
            await reply.aclose()

    def request(self, method: str) -> Request:
        """Return a new call; its client has come from 10.0.0.1."""
        context = Context(trio.current_time(), "10.0.0.1:1234")
        message = BINARY.message(CALL, method.encode(), 7, b"\0")
        if self.protocol == "thrift":
            return read_request(message, context)
        destination = Path.read(f"/{method}") if self.protocol == "mux" else Path()
        return MuxRequest(destination, Buffered(message), context=context)

    def numbers(self) -> dict[str, float]:
        """Return the router's metrics, without `rt/<router>/`."""
        return numbers(self.metrics, f"rt/{self.protocol}")

    async def connect(self, endpoint: Endpoint) -> Connection:
        """Connect to an endpoint, which speaks the router's protocol."""
        if endpoint.port in self.dead:
            raise ConnectFailed(f"{endpoint} is dead")
        near, far = memory_connections()
        self.nursery.start_soon(self._serve, far, endpoint.port)
        return near

    async def _serve(self, connection: Connection, port: int) -> None:
        async def answer(request: Any) -> Reply:
            self.asked.append(port)
            reply = _reply(request, await self.behave(self, port))
            request.context.made(reply)
            return reply

        if self.protocol == "thrift":
            await ThriftConnection(connection, Switch(answer), ThriftServing()).run()
        else:
            await serve_connection(connection, Switch(answer), MuxServing())


def _reply(request: ThriftRequest | MuxRequest, how: str) -> Reply:
    if isinstance(request, MuxRequest):
        if how == NACKED:
            return MuxReply(NACK, b"", failure.context(failure.RETRYABLE | failure.REJECTED))
        return MuxReply(OK, BINARY.message(REPLY, b"get", 7, b"\0")) if how == GOOD else failed("bad")
    if how == GOOD:
        return read_reply(BINARY.message(REPLY, request.head.name, request.head.seqid, b"\0"))
    return exception(request.encoding, request.head, ExceptionType.INTERNAL_ERROR, "bad")


def _told(reply: Reply) -> str:
    content = (reply.body.buffered or b"").decode("utf-8", "replace")
    if isinstance(reply, MuxReply):
        return GOOD if reply.status == OK else f"{REFUSED}: {content}" if reply.status == NACK else content
    assert isinstance(reply, ThriftReply)
    if reply.head.kind != EXCEPTION:
        return GOOD
    return f"{REFUSED}: {content}" if "Overloaded" in content else content  # Thrift has no other way to say it


def text(
    protocol: str, *, folder: pathlib.Path | None = None, server: dict[str, Any] | None = None, **router: Any
) -> str:
    """Return a stack file of one router: in front of an endpoint at port 1, or of those of the service `web` in `folder`."""
    namers = [] if folder is None else [{"kind": "io.l5d.fs", "rootDir": str(folder)}]
    keys = {
        "protocol": protocol,
        **({"experimental": True} if protocol == "thriftmux" else {}),
        "dtab": "/svc => /$/inet/127.0.0.1/1;" if folder is None else "/svc => /#/io.l5d.fs/web;",
        "servers": [{"port": 0, **(server or {})}],
        **router,
    }
    return json.dumps({"admin": {"port": 0}, "namers": namers, "routers": [keys]})


@contextlib.asynccontextmanager
async def bench(
    protocol: str, behave: Behave = good, *, dead: tuple[int, ...] = (), **keys: Any
) -> AsyncIterator[Bench]:
    """Build a router inside the block; `keys` are for `text`."""
    made = Bench(protocol, behave, frozenset(dead))
    async with trio.open_nursery() as nursery:
        made.nursery = nursery
        async with unheard_server(text(protocol, **keys), made.connect, made.metrics) as server:
            made.service = server.service
            yield made
        nursery.cancel_scope.cancel()
