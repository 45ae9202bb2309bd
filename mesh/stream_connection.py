"""A connection over any `trio.abc.Stream`, such as one in memory."""

import trio

from mesh.transport import Connection


class StreamConnection(Connection):
    """A connection over any trio stream, which it owns; costs a cancel scope per wait that has a deadline."""

    __slots__ = ("_closed", "_stream")

    def __init__(self, stream: trio.abc.Stream, peer: str = "stream") -> None:
        super().__init__(peer)
        self._stream = stream
        self._closed = False

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        with trio.fail_at(self.deadline):
            data = bytes(await self._stream.receive_some(max_bytes))
        if not data:
            self.hung_up = True
        return data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        with trio.fail_at(self.deadline):
            await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        with trio.fail_at(self.deadline):
            await self._stream.wait_send_all_might_not_block()

    def is_quiet(self) -> bool:
        """Return whether the stream lives as far as anybody knows; it cannot be asked without reading."""
        return not (self._closed or self.hung_up)

    def close(self) -> None:
        """Close without a farewell: a stream that needs to wait for one (TLS) is cut, which its protocol allows for."""
        if not self._closed:
            self._closed = True
            _cut(self._stream)

    async def aclose(self) -> None:
        self._closed = True
        await self._stream.aclose()


def _cut(stream: object) -> None:
    """Close what `stream` stands on, as far down as it takes to find something that closes without waiting."""
    close = getattr(stream, "close", None)
    if close is not None:
        close()
    elif isinstance(stream, trio.SSLStream):
        _cut(stream.transport_stream)
    elif isinstance(stream, trio.SocketStream):
        stream.socket.close()
    elif isinstance(stream, trio.StapledStream):
        _cut(stream.send_stream)
        _cut(stream.receive_stream)
