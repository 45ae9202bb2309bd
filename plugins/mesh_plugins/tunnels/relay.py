"""Copying between two connections, both ways, until both have ended or one has broken.

Theory of operation. A task copies in each direction, a piece at a time: the next is read when the last has been taken,
so that a slow reader slows its writer down and a tunnel holds two pieces at most. The end of one direction is passed on
and the other goes on (`nc -N`, a request that ends with its connection); where a connection cannot pass it on, the
tunnel ends. Whatever cuts a tunnel short, one side's reset or our own end, is shown to both sides as a reset, since in
plain TCP an orderly end would say that all had been sent. A byte in either direction counts as life for both.
"""

from collections.abc import Callable
from enum import Enum

import trio

from mesh import Body, ClientGone, Connection, Counter, IdleTimeout, MeshError, UpstreamBroken
from mesh_plugins.connections.gone import GONE
from mesh_plugins.tunnels.counts import TunnelCounts

FAREWELL_SECONDS = 1.0  # for a connection that has something to say at its end


class Ending(Enum):
    """Why a tunnel is over."""

    CLOSED = "both sides have ended"
    IDLE = "nothing came for too long"
    CLIENT = "the client's connection broke"
    ENDPOINT = "the endpoint's connection broke"


FLAGS = {
    Ending.CLOSED: "",
    Ending.IDLE: f"{IdleTimeout.flag} {IdleTimeout.detail}",
    Ending.CLIENT: f"{ClientGone.flag} {ClientGone.detail}",
    Ending.ENDPOINT: f"{UpstreamBroken.flag} {UpstreamBroken.detail}",
}
"""What the context of a request says of how its tunnel ended."""


class Relay:
    """One tunnel. State: `_over` are the connections whose sending has ended, in good order; `ending`, once it is over."""

    __slots__ = ("_client", "_clock", "_counts", "_endpoint", "_idle_seconds", "_over", "_scope", "ending")

    def __init__(self, client: Connection, endpoint: Connection, idle_seconds: float, counts: TunnelCounts) -> None:
        self._client = client
        self._endpoint = endpoint
        self._idle_seconds = idle_seconds
        self._counts = counts
        self._clock: Callable[[], float] = trio.lowlevel.current_clock().current_time
        self._over: set[Connection] = set()
        self._scope = trio.CancelScope()
        self.ending = Ending.CLOSED

    async def run(self, from_client: Body, from_endpoint: Body) -> Ending:
        """Copy what comes from either side until the tunnel is over, then close both connections.

        What comes is read through the bodies, so that a filter may look at it. Cancelling resets both connections.
        """
        client, endpoint, counts = self._client, self._endpoint, self._counts
        client.on_hang_up = endpoint.on_hang_up = None  # an end is read like any other piece
        began = self._clock()
        counts.opened.value += 1
        counts.open.value += 1
        self._live()
        try:
            with self._scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._copy, from_client, client, endpoint, counts.received)
                    await self._copy(from_endpoint, endpoint, client, counts.sent)
        except BaseException:
            self._reset()
            raise
        finally:
            counts.open.value -= 1
            counts.lasted.add((self._clock() - began) * 1e3)
        if self.ending in (Ending.CLIENT, Ending.ENDPOINT):
            self._reset()
        else:
            client.close()
            endpoint.close()
        return self.ending

    async def _copy(self, body: Body, source: Connection, target: Connection, counter: Counter) -> None:
        at = source
        try:
            while piece := await body.receive():
                self._live()
                at = target
                await target.send_all(piece)
                at = source
                counter.value += len(piece)
            at = target
            await target.send_all(b"")  # so that what is kept has gone
            self._over.add(source)
            if not target.shut_down_writing():
                self._scope.cancel()
                with trio.move_on_after(FAREWELL_SECONDS, shield=True):
                    await target.aclose()
        except trio.TooSlowError:
            self._end(Ending.IDLE)
        except (MeshError, *GONE):
            # One that ended in good order, and then went away altogether, has said all it had to say.
            broken = Ending.CLIENT if at is self._client else Ending.ENDPOINT
            self._end(Ending.CLOSED if at in self._over else broken)

    def _live(self) -> None:
        """Take note that something has come."""
        self._client.deadline = self._endpoint.deadline = self._clock() + self._idle_seconds

    def _end(self, ending: Ending) -> None:
        if not self._scope.cancel_called:
            self.ending = ending
            self._scope.cancel()

    def _reset(self) -> None:
        self._client.abort()
        self._endpoint.abort()
