"""How the tests drive the serving side: a client in memory, and a service that the test writes behind the server."""

import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import trio
import trio.testing

from mesh import Body, HttpReply, HttpRequest, StreamConnection, Switch
from mesh_plugins.http1.server import ServerConnection
from mesh_plugins.http1.serving import Serving
from mesh_plugins.http1.wire import FastServer

LENGTH = re.compile(rb"content-length: ([0-9]+)")
GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
Answer = Callable[[HttpRequest], Awaitable[HttpReply]]
Stapled = trio.StapledStream[trio.abc.SendStream, trio.abc.ReceiveStream]


class Client:
    """The client's end, the switch of the server, and its end, which may be `aborted`."""

    def __init__(self, answer: Answer, serving: Serving, pair: tuple[Stapled, Stapled] | None = None) -> None:
        streams: tuple[Any, Any] = pair or trio.testing.memory_stream_pair()
        self.stream, near = streams
        self.rest = b""
        self.switch = Switch(answer)
        self.connection = Abortable(near)
        self.server = ServerConnection(self.connection, FastServer(serving.limits), self.switch, serving)

    async def send(self, octets: bytes) -> None:
        await self.stream.send_all(octets)

    async def reply(self) -> bytes:
        """Return the next reply, up to the end of the length that it announces."""
        while b"\r\n\r\n" not in self.rest:
            await self._more()
        size = self.rest.index(b"\r\n\r\n") + 4
        length = LENGTH.search(self.rest, 0, size)
        size += int(length[1]) if length else 0
        while len(self.rest) < size:
            await self._more()
        found, self.rest = self.rest[:size], self.rest[size:]
        return found

    async def _more(self) -> None:
        piece = await self.stream.receive_some()
        assert piece
        self.rest += piece

    async def everything(self) -> bytes:
        """Return what is sent to the client until the end of the connection."""
        return self.rest + b"".join([bytes(piece) async for piece in self.stream])

    async def ask(self, octets: bytes) -> bytes:
        await self.send(octets)
        return await self.reply()


class Abortable(StreamConnection):
    """A connection that remembers being aborted."""

    aborted = False

    def abort(self) -> None:
        self.aborted = True
        self.close()


@contextlib.asynccontextmanager
async def served(answer: Answer, serving: Serving | None = None) -> AsyncIterator[Client]:
    client = Client(answer, serving or Serving())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(client.server.run)
        yield client
        nursery.cancel_scope.cancel()


async def ok(request: HttpRequest) -> HttpReply:
    return HttpReply(200, body=request.target)


def always(reply: HttpReply) -> Answer:
    async def answer(_request: HttpRequest) -> HttpReply:
        return reply

    return answer


async def whole(body: Body) -> bytes:
    pieces = []
    while piece := await body.receive():
        pieces.append(piece)
    return b"".join(pieces)
