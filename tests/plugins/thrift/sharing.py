"""A session of several calls at a time between its caller and its endpoint."""

import contextlib
from collections.abc import AsyncIterator

import attrs
import trio
import trio.testing

from mesh import (
    Context,
    Life,
    Limits,
    MeshError,
    StreamConnection,
)
from mesh.testing import memory_connections
from mesh_plugins.thrift.asking import Refusals
from mesh_plugins.thrift.framing import Messages, framed, new_messages
from mesh_plugins.thrift.message import BINARY, ThriftReply, ThriftRequest, read_request
from mesh_plugins.thrift.multiplexed import MultiplexedSession
from mesh_plugins.thrift.peer import Peer
from mesh_plugins.thrift.walking import Bounds
from mesh_plugins.thrift.wire import CALL, REPLY, Head
from tests.plugins.connections.gated import Gated
from tests.plugins.thrift.benches import ARGS

IDLE, PIECE = 30.0, 5.0
SEVERAL = Peer(calls=4)


def asked(name: bytes = b"echo", seqid: int = 7, kind: int = CALL, args: bytes = ARGS) -> ThriftRequest:
    return read_request(BINARY.message(kind, name, seqid, args), Context())


def replied(seqid: int, name: bytes = b"echo", args: bytes = ARGS, kind: int = REPLY) -> bytes:
    return framed(BINARY.message(kind, name, seqid, args))


@attrs.define(eq=False)
class Asked:
    """One call that was made: its scope, and what became of it."""

    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    reply: ThriftReply | None = None
    error: MeshError | None = None

    @property
    def is_open(self) -> bool:
        return self.reply is None and self.error is None and not self.scope.cancelled_caught


@attrs.define(eq=False)
class Bench:
    """A session, the endpoint's end, and how often the pool was told something."""

    session: MultiplexedSession
    connection: Gated
    endpoint: StreamConnection
    nursery: trio.Nursery
    peer: Peer
    messages: Messages
    changes: int = 0

    async def call(self, request: ThriftRequest | None = None) -> Asked:
        """Make a call, and wait until nothing happens any more."""
        made = Asked()

        async def run() -> None:
            with made.scope:
                try:
                    made.reply = await self.session(request or asked())
                except MeshError as error:
                    made.error = error

        self.nursery.start_soon(run)
        await trio.testing.wait_all_tasks_blocked()
        return made

    async def heads(self, count: int) -> list[Head]:
        """Return the heads of so many messages that the endpoint got."""
        return [self.peer.encoding.read_head(data, 0) for data in await self.got(count)]

    async def got(self, count: int) -> list[bytes]:
        """Return so many messages that the endpoint got, without frames."""
        found: list[bytes] = []
        while True:
            while len(found) < count and (message := self.messages.take()) is not None:
                found.append(message.buffered)
            if len(found) == count:
                return found
            self.messages.feed(await self.endpoint.receive_some())

    async def send(self, data: bytes) -> None:
        await self.endpoint.send_all(data)
        await trio.testing.wait_all_tasks_blocked()


@contextlib.asynccontextmanager
async def several(peer: Peer = SEVERAL, limits: Limits | None = None) -> AsyncIterator[Bench]:
    stream, endpoint = memory_connections()
    near = Gated(stream)
    async with trio.open_nursery() as nursery:
        life = Life(nursery, "test")
        limits = limits or Limits(stream_idle_timeout_s=IDLE, header_deadline_s=PIECE)
        session = MultiplexedSession(near, life, peer, limits, Refusals())
        messages = new_messages(peer.encoding, Bounds(), is_framed=peer.is_framed)
        bench = Bench(session, near, endpoint, nursery, peer, messages)

        def note(_session: object) -> None:
            bench.changes += 1

        session.on_change = note
        yield bench
        life.close()
        nursery.cancel_scope.cancel()
