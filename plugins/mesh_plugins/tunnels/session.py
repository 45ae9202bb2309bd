"""One connection to an endpoint that is handed over whole to the first who asks: a session of a single call."""

from collections.abc import Callable

from mesh import Connection, Life, NewSession, Reply, Request, Session
from mesh_plugins.connections.single import SingleSession
from mesh_plugins.tunnels.tunnel import Tunnel


class TunnelSession(SingleSession):
    """A connection that waits to become a tunnel; `reply` makes what carries it."""

    __slots__ = ("_reply",)

    def __init__(self, connection: Connection, reply: Callable[[Tunnel], Reply]) -> None:
        super().__init__(connection)
        self._reply = reply

    async def __call__(self, request: Request, /) -> Reply:
        self.capacity = 0
        reply = self._reply(Tunnel(self._connection))
        reply.on_close(self.close)
        request.context.made(reply)
        return reply

    def is_usable(self) -> bool:
        """Return whether the endpoint still listens; it may have spoken, as those do that greet their clients."""
        return not self.closed and not self._connection.hung_up


def new_tunnel_session(reply: Callable[[Tunnel], Reply]) -> NewSession:
    """Return what makes sessions whose replies are made by `reply`."""

    def make(connection: Connection, _life: Life) -> Session:
        return TunnelSession(connection, reply)

    return make
