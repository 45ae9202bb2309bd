"""How the tests drive the calling side: a session in memory, and an endpoint that an engine speaks for."""

import contextlib
from collections.abc import AsyncIterator

import trio
import trio.testing

from mesh import HttpReply, HttpRequest, Life, Limits, Metrics, Session
from mesh.testing import memory_connections
from mesh_plugins.http2.engine import ConnectionFailed
from mesh_plugins.http2.options import Options
from mesh_plugins.http2.outlet import Outlet
from mesh_plugins.http2.serving import Pings, StreamCounts
from mesh_plugins.http2.session import Http2Calling, Http2Session
from tests.plugins.http2.pairs import CLIENTS, SERVERS, Owner


class Endpoint:
    """The endpoint's end of a session. `changes` holds how much room the session had at each of its changes."""

    def __init__(self, engine: str, calling: Http2Calling, options: Options, life: Life) -> None:
        near, self.connection = memory_connections()
        self.owner = Owner()
        self.engine = SERVERS[engine](self.owner, options, trio.current_time)
        self.outlet = Outlet(self.connection, self.engine, trio.current_time)
        self.changes: list[int] = []
        self.ended = False
        self.hears = True
        self.session = Http2Session(near, CLIENTS[engine], calling, life)
        self.session.on_change = self._changed

    def _changed(self, session: Session) -> None:
        self.changes.append(session.capacity)

    async def read(self) -> None:
        """Take what the session says, until it ends the connection."""
        with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError, ConnectionFailed):
            while data := await self.connection.receive_some():
                if self.hears:
                    self.engine.feed(data)
                    self.outlet.kick()
        self.ended = True

    @property
    def last(self) -> int:
        """The stream of the request that came last."""
        return max(self.owner.requests)

    async def reply(self, status: int = 200, body: bytes = b"", *, stream: int = 0, ends: bool = True) -> None:
        """Reply to a request, by default the last one, and let it arrive."""
        number = stream or self.last
        self.engine.reply(number, status, [], None, ends=ends and not body)
        if body:
            self.engine.send_data(number, body, ends=ends)
        await self.settle()

    async def settle(self) -> None:
        """Let everybody hear what was said."""
        self.outlet.kick()
        await trio.testing.wait_all_tasks_blocked()


class Call:
    """A call in a task of its own: what came of it, whole, and its scope, to cancel it."""

    def __init__(self, nursery: trio.Nursery, session: Session, request: HttpRequest, *, reads: bool = True) -> None:
        self.reply: HttpReply | None = None
        self.body = b""
        self.error: Exception | None = None
        self.scope = trio.CancelScope()
        nursery.start_soon(self._run, session, request, reads)

    async def _run(self, session: Session, request: HttpRequest, reads: bool) -> None:
        with self.scope:
            try:
                reply = await session(request)
                assert isinstance(reply, HttpReply)
                self.reply = reply
                while reads and (piece := await reply.body.receive()):
                    self.body += piece
                if reads:
                    await reply.aclose()
            except Exception as error:  # noqa: BLE001  whatever it is, the test looks at it
                self.error = error


class Bench:
    """A session with its endpoint, and a nursery for calls."""

    def __init__(self, nursery: trio.Nursery, engine: str, calling: Http2Calling, options: Options) -> None:
        self.nursery = nursery
        self.life = Life(nursery, "test")
        self.calling = calling
        self.endpoint = Endpoint(engine, calling, options, self.life)
        self.session = self.endpoint.session

    async def call(self, request: HttpRequest, *, reads: bool = True) -> Call:
        made = Call(self.nursery, self.session, request, reads=reads)
        await trio.testing.wait_all_tasks_blocked()
        return made


def calling(limits: Limits | None = None, pings: Pings | None = None, most_streams: int = 1024) -> Http2Calling:
    known = limits or Limits()
    return Http2Calling(known, Options(limits=known), pings or Pings(), StreamCounts(Metrics()), most_streams)


@contextlib.asynccontextmanager
async def bench(engine: str, made: Http2Calling | None = None, options: Options | None = None) -> AsyncIterator[Bench]:
    async with trio.open_nursery() as nursery:
        found = Bench(nursery, engine, made or calling(), options or Options())
        nursery.start_soon(found.endpoint.read)
        nursery.start_soon(found.endpoint.outlet.run)
        await trio.testing.wait_all_tasks_blocked()
        yield found
        found.life.close()
        nursery.cancel_scope.cancel()
