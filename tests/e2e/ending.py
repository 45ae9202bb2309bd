"""Both sides of one call through a running linker, ended by either when a test says so: in HTTP/1.1 or HTTP/2.

A call to `/ok` is answered at once; any other is left to the test.
"""

import contextlib
import math
import socket
import struct
from collections.abc import AsyncIterator, Callable
from typing import Protocol

import attrs
import trio

from mesh import Fields
from mesh_plugins.http2.engine import ReplyHead, RequestHead
from mesh_plugins.http2.options import Options
from mesh_plugins.http2.wire import FastClient, FastServer
from tests.e2e.raw import Incomplete, Message, RawConnection, request
from tests.e2e.stubs import Stub, ungrouped
from tests.soak.ends import End

HUGE = b"x" * 6_000_000  # more than all windows and sockets on the way take
LARGE = b"x" * 150_000  # more than a window, and less than what a socket keeps: a FIN behind it is still seen


@attrs.define(eq=False)
class Half:
    """The owner of one side's stream. It reads nothing while it is `deaf`; `left` is what it still has to send."""

    end: End
    number: int = 0
    target: bytes = b""
    deaf: bool = False
    left: bytes = b""
    ends: bool = True
    status: int = 0
    received: int = 0
    kept: int = 0
    whole: bool = False
    reset: int | None = None
    trailers: Fields | None = None

    @property
    def over(self) -> bool:
        return self.whole or self.reset is not None

    def on_reply(self, head: ReplyHead) -> None:
        self.status = head.status
        self.whole = head.ends

    def on_data(self, piece: bytes, cost: int, *, ends: bool) -> None:
        self.received += len(piece)
        self.whole = ends
        if self.deaf:
            self.kept += cost
        else:
            self.end.engine.consumed(self.number, cost)

    def on_trailers(self, trailers: Fields) -> None:
        self.trailers = trailers
        self.whole = True

    def on_reset(self, code: int, *, by_peer: bool, unprocessed: bool) -> None:
        self.reset = code

    def on_room(self) -> None:
        self.send()

    def hear(self) -> None:
        """Read what came, and what comes."""
        self.deaf = False
        self.end.engine.consumed(self.number, self.kept)
        self.kept = 0
        self.end.flush()

    def send(self, data: bytes = b"", *, ends: bool | None = None) -> None:
        self.left += data
        self.ends = self.ends if ends is None else ends
        sent = self.end.engine.send_data(self.number, self.left, ends=self.ends)
        self.left = self.left[sent:]
        self.end.flush()

    def end_with(self, code: int) -> None:
        self.reset = code
        self.end.engine.reset(self.number, code)
        self.end.flush()


def abort(sock: trio.socket.SocketType) -> None:
    """Close with a reset."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


class Served(Protocol):
    """A call as the endpoint has it."""

    def begin(self, content: bytes, *, ends: bool) -> None:
        """Send the reply's head, with a body of any length, and so much of it."""

    @property
    def gone(self) -> bool:
        """Whether the endpoint knows that it is over."""


@attrs.define(eq=False)
class FramedServed:
    """A call over HTTP/2."""

    connection: "FramedConnection"
    half: Half
    is_open: Callable[[], bool]

    def begin(self, content: bytes, *, ends: bool) -> None:
        self.half.end.engine.reply(self.half.number, 200, [], None, ends=False)
        self.half.send(content, ends=ends)

    @property
    def gone(self) -> bool:
        return (
            self.half.reset is not None
            or not self.is_open()
            or (self.half.whole and not self.half.left and self.half.ends)
        )


class FramedConnection:
    """One connection of an endpoint of HTTP/2."""

    def __init__(self, stream: trio.SocketStream, endpoint: "FramedEndpoint") -> None:
        self.engine = FastServer(self, endpoint.options, trio.current_time)
        self.end = End(stream, self.engine)
        self._endpoint = endpoint

    def on_request(self, stream: int, head: RequestHead) -> Half:
        half = Half(self.end, stream, head.target, deaf=head.target != b"/ok", whole=head.ends)
        trio.lowlevel.current_trio_token().run_sync_soon(self._begin, half)  # once the engine knows whose the stream is
        return half

    def _begin(self, half: Half) -> None:
        served = FramedServed(self, half, lambda: self in self._endpoint.connections)
        if half.target == b"/ok":
            if half.reset is None:
                served.begin(b"ok", ends=True)
        else:
            self._endpoint.calls.append(served)

    def on_limit(self, streams: int) -> None:
        """A server opens nothing."""

    def on_goaway(self, last: int, code: int, debug: bytes) -> None:
        """The proxy closes its connection in a moment."""

    def on_pong(self, data: bytes) -> None:
        """Nothing was asked."""


@attrs.define(eq=False)
class FramedEndpoint:
    """What listens; `calls` are those that are left to the test, in order."""

    port: int
    options: Options
    connections: list[FramedConnection] = attrs.Factory(list)
    calls: list[FramedServed] = attrs.Factory(list)

    @property
    def open_connections(self) -> int:
        return len(self.connections)


@contextlib.asynccontextmanager
async def framed_endpoint(max_streams: int = 1024) -> AsyncIterator[FramedEndpoint]:
    """Listen until the block ends."""
    with ungrouped():
        async with trio.open_nursery() as nursery:
            (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
            made = FramedEndpoint(listener.socket.getsockname()[1], Options(max_streams=max_streams))

            async def handle(stream: trio.SocketStream) -> None:
                connection = FramedConnection(stream, made)
                made.connections.append(connection)
                try:
                    await connection.end.run(lambda: made.connections.remove(connection))
                finally:
                    stream.socket.close()

            nursery.start_soon(trio.serve_listeners, handle, [listener])
            yield made
            nursery.cancel_scope.cancel()


class FramedCaller:
    """A client's connection of HTTP/2."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.engine = FastClient(self, Options(), trio.current_time)
        self.end = End(stream, self.engine)
        self.is_over = False
        self.goaways: list[int] = []

    def ask(
        self, target: bytes, method: bytes = b"GET", body: bytes | None = None, fields: Fields | None = None
    ) -> Half:
        """Begin a call; with a body, its length is not told, and its end comes with `send`."""
        half = Half(self.end, target=target, ends=body is None)
        headers = [(b"host", b"web"), *(fields or [])]
        half.number = self.engine.open(half, method, target, b"http", headers, None, ends=body is None)
        if body:
            half.send(body)
        self.end.flush()
        return half

    def on_request(self, stream: int, head: RequestHead) -> Half:
        raise AssertionError("a request on a client")

    def on_limit(self, streams: int) -> None:
        """More than any test asks for."""

    def on_goaway(self, last: int, code: int, debug: bytes) -> None:
        self.goaways.append(code)

    def on_pong(self, data: bytes) -> None:
        """Nothing was asked."""


@contextlib.asynccontextmanager
async def framed_caller(port: int) -> AsyncIterator[FramedCaller]:
    """Connect to a port; the connection is closed at the end of the block."""
    with ungrouped():
        async with trio.open_nursery() as nursery:
            caller = FramedCaller(await trio.open_tcp_stream("127.0.0.1", port))

            def ended() -> None:
                caller.is_over = True

            async def run() -> None:
                try:
                    await caller.end.run(ended)
                finally:
                    caller.end.stream.socket.close()

            nursery.start_soon(run)
            yield caller
            nursery.cancel_scope.cancel()


@attrs.define(eq=False)
class PlainServed:
    """A call over HTTP/1.1. The endpoint reads nothing more of it until `listens`."""

    connection: RawConnection
    nursery: trio.Nursery
    listens: trio.Event = attrs.Factory(trio.Event)

    def begin(self, content: bytes, *, ends: bool) -> None:
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        chunk = b"%x\r\n%b\r\n" % (len(content), content) if content else b""
        self.nursery.start_soon(self._send, head + chunk + (b"0\r\n\r\n" if ends else b""))

    def finish(self, *, has_head: bool) -> None:
        """Send the rest of a reply."""
        if has_head:
            self.nursery.start_soon(self._send, b"4\r\nrest\r\n0\r\n\r\n")
        else:
            self.begin(b"rest", ends=True)

    async def _send(self, data: bytes) -> None:
        with contextlib.suppress(OSError, trio.BrokenResourceError, trio.ClosedResourceError):
            await self.connection.stream.send_all(data)

    @property
    def gone(self) -> bool:
        return self.connection.ended


@attrs.define(eq=False)
class PlainCalls:
    """What an endpoint of HTTP/1.1 does: see the module."""

    nursery: trio.Nursery
    calls: list[PlainServed] = attrs.Factory(list)

    async def behave(self, _: Stub, connection: RawConnection) -> None:
        while (head := await connection.head()) is not None:
            if head.target != b"/ok":
                served = PlainServed(connection, self.nursery)
                self.calls.append(served)
                await served.listens.wait()
                while await connection.more():
                    connection.rest = b""
                return
            async for _piece in connection.body(head):
                pass
            await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


@attrs.define(eq=False)
class PlainCall:
    """A call over HTTP/1.1, on a connection of its own."""

    connection: RawConnection
    message: Message | None = None
    received: int = 0
    whole: bool = False

    @property
    def over(self) -> bool:
        return self.whole or self.connection.ended

    @property
    def status(self) -> int:
        return 0 if self.message is None else self.message.status

    async def send(self, data: bytes) -> None:
        """Send what the proxy takes of it."""
        with contextlib.suppress(OSError, trio.BrokenResourceError, trio.ClosedResourceError):
            await self.connection.stream.send_all(data)

    async def read(self) -> None:
        """Read the reply to its end."""
        with contextlib.suppress(Incomplete, trio.ClosedResourceError):
            self.message = await self.connection.head()
            if self.message is not None:
                async for piece in self.connection.body(self.message):
                    self.received += len(piece)
                self.whole = True


async def plain_call(
    port: int, nursery: trio.Nursery, target: str, body: bytes | None, lines: list[str], *, deaf: bool
) -> PlainCall:
    """Begin a call on a new connection."""
    connection = RawConnection(await trio.open_tcp_stream("127.0.0.1", port), math.inf)
    call = PlainCall(connection)
    more = ["Content-Length: 0"] if body is None else ["Transfer-Encoding: chunked"]
    data = request("POST", target, *lines, *more)
    nursery.start_soon(call.send, data if body is None else data + b"%x\r\n%b\r\n" % (len(body), body))
    if not deaf:
        nursery.start_soon(call.read)
    return call
