"""A connection whose sending a test may hold back."""

import trio

from mesh import StreamConnection
from mesh.testing import memory_connections


class Sends(StreamConnection):
    """A connection that notes what is sent, and sends it once `gate` is open."""

    def __init__(self) -> None:
        super().__init__(memory_connections()[0]._stream)
        self.sent: list[bytes] = []
        self.gate = trio.Event()
        self.gate.set()

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self.gate.wait()
        self.sent.append(bytes(data))
