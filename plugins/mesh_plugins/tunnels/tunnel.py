"""The far end of a tunnel: a connection to an endpoint, handed over to whoever copies to and from it."""

import attrs

from mesh import Body, Connection, Param


@attrs.frozen(eq=False)
class Tunnel:
    """A connection to an endpoint that nobody else reads or writes any more; `first` was read from it already.

    It is closed by the reply that carries it, whose body is what comes out of it.
    """

    connection: Connection
    first: bytes = b""


class Incoming(Body):
    """What comes over a connection, up to its end; `first` was read from it already. Raises what the connection raises."""

    __slots__ = ("_connection", "_first")

    def __init__(self, connection: Connection, first: bytes) -> None:
        self._connection = connection
        self._first = first

    async def receive(self) -> bytes:
        if self._first:
            piece, self._first = self._first, b""
            return piece
        return await self._connection.receive_some()


TUNNELS: Param[bool] = Param(False, "tunnels")
"""Whether some server of the router opens a connection to an endpoint for whoever asks for one."""
