"""A connection whose sending can be held up."""

import trio

from mesh import StreamConnection


class Gated(StreamConnection):
    """A connection that sends while `gate` is open."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        super().__init__(stream)
        self.gate = trio.Event()
        self.gate.set()

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self.gate.wait()
        await super().send_all(data)
