"""The body that goes out on one stream, as fast as the peer's windows and the socket take it."""

import math

from mesh import Body, Fields
from mesh_plugins.http2.engine import Engine
from mesh_plugins.http2.inflow import Flow
from mesh_plugins.http2.outlet import Outlet
from mesh_plugins.http2.parking import Parking


class Outflow:
    """See the module. One task puts in; the engine says when there is room.

    `done`: all was sent, or nothing more can be. State: until when the task waits (`waits_until`, infinity if none does), and
    the error that it is woken with.
    """

    __slots__ = ("_engine", "_flow", "_number", "_outlet", "_parking", "done", "error", "waits_until")

    def __init__(self, engine: Engine, outlet: Outlet, flow: Flow, number: int) -> None:
        self._engine = engine
        self._outlet = outlet
        self._flow = flow
        self._number = number
        self._parking = Parking()
        self.done = False
        self.error: Exception | None = None
        self.waits_until = math.inf

    def on_room(self) -> None:
        """Go on."""
        self._parking.wake()

    def fail(self, error: Exception) -> None:
        """End it: whoever sends gets the error."""
        if not self.done and self.error is None:
            self.error = error
            self._parking.wake()

    async def send(self, data: bytes, *, ends: bool = False) -> None:
        """Send a piece; `ends`: the last one."""
        engine, kick = self._engine, self._outlet.kick
        left = data
        while True:
            if self.error is not None:
                raise self.error
            taken = engine.send_data(self._number, left, ends=ends)
            kick()
            if taken == len(left):
                self.done = ends
                return
            left = left[taken:]
            self.waits_until = self._flow.wait_until()
            try:
                await self._parking.wait()
            finally:
                self.waits_until = math.inf

    async def pour(self, body: Body) -> None:
        """Send a body to its end, trailers included. Raises what the body raises, too."""
        while piece := await body.receive():
            await self.send(piece)
        await self.end(body.trailers)

    async def end(self, trailers: Fields) -> None:
        """End the body, with trailers if there are any."""
        if not trailers:
            await self.send(b"", ends=True)
            return
        if self.error is not None:
            raise self.error
        self._engine.send_trailers(self._number, trailers)
        self.done = True
        self._outlet.kick()
