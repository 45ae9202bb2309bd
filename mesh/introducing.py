"""Connections to endpoints that begin with whom they are made for, in the PROXY protocol.

The protocol says it once for a whole connection, so that no two clients can share one. Each call therefore gets a connection
of its own, which is closed with the reply: no rule about who may take over whose connection can go wrong.
"""

import trio

from mesh.codec import NewSession, Session
from mesh.errors import UpstreamBroken
from mesh.life import Life
from mesh.message import Reply, Request
from mesh.params import Param
from mesh.proxy_protocol import Version, introduce
from mesh.transport import Connection

INTRODUCES: Param[Version | None] = Param(None, "introduces")
"""The version of the PROXY protocol that endpoints expect; None if they expect none."""


class IntroducingSession(Session):
    """A session of one call: says whom the call is for, and lets `below` make it over the same connection."""

    __slots__ = ("_below", "_connection", "_version")

    def __init__(self, connection: Connection, below: Session, version: Version) -> None:
        super().__init__(capacity=1)
        self._connection = connection
        self._below = below
        self._version = version
        self.closed = below.closed
        below.on_change = self._ended

    async def __call__(self, request: Request, /) -> Reply:
        self.capacity = 0
        context = request.context
        local = "" if context.connection is None else context.connection.local
        try:
            await self._connection.send_all(introduce(self._version, context.peer, local))
            return await self._below(request)
        except BaseException as error:
            self.close()
            if isinstance(error, trio.BrokenResourceError):
                raise UpstreamBroken(
                    f"{self._connection.peer} took no introduction: {error}", retryable=True
                ) from error
            raise

    def _ended(self, below: Session) -> None:
        if below.closed or below.capacity > 0:
            self.close()

    def is_usable(self) -> bool:
        return not self.closed and self._below.is_usable()

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self.capacity = 0
            self._below.close()
            self.on_change(self)


def introducing(new_session: NewSession, version: Version) -> NewSession:
    """Return what makes sessions that introduce the client, over those that `new_session` makes."""

    def make(connection: Connection, life: Life) -> Session:
        return IntroducingSession(connection, new_session(connection, life), version)

    return make
