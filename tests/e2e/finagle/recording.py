"""A relay that keeps the bytes that pass through it, to see what peers really say to each other."""

import contextlib
from collections.abc import AsyncIterator

import attrs
import trio


@attrs.define(eq=False)
class Recorded:
    """The bytes of one connection, both ways."""

    sent: bytearray = attrs.field(factory=bytearray)
    received: bytearray = attrs.field(factory=bytearray)


@attrs.define(eq=False)
class Recording:
    """A port, and what passed through it, by connection in the order in which they came."""

    port: int
    connections: list[Recorded] = attrs.field(factory=list)


@contextlib.asynccontextmanager
async def recording(upstream: int) -> AsyncIterator[Recording]:
    """Relay what comes to a free port to the port `upstream`, inside the block."""
    listener = (await trio.open_tcp_listeners(0, host="127.0.0.1"))[0]
    made = Recording(listener.socket.getsockname()[1])

    async def relay(client: trio.SocketStream) -> None:
        record = Recorded()
        made.connections.append(record)
        async with await trio.open_tcp_stream("127.0.0.1", upstream) as server, trio.open_nursery() as nursery:
            nursery.start_soon(_pump, client, server, record.sent)
            nursery.start_soon(_pump, server, client, record.received)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, relay, [listener])
        yield made
        nursery.cancel_scope.cancel()


async def _pump(source: trio.SocketStream, target: trio.SocketStream, record: bytearray) -> None:
    with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
        async for piece in source:
            record += piece
            await target.send_all(piece)
        await target.send_eof()


def frames(stream: bytes | bytearray) -> list[str]:
    """Return the bodies of the frames in a stream, each after 4 bytes of its length, in hexadecimal digits."""
    found = []
    while len(stream) >= 4:
        end = 4 + int.from_bytes(stream[:4], "big")
        found.append(stream[4:end].hex())
        stream = stream[end:]
    return found
