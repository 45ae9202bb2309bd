"""Both ends of a connection, with a codec's side between them."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import attrs
import trio

from mesh import Life, Limits, StreamConnection, Switch
from mesh.testing import memory_connections
from mesh_plugins.thrift.framing import framed
from mesh_plugins.thrift.message import BINARY, Message, ThriftReply, ThriftRequest, nothing
from mesh_plugins.thrift.peer import Peer
from mesh_plugins.thrift.server import ThriftConnection
from mesh_plugins.thrift.serving import Serving
from mesh_plugins.thrift.session import ThriftSession
from mesh_plugins.thrift.sessions import new_session
from mesh_plugins.thrift.wire import CALL, REPLY

Answer = Callable[[ThriftRequest], Awaitable[ThriftReply]]
ARGS = bytes.fromhex("0b0001 00000002 6869 00")  # one string


def a_call(name: bytes = b"echo", seqid: int = 7, kind: int = CALL, args: bytes = ARGS) -> bytes:
    """Return a call in the binary protocol, in a frame."""
    return framed(BINARY.message(kind, name, seqid, args))


async def echo(request: ThriftRequest) -> ThriftReply:
    """Answer a call with its own struct; a one-way call with nothing."""
    if request.is_one_way:
        return nothing(request)
    encoding, head = request.encoding, request.head
    body = request.body
    assert isinstance(body, Message)
    data = encoding.message(REPLY, head.name, head.seqid, body.data[head.at :])
    return ThriftReply(encoding, encoding.read_head(data, 0), Message(data))


@attrs.define(eq=False)
class ServerBench:
    """The client's end of a connection that is served, and what was asked."""

    client: StreamConnection
    server: ThriftConnection
    switch: Switch
    asked: list[ThriftRequest] = attrs.field(factory=list)
    refused: list[str] = attrs.field(factory=list)

    async def receive(self, size: int) -> bytes:
        """Return so many bytes, or fewer if the connection ends."""
        found = b""
        while len(found) < size and (piece := await self.client.receive_some(size - len(found))):
            found += piece
        return found

    async def frame(self) -> bytes:
        """Return the message in the next frame; empty at the end."""
        size = await self.receive(4)
        return await self.receive(int.from_bytes(size, "big"))

    async def everything(self) -> bytes:
        """Return all that comes, to the end."""
        return await self.receive(1 << 30)


@contextlib.asynccontextmanager
async def served(answer: Answer = echo, serving: Serving | None = None) -> AsyncIterator[ServerBench]:
    """Serve one connection in memory."""
    client, near = memory_connections()

    async def note(request: ThriftRequest) -> ThriftReply:
        bench.asked.append(request)
        return await answer(request)

    switch = Switch(note)
    server = ThriftConnection(near, switch, serving or Serving())
    bench = ServerBench(client, server, switch)
    switch.refused = lambda error: bench.refused.append(str(error))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.run)
        yield bench
        nursery.cancel_scope.cancel()


@contextlib.asynccontextmanager
async def session(
    peer: Peer | None = None, limits: Limits | None = None
) -> AsyncIterator[tuple[ThriftSession, StreamConnection]]:
    """Yield a session, and the endpoint's end of its connection."""
    near, endpoint = memory_connections()
    async with trio.open_nursery() as nursery:
        made = new_session(peer or Peer(), limits or Limits())(near, Life(nursery))
        assert isinstance(made, ThriftSession)
        yield made, endpoint
        nursery.cancel_scope.cancel()
