"""Endpoints that speak as a test tells them, to the byte, and remember what they were told."""

import contextlib
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import attrs
import trio

from tests.e2e.raw import Incomplete, Message, RawConnection, reply

Answer = Callable[[Message], bytes]
"""Returns the bytes of the reply to a request."""


@attrs.define(eq=False)
class Stub:
    """A listening endpoint. `connections` and `requests` are all that ever came, in order."""

    port: int
    connections: list[RawConnection] = attrs.field(factory=list)
    requests: list[Message] = attrs.field(factory=list)
    serving: trio.CancelScope = attrs.field(factory=trio.CancelScope)

    @property
    def received(self) -> bytes:
        """Every byte that came, connection by connection."""
        return b"".join(bytes(connection.received) for connection in self.connections)

    def kill(self) -> None:
        """Stop listening and reset every connection."""
        for connection in self.connections:
            connection.reset()
        self.serving.cancel()


Behaviour = Callable[[Stub, RawConnection], Awaitable[None]]
"""What a stub does with one connection, which is closed when this returns."""


def answering(answer: bytes | Answer) -> Behaviour:
    """Answer every request once it has come as a whole, in order; the connection stays open."""

    async def behave(stub: Stub, connection: RawConnection) -> None:
        while (request := await connection.message()) is not None:
            stub.requests.append(request)
            await connection.send(answer if isinstance(answer, bytes) else answer(request))

    return behave


OK = answering(reply())
"""Answers `ok` to everything."""


class Holding:
    """Answers `ok` when the test says so: `arrived` is set by the first request, and none is answered before `go` is."""

    def __init__(self) -> None:
        self.arrived = trio.Event()
        self.go = trio.Event()

    async def __call__(self, stub: Stub, connection: RawConnection) -> None:
        while (request := await connection.message()) is not None:
            stub.requests.append(request)
            self.arrived.set()
            await self.go.wait()
            await connection.send(reply())


@contextlib.asynccontextmanager
async def stub(behave: Behaviour = OK, port: int = 0) -> AsyncIterator[Stub]:
    """Listen on a port, by default a free one, until the block ends or the stub is killed."""
    with ungrouped():
        async with trio.open_nursery() as nursery:
            yield await _listen(nursery, behave, port)
            nursery.cancel_scope.cancel()


@contextlib.asynccontextmanager
async def stubs(count: int, behave: Behaviour = OK) -> AsyncIterator[list[Stub]]:
    """Listen on several free ports."""
    with ungrouped():
        async with trio.open_nursery() as nursery:
            yield [await _listen(nursery, behave, 0) for _number in range(count)]
            nursery.cancel_scope.cancel()


async def _listen(nursery: trio.Nursery, behave: Behaviour, port: int) -> Stub:
    (listener,) = await trio.open_tcp_listeners(port, host="127.0.0.1")
    built = Stub(listener.socket.getsockname()[1])

    async def handle(stream: trio.SocketStream) -> None:
        connection = RawConnection(stream, math.inf)
        built.connections.append(connection)
        try:
            await behave(built, connection)
        except (Incomplete, trio.BrokenResourceError, trio.ClosedResourceError):
            return  # the proxy closed the connection: what that means is for the test to say
        finally:
            connection.ended = True
            connection.gone.set()
            connection.close()

    async def serve() -> None:
        with built.serving:
            await trio.serve_listeners(handle, [listener])

    nursery.start_soon(serve)
    return built


@contextlib.contextmanager
def ungrouped() -> Iterator[None]:
    """Raise the only error of a nursery by itself, so that a failed test shows what failed."""
    try:
        yield
    except BaseExceptionGroup as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
            error = error.exceptions[0]
        raise error from None
