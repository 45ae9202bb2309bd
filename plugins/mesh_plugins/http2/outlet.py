"""The way out of one connection: what all streams have to say leaves in one write.

Theory of operation. A task sleeps until it is kicked. It runs after the tasks that were woken together with, or before, the
one that kicked it, so that what they all put into the engine leaves at once. While the socket takes no more, the output of
the engine fills up to its limit, and then streams wait: see `Engine.send_data`.
"""

import contextlib
import math
from collections.abc import Callable, Coroutine

from mesh import Connection
from mesh_plugins.connections.gone import GONE
from mesh_plugins.connections.parking import Parking
from mesh_plugins.http2.engine import Engine


class Outlet:
    """Sends what `engine` has to say over `connection`; see the module.

    `since` is when the write began that is not over yet, infinity if there is none. `last`: the connection ends once
    everything was sent.
    """

    __slots__ = ("_clock", "_connection", "_engine", "_parking", "kick", "last", "since")

    def __init__(self, connection: Connection, engine: Engine, clock: Callable[[], float]) -> None:
        self._connection = connection
        self._engine = engine
        self._clock = clock
        self._parking = Parking()
        self.kick = self._parking.wake
        """Have what is in the engine sent; as often as one likes."""
        self.last = False
        self.since = math.inf

    async def run(self) -> None:
        """Send until the connection is gone, or after `finish`. Nothing is raised."""
        connection, take_output, wait = self._connection, self._engine.take_output, self._parking.wait
        try:
            while True:
                data = take_output()
                if data:
                    self.since = self._clock()
                    rest = connection.send(data)
                    if rest is not None:
                        await rest
                    self.since = math.inf
                elif self.last:
                    await connection.send_all(b"")  # and what the connection has kept to send it together with more
                    return
                else:
                    await wait()
        except GONE:
            return

    def part(self) -> None:
        """Send what goes without waiting, for the last time; nothing if a write is under way, whose end is unknown."""
        data = self._engine.take_output()
        if data and self.since is math.inf:
            with contextlib.suppress(*GONE):
                rest = self._connection.send(data)
                if isinstance(rest, Coroutine):
                    rest.close()

    def finish(self) -> None:
        """End once everything that is in the engine was sent."""
        self.last = True
        self.kick()
