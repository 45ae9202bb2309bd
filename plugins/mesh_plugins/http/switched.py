"""The reply after which a connection speaks HTTP no more."""

from mesh import Fields, HttpReply
from mesh_plugins.tunnels.tunnel import Incoming, Tunnel


class SwitchedReply(HttpReply):
    """A 101, or a 200 to CONNECT, with the tunnel that follows it: its body is what comes out of that.

    Closing the reply closes the tunnel. `protocol` is what the endpoint switches to, as in its `upgrade` field; empty for
    CONNECT. Source: RFC 9110 sections 7.8, 9.3.6 and 15.2.2.
    """

    __slots__ = ("protocol", "tunnel")

    def __init__(self, status: int, headers: Fields, tunnel: Tunnel, protocol: bytes = b"") -> None:
        super().__init__(status, headers, Incoming(tunnel.connection, tunnel.first))
        self.tunnel = tunnel
        self.protocol = protocol


def connected(tunnel: Tunnel) -> SwitchedReply:
    """Return the reply to a CONNECT whose endpoint was reached."""
    reply = SwitchedReply(200, [], tunnel)
    reply.reason = b"Connection Established"
    return reply
