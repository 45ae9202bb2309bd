"""The body that goes out on one stream, as fast as the peer's windows and the socket take it."""

import math

from mesh import Body, Expiry, Fields, TimedOut
from mesh_plugins.connections.parking import Parking
from mesh_plugins.http2.engine import Engine
from mesh_plugins.http2.inflow import Flow, Inflow
from mesh_plugins.http2.outlet import Outlet


class Outflow:
    """See the module. One task puts in; the engine says when there is room.

    `done`: all was sent, or nothing more can be. `expiry` bounds its waits, besides what the connection allows. State: until
    when the task waits (`waits_until`, infinity if none does), the error that it is woken with, and whether the body has broken
    off, of which no more is sent then.
    """

    __slots__ = (
        "_engine",
        "_flow",
        "_is_cut",
        "_is_late",
        "_number",
        "_outlet",
        "_parking",
        "done",
        "error",
        "expiry",
        "waits_until",
    )

    def __init__(self, engine: Engine, outlet: Outlet, flow: Flow, number: int, expiry: Expiry | None = None) -> None:
        self._engine = engine
        self._outlet = outlet
        self._flow = flow
        self._number = number
        self._parking = Parking()
        self._is_cut = self._is_late = False
        self.expiry = expiry
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

    def cut(self) -> None:
        """Send no more of the body than was sent: the rest of it will not come, and `receive` says why."""
        self._is_cut = True
        self._parking.wake()

    def check(self, now: float, error: Exception) -> None:
        """End a wait that has lasted for too long, by `error` unless the expiry was first."""
        if self.waits_until <= now:
            expiry = self.expiry
            self._is_late = expiry is not None and expiry.at <= now
            self.fail(error if expiry is None or not self._is_late else expiry.error())

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
            if self._is_cut:
                return
            left = left[taken:]
            self.waits_until = self._flow.wait_until(math.inf if self.expiry is None else self.expiry.at)
            try:
                await self._parking.wait()
            finally:
                self.waits_until = math.inf

    async def pour(self, body: Body) -> None:
        """Send a body to its end, trailers included. Raises what the body raises, too.

        A body that breaks off while its reader is slow does so at once.
        """
        body.watch(self.cut)
        if isinstance(body, Inflow):
            body.on_piece = self._pass_on
        late: TimedOut | None = None
        while piece := await body.receive():
            if late is not None:
                raise late
            try:
                await self.send(piece)
            except TimedOut as error:
                if not self._is_late:
                    raise
                late, self.error = error, None  # the body may have a way to say so, as those of gRPC do
        if late is not None and not body.broke:
            raise late
        await self.end(body.trailers)

    def _pass_on(self, piece: bytes) -> int:
        """Send as much of a piece as there is room for now, and return how much that is."""
        if self.error is not None or self._is_late:
            return 0
        taken = self._engine.send_data(self._number, piece, ends=False)
        self._outlet.kick()
        return taken

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
