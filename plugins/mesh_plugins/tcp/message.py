"""A connection as a request, and the tunnel that answers it."""

from mesh import Context, Reply, Request
from mesh_plugins.tunnels.tunnel import Incoming, Tunnel


class TcpRequest(Request):
    """A client's connection: `port` is the one it was made to, `server_name` what its TLS asks for (lower case), if any.

    `is_tls`: it speaks TLS, which ends here (then the context tells more of it), or which began with a ClientHello, as far as
    that was looked at.
    """

    __slots__ = ("is_tls", "port", "server_name")

    def __init__(
        self, port: int, server_name: bytes = b"", context: Context | None = None, *, is_tls: bool = False
    ) -> None:
        super().__init__(context=context)
        self.port = port
        self.server_name = server_name
        self.is_tls = is_tls


class TcpReply(Reply):
    """The connection to an endpoint that was found for a client: the body is what comes from it. Closing closes it."""

    __slots__ = ("tunnel",)

    def __init__(self, tunnel: Tunnel) -> None:
        super().__init__(Incoming(tunnel.connection, tunnel.first))
        self.tunnel = tunnel
