"""An end of HTTP/2 connections that the proxy lies between: the engine on a socket, read by one task and written by another."""

from collections.abc import Callable

import attrs
import trio

from mesh_plugins.http2.engine import INTERNAL_ERROR, ConnectionFailed, Engine

READ_BYTES = 65536


@attrs.define(eq=False)
class End:
    """One connection. `flush` is to be called after whatever may have put something into the engine's output."""

    stream: trio.SocketStream
    engine: Engine
    failed: bool = False
    _wake: trio.Event = attrs.field(factory=trio.Event)

    def flush(self) -> None:
        """Have the writer write."""
        self._wake.set()

    async def run(self, ended: Callable[[], None]) -> None:
        """Carry bytes until the connection ends."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._write)
            try:
                await self._read()
            finally:
                nursery.cancel_scope.cancel()
                self.engine.abandon(INTERNAL_ERROR)
                ended()
        await self.stream.aclose()

    async def _read(self) -> None:
        try:
            while data := await self.stream.receive_some(READ_BYTES):
                self.engine.feed(data)
                self.flush()
        except ConnectionFailed:
            self.failed = True
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return

    async def _write(self) -> None:
        self.flush()
        try:
            while True:
                await self._wake.wait()
                self._wake = trio.Event()
                while data := self.engine.take_output():
                    await self.stream.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return
