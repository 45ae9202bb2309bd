"""The two functions that a codec is: `Serve` turns a client's bytes into calls, `NewSession` calls into an endpoint's bytes."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from mesh.errors import MeshError
from mesh.life import Life
from mesh.message import Reply, Request
from mesh.params import Param
from mesh.service import AnyService
from mesh.transport import Connection


class Served(Protocol):
    """A client's connection, as the switch of its listener knows it."""

    def drain(self) -> None:
        """Let the exchange that is open be the last, or one that begins in a moment; then close."""

    def hurry(self) -> None:
        """Close in a moment if nothing was ever asked over the connection: its file descriptor is needed."""

    def leaves(self, service: AnyService) -> bool:
        """Let go of a service that the switch had before; return false while an exchange is open that it was called for."""
        ...


class Switch:
    """What the connections of one listener share.

    `service` is read once per request, so that it can be exchanged while connections live. `draining` tells them to end
    after the exchange they are in. `connections` are those that live. `refused` is called for each request that broke
    the protocol and never reached the service.
    """

    __slots__ = ("connections", "draining", "refused", "service")

    def __init__(self, service: AnyService) -> None:
        self.service = service
        self.draining = False
        self.connections: set[Served] = set()
        self.refused: Callable[[MeshError], None] = _ignore

    def drain(self) -> None:
        """Let every connection end as soon as its exchange allows; idempotent."""
        self.draining = True
        for connection in list(self.connections):
            connection.drain()

    def hurry(self) -> None:
        """Let connections go over which nothing was ever asked; as often as one likes."""
        for connection in list(self.connections):
            connection.hurry()

    def leaves(self, service: AnyService) -> bool:
        """Return whether no connection has an exchange open that `service` was called for, which the switch had before."""
        return not [
            connection for connection in self.connections if not connection.leaves(service)
        ]  # every one is told


def _ignore(_error: MeshError) -> None:
    """Stand in for the statistics of a listener that keeps none."""


class Session:
    """One connection to an endpoint, as a service.

    `capacity` is how many calls it can take now: 1 or 0 for HTTP/1.1, more for a multiplexed protocol, whose endpoint may
    also lower it, below zero even. The session lowers it when a call begins, before the first await, and raises it when
    one has ended, and calls `on_change` after it rose and after it closed; the pool sets `on_change` and owns the session.
    `leaving`, also told by `on_change`: it takes no further call, and closes itself with the last that is open.
    `pooled` and `promised` are the pool's own marks.
    """

    __slots__ = ("capacity", "closed", "leaving", "on_change", "pooled", "promised")

    def __init__(self, capacity: int = 1) -> None:
        self.capacity = capacity
        self.closed = False
        self.leaving = False
        self.pooled = False
        self.promised = 0
        self.on_change: Callable[[Session], None] = _nobody

    async def __call__(self, request: Request, /) -> Reply:
        """Send a request; the reply holds the session's place until it is closed or read to its end."""
        raise NotImplementedError

    def is_usable(self) -> bool:
        """Return whether a call may be sent now: false once the peer has closed, or sent what nobody asked for."""
        raise NotImplementedError

    def is_idle(self) -> bool:
        """Return whether no call is open; a session that can take several at a time says so itself."""
        return self.capacity > 0

    def close(self) -> None:
        """Close the connection at once; calls in flight fail. Idempotent; never blocks."""
        raise NotImplementedError


def _nobody(_session: Session) -> None:
    """Stand in for the pool of a session that is used alone."""


Serve = Callable[[Connection, Switch], Awaitable[None]]
"""Answers a client's calls until its connection ends; closes the connection, also when cancelled.

It best returns what serves the connection as it is: a coroutine around that takes 300 instructions whenever its task is woken.
"""
NewSession = Callable[[Connection, Life], Session]
"""Returns the session that speaks to an endpoint over a connection, which it owns; what it starts belongs to the life."""

SESSION: Param[NewSession | None] = Param(None, "session")
"""The client side of the codec of the router's protocol."""
