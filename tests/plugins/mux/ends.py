"""The two ends of a connection in memory, one of which speaks Mux and the other bytes."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import attrs
import trio
import trio.testing

from mesh import AnyService, Life, Limits, StreamConnection, Switch
from mesh.testing import memory_connections
from mesh_plugins.mux.message import MuxReply, MuxRequest
from mesh_plugins.mux.protocol import serve
from mesh_plugins.mux.serving import Serving
from mesh_plugins.mux.session import MuxSession
from mesh_plugins.mux.speaking import Speaking
from mesh_plugins.mux.wire import FrameReader

Answer = Callable[[MuxRequest], Awaitable[MuxReply]]
MOST = 1 << 30
TPING, RPING = "0000000441000001", "00000004bf000001"
MARKER = "0000000f7f00000174696e697420636865636b"
TINIT = "0000002a4400000100010000000a6d75782d6672616d6572000000047fffffff00000003746c73000000036f6666"
RINIT = "00000006bc0000010001"


@attrs.define(eq=False)
class End:
    """The end that speaks bytes, in hex digits."""

    connection: StreamConnection
    _reader: FrameReader = attrs.field(factory=lambda: FrameReader(MOST))
    _frames: list[str] = attrs.field(factory=list)
    closed: bool = False

    async def send(self, *frames: str | bytes) -> None:
        """Send frames with their sizes."""
        data = b"".join(bytes.fromhex(frame) if isinstance(frame, str) else frame for frame in frames)
        with contextlib.suppress(trio.BrokenResourceError):
            await self.connection.send_all(data)

    async def received(self) -> list[str]:
        """Return the frames that have come since the last call, with their sizes, once nothing happens any more."""
        await trio.testing.wait_all_tasks_blocked()
        frames, self._frames = self._frames, []
        return frames

    async def ask(self, *frames: str | bytes) -> list[str]:
        await self.send(*frames)
        return await self.received()

    async def listen(self) -> None:
        """Take what comes, to the end."""
        try:
            while data := await self.connection.receive_some():
                for frame in self._reader.feed(data):
                    self._frames.append((len(frame).to_bytes(4, "big") + frame).hex())
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        self.closed = True


@attrs.define(eq=False)
class ServerBench:
    """A served connection: the client's end, the switch, and what the service was asked."""

    client: End
    switch: Switch
    requests: list[MuxRequest]


async def echo(request: MuxRequest) -> MuxReply:
    return MuxReply(0, request.body.buffered or b"")


@contextlib.asynccontextmanager
async def served(answer: Answer = echo, how: Serving | None = None) -> AsyncIterator[ServerBench]:
    """Serve one connection with `answer`."""
    near, far = memory_connections()
    requests: list[MuxRequest] = []

    async def noted(request: MuxRequest) -> MuxReply:
        requests.append(request)
        reply = await answer(request)
        request.context.made(reply)
        return reply

    service: AnyService = noted
    switch, client = Switch(service), End(near)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(client.listen)
        nursery.start_soon(serve(how or Serving()), far, switch)
        yield ServerBench(client, switch, requests)
        nursery.cancel_scope.cancel()


@attrs.define(eq=False)
class SessionBench:
    """A session: the endpoint's end, and a nursery for calls."""

    endpoint: End
    session: MuxSession
    nursery: trio.Nursery


@contextlib.asynccontextmanager
async def spoken(speaking: Speaking | None = None, *, shake: bool = True) -> AsyncIterator[SessionBench]:
    """Open a session; with `shake`, through its handshake and first ping."""
    near, far = memory_connections()
    endpoint = End(far)
    async with trio.open_nursery() as nursery:
        life = Life(nursery, "test")
        session = MuxSession(near, life, speaking or Speaking())
        nursery.start_soon(endpoint.listen)
        if shake:
            assert await endpoint.received() == [MARKER]
            assert await endpoint.ask(MARKER) == [TINIT]
            assert await endpoint.ask(RINIT) == [TPING]
            assert await endpoint.ask(RPING) == []
        yield SessionBench(endpoint, session, nursery)
        life.close()
        nursery.cancel_scope.cancel()


def limits(**changed: int) -> Limits:
    return Limits(**changed)  # type: ignore[arg-type]  # the tests know which are whole numbers
