"""How the tests drive the serving side: a client in memory, which an engine speaks for, and a service that the test writes."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import trio
import trio.testing

from mesh import Fields, HttpReply, HttpRequest, Switch
from mesh.testing import memory_connections
from mesh_plugins.http2.engine import ConnectionFailed
from mesh_plugins.http2.options import Options
from mesh_plugins.http2.outlet import Outlet
from mesh_plugins.http2.server import ServerConnection
from mesh_plugins.http2.serving import Http2Serving
from tests.plugins.http2.pairs import CLIENTS, HOST, SERVERS, Owner, Stream

Answer = Callable[[HttpRequest], Awaitable[HttpReply]]


class Client:
    """The client's end; `owner` notes what comes. `ended`: the server has closed. It `hears` what is said to it."""

    def __init__(self, engine: str, answer: Answer, serving: Http2Serving, options: Options) -> None:
        self.connection, far = memory_connections()
        self.owner = Owner()
        self.engine = CLIENTS[engine](self.owner, options, trio.current_time)
        self.outlet = Outlet(self.connection, self.engine, trio.current_time)
        self.switch = Switch(answer)
        self.serving = serving
        self.server = ServerConnection(far, SERVERS[engine], self.switch, serving)
        self.ended = False
        self.hears = True

    def flush(self) -> None:
        """Have what the engine has to say sent, in a moment."""
        self.outlet.kick()

    async def ask(
        self, method: bytes = b"GET", body: bytes | None = None, headers: Fields = HOST, *, ends: bool = True
    ) -> tuple[int, Stream]:
        """Begin a request, with as much of its body as goes; return its number and its owner."""
        owner = Stream()
        only_head = ends and not body
        number = self.engine.open(owner, method, b"/path", b"http", headers, None, ends=only_head)
        if body:
            self.engine.send_data(number, body, ends=ends)
        self.flush()
        return number, owner

    async def read(self) -> None:
        """Take what the server says, until it ends the connection."""
        with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError, ConnectionFailed):
            while data := await self.connection.receive_some():
                if self.hears:
                    self.engine.feed(data)
                    self.outlet.kick()
        self.ended = True


@contextlib.asynccontextmanager
async def served(
    engine: str, answer: Answer, serving: Http2Serving | None = None, options: Options | None = None
) -> AsyncIterator[Client]:
    client = Client(engine, answer, serving or Http2Serving(), options or Options())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(client.server.run)
        nursery.start_soon(client.read)
        nursery.start_soon(client.outlet.run)
        yield client
        nursery.cancel_scope.cancel()


def content(owner: Stream) -> bytes:
    """Return the bytes of a body that came on a stream."""
    return b"".join(told[1] for told in owner.told if told[0] == "data")


def status(owner: Stream) -> int:
    """Return the status of the final reply."""
    (found,) = [told[1] for told in owner.told if told[0] == "reply" and told[1] >= 200]
    assert isinstance(found, int)
    return found


async def ok(request: HttpRequest) -> HttpReply:
    return HttpReply(200, body=request.target)
