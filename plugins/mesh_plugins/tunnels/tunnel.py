"""The far end of a tunnel: a connection to an endpoint, handed over to whoever copies to and from it."""

import attrs

from mesh import Connection, Param


@attrs.frozen(eq=False)
class Tunnel:
    """A connection to an endpoint that nobody else reads or writes any more; `first` was read from it already.

    It is closed by the reply that carries it.
    """

    connection: Connection
    first: bytes = b""


TUNNELS: Param[bool] = Param(False, "tunnels")
"""Whether some server of the router opens a connection to an endpoint for whoever asks for one."""
