"""Connections to endpoints that begin with whom they are made for, in the PROXY protocol.

The protocol says it once for a whole connection, so that no two clients can share one. Each call therefore gets a connection
of its own, which is closed with the reply: no rule about who may take over whose connection can go wrong. Where endpoints
expect TLS, it begins after the introduction, which is for the proxy that takes TLS off. Source: the PROXY protocol, section 2.
"""

from collections.abc import Awaitable, Callable

import attrs
import trio

from mesh.codec import NewSession, Session
from mesh.errors import UpstreamBroken
from mesh.expiry import within
from mesh.life import Life
from mesh.message import Reply, Request
from mesh.params import Param
from mesh.proxy_protocol import Version, introduce
from mesh.transport import Connection

Secure = Callable[[Connection], Awaitable[Connection]]
"""Returns the connection that speaks TLS over one; raises `ConnectFailed`, having closed it."""


async def _as_it_is(connection: Connection) -> Connection:
    return connection


@attrs.frozen
class Introduction:
    """The version of the PROXY protocol that endpoints expect, and what makes a connection secure that was introduced."""

    version: Version
    secure: Secure = _as_it_is


INTRODUCES: Param[Introduction | None] = Param(None, "introduces")
"""How clients are introduced to endpoints; None if these expect none of it."""


class IntroducingSession(Session):
    """A session of one call: says whom the call is for, and lets a session above the same connection make it.

    State: `_below`, that session, once there is one.
    """

    __slots__ = ("_below", "_connection", "_introduction", "_life", "_new_session")

    def __init__(self, connection: Connection, new_session: NewSession, life: Life, introduction: Introduction) -> None:
        super().__init__(capacity=1)
        self._connection = connection
        self._new_session = new_session
        self._life = life
        self._introduction = introduction
        self._below: Session | None = None
        connection.on_hang_up = self.close

    async def __call__(self, request: Request, /) -> Reply:
        self.capacity = 0
        try:
            below = await within(request.context.expiry, lambda: self._introduce(request))
            reply = await below(request)
        except BaseException as error:
            self.close()
            if isinstance(error, trio.BrokenResourceError):
                raise UpstreamBroken(
                    f"{self._connection.peer} took no introduction: {error}", retryable=True
                ) from error
            raise
        reply.on_close(self.close)
        return reply

    async def _introduce(self, request: Request) -> Session:
        context, introduction = request.context, self._introduction
        local = "" if context.connection is None else context.connection.local
        await self._connection.send_all(introduce(introduction.version, context.peer, local))
        self._connection = connection = await introduction.secure(self._connection)
        self._below = below = self._new_session(connection, self._life)
        return below

    def is_usable(self) -> bool:
        return not self.closed and self._connection.is_quiet()

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self.capacity = 0
            if self._below is None:
                self._connection.close()
            else:
                self._below.close()
            self.on_change(self)


def introducing(new_session: NewSession, introduction: Introduction) -> NewSession:
    """Return what makes sessions that introduce the client, over those that `new_session` makes."""

    def make(connection: Connection, life: Life) -> Session:
        return IntroducingSession(connection, new_session, life, introduction)

    return make
