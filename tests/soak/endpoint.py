"""An endpoint that does with each call what the call's field `x-do` says."""

import contextlib
from collections.abc import AsyncIterator

import attrs
import trio

from mesh import Fields
from mesh_plugins.http2.engine import CANCEL, INTERNAL_ERROR, NO_ERROR, RequestHead
from mesh_plugins.http2.options import Options
from mesh_plugins.http2.wire import FastServer
from tests.soak.ends import End

SMALL, LARGE = b"x" * 64, b"x" * 100_000
SLOW_SECONDS = 0.005


@attrs.define(eq=False)
class Answer:
    """The owner of a stream; `left` is what is still to be sent."""

    end: "Connection"
    number: int
    do: bytes
    left: bytes = b""
    trailers: Fields = attrs.Factory(list)
    is_over: bool = False
    has_begun: bool = False

    def begin(self, *, whole: bool) -> None:
        """Act on the head, or on the end of the request, whichever is first."""
        if self.has_begun:
            return
        self.has_begun = True
        engine = self.end.engine
        match self.do:
            case b"reset-early":
                engine.reset(self.number, INTERNAL_ERROR)
            case b"early":
                engine.reply(self.number, 200, [], len(SMALL), ends=False)
                self.left = SMALL
                self.on_room()
            case b"reset-late":
                engine.reply(self.number, 200, [], None, ends=False)
                engine.send_data(self.number, SMALL, ends=False)
                engine.reset(self.number, CANCEL)
            case b"silent":
                return
            case b"slow" if whole:
                self.end.later(self.answer)
            case _ if whole:
                self.answer()

    def answer(self) -> None:
        if self.is_over:
            return
        self.left = LARGE if self.do == b"large" else SMALL
        self.trailers = [(b"x-sum", b"1")] if self.do == b"trailers" else []
        self.end.engine.reply(self.number, 200, [(b"x-do", self.do)], None, ends=False)
        self.on_room()
        self.end.flush()

    def on_room(self) -> None:
        ends = not self.trailers
        sent = self.end.engine.send_data(self.number, self.left, ends=ends)
        self.left = self.left[sent:]
        if not self.left and self.trailers:
            self.end.engine.send_trailers(self.number, self.trailers)
        if not self.left and self.do == b"early":
            self.end.engine.reset(self.number, NO_ERROR)  # the rest of the request is not wanted

    def on_data(self, piece: bytes, cost: int, *, ends: bool) -> None:
        self.end.engine.consumed(self.number, cost)
        if ends:
            self.begin(whole=True)

    def on_trailers(self, trailers: Fields) -> None:
        self.begin(whole=True)

    def on_reset(self, code: int, *, by_peer: bool, unprocessed: bool) -> None:
        self.is_over = True

    def on_reply(self, head: object) -> None:
        raise AssertionError("a reply on a server")


class Connection:
    """The owner of one connection; calls that are slow are answered by its nursery."""

    def __init__(self, stream: trio.SocketStream, nursery: trio.Nursery) -> None:
        self.engine = FastServer(self, Options(), trio.current_time)
        self.end = End(stream, self.engine)
        self.flush = self.end.flush
        self._nursery = nursery

    def later(self, answer: object) -> None:
        self._nursery.start_soon(self._answer_later, answer)

    async def _answer_later(self, answer: object) -> None:
        await trio.sleep(SLOW_SECONDS)
        assert callable(answer)
        answer()

    def on_request(self, stream: int, head: RequestHead) -> Answer:
        owner = Answer(self, stream, dict(head.headers).get(b"x-do", b""))
        if head.ends or owner.do in (b"reset-early", b"early", b"reset-late"):
            # After the engine knows whose the stream is.
            trio.lowlevel.current_trio_token().run_sync_soon(self._begin, owner, head.ends)
        return owner

    def _begin(self, owner: Answer, whole: bool) -> None:
        if not owner.is_over:
            owner.begin(whole=whole)
            self.flush()

    def on_limit(self, streams: int) -> None:
        """A server opens nothing."""

    def on_goaway(self, last: int, code: int, debug: bytes) -> None:
        """The proxy closes its connection in a moment."""

    def on_pong(self, data: bytes) -> None:
        """Nothing was asked."""


@attrs.define(eq=False)
class Endpoint:
    """What listens; `connections` are those that are open."""

    port: int
    connections: list[Connection] = attrs.Factory(list)

    @property
    def open_streams(self) -> int:
        return sum(connection.engine.open_streams for connection in self.connections)


@contextlib.asynccontextmanager
async def endpoint() -> AsyncIterator[Endpoint]:
    """Listen until the block ends."""
    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        made = Endpoint(listener.socket.getsockname()[1])

        async def handle(stream: trio.SocketStream) -> None:
            async with trio.open_nursery() as inner:
                connection = Connection(stream, inner)
                made.connections.append(connection)
                await connection.end.run(lambda: made.connections.remove(connection))
                inner.cancel_scope.cancel()

        nursery.start_soon(trio.serve_listeners, handle, [listener])
        yield made
        nursery.cancel_scope.cancel()
