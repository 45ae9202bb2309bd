"""How the tests drive the calling side: a session in memory, and an endpoint that the test plays."""

import contextlib
from collections.abc import AsyncIterator

import trio
import trio.testing

from mesh import Fields, HttpReply, HttpRequest, InterimSink, Life, Limits, Session, StreamConnection
from mesh_plugins.http1.session import Http1Session
from mesh_plugins.http1.wire import FastClient


class Endpoint:
    """The endpoint's end of a session. `changes` holds whether the session had room at each of its changes."""

    def __init__(self, limits: Limits, life: Life) -> None:
        self.stream, near = trio.testing.memory_stream_pair()
        self.rest = b""
        self.changes: list[bool] = []
        self.session = Http1Session(StreamConnection(near, "the endpoint"), FastClient(limits), limits, life)
        self.session.on_change = self._changed

    def _changed(self, session: Session) -> None:
        self.changes.append(session.capacity > 0)

    async def until(self, mark: bytes) -> bytes:
        """Return what comes up to and with `mark`."""
        while mark not in self.rest:
            piece = await self.stream.receive_some()
            assert piece
            self.rest += piece
        size = self.rest.index(mark) + len(mark)
        found, self.rest = self.rest[:size], self.rest[size:]
        return found

    async def head(self) -> bytes:
        return await self.until(b"\r\n\r\n")

    async def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            await self.stream.send_all(piece)

    async def end(self) -> None:
        await self.stream.aclose()


class Call:
    """A call in a task of its own: what came of it, whole, and its scope, to cancel it."""

    def __init__(self, nursery: trio.Nursery, session: Session, request: HttpRequest) -> None:
        self.reply: HttpReply | None = None
        self.body = b""
        self.error: Exception | None = None
        self.scope = trio.CancelScope()
        self.done = trio.Event()
        nursery.start_soon(self._run, session, request)

    async def _run(self, session: Session, request: HttpRequest) -> None:
        with self.scope:
            try:
                reply = await session(request)
                assert isinstance(reply, HttpReply)
                self.reply = reply
                while piece := await reply.body.receive():
                    self.body += piece
                await reply.aclose()
            except Exception as error:  # noqa: BLE001  whatever it is, the test looks at it
                self.error = error
        self.done.set()

    async def ended(self) -> "Call":
        await self.done.wait()
        return self


class Bench:
    """A session with its endpoint, and a nursery for calls."""

    def __init__(self, nursery: trio.Nursery, limits: Limits) -> None:
        self.nursery = nursery
        self.life = Life(nursery, "test")
        self.endpoint = Endpoint(limits, self.life)
        self.session = self.endpoint.session

    def call(self, request: HttpRequest) -> Call:
        return Call(self.nursery, self.session, request)


@contextlib.asynccontextmanager
async def bench(limits: Limits | None = None) -> AsyncIterator[Bench]:
    async with trio.open_nursery() as nursery:
        yield Bench(nursery, limits or Limits())
        nursery.cancel_scope.cancel()


class Interims(InterimSink):
    """Keeps interim replies."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, Fields]] = []

    async def send_interim(self, status: int, headers: Fields) -> None:
        self.seen.append((status, headers))
