"""The far end of a tunnel: a connection to an endpoint, handed over to whoever copies to and from it."""

import attrs

from mesh import Body, Connection, Param


@attrs.frozen(eq=False)
class Tunnel:
    """A connection to an endpoint that nobody else reads or writes any more; `first` was read from it already.

    It is closed by the reply that carries it.
    """

    connection: Connection
    first: bytes = b""


class InTunnel(Body):
    """The body of a reply that carries a tunnel: nothing, but not in memory.

    So what holds on to a reply until its last byte does so until the tunnel's end.
    """

    __slots__ = ()

    async def receive(self) -> bytes:
        return b""


TUNNELS: Param[bool] = Param(False, "tunnels")
"""Whether some server of the router opens a connection to an endpoint for whoever asks for one."""
