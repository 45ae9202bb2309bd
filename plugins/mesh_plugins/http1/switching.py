"""How the serving side leaves HTTP: who may have a tunnel, and the tunnel itself."""

import logging

import attrs

from mesh import Connection, HttpRequest, LocalProtocolError, Metrics
from mesh_plugins.http.switched import SwitchedReply
from mesh_plugins.http.upgrades import is_among
from mesh_plugins.tunnels.counts import TunnelCounts
from mesh_plugins.tunnels.relay import FLAGS, Relay
from mesh_plugins.tunnels.tunnel import Incoming

logger = logging.getLogger(__name__)

IDLE_SECONDS = 3600.0  # without a byte in either direction; Envoy's for plain TCP


@attrs.frozen(eq=False)
class Tunnels:
    """What one listener lets become a tunnel: `upgrades` are protocols in lower case; with `connect`, what CONNECT asks for."""

    upgrades: frozenset[bytes] = frozenset()
    connect: bool = False
    idle_seconds: float = IDLE_SECONDS
    counts: TunnelCounts = attrs.field(factory=lambda: TunnelCounts(Metrics()))

    async def run(self, client: Connection, early: bytes, request: HttpRequest, reply: SwitchedReply) -> None:
        """Be the tunnel, to its end; `early` is what the client sent with its request."""
        relay = Relay(client, reply.tunnel.connection, self.idle_seconds, self.counts)
        ending = await relay.run(Incoming(client, early), reply.body)
        request.context.flags = request.context.flags or FLAGS[ending]
        logger.debug("a tunnel of %s is over: %s", client.peer, ending.value)


def check_switch(request: HttpRequest, reply: SwitchedReply) -> None:
    """Raise `LocalProtocolError` if the client did not ask for a tunnel, or not for this one."""
    is_connect = request.method == b"CONNECT"
    if is_connect == (reply.status == 101) or (not is_connect and not is_among(reply.protocol, request.upgrade)):
        raise LocalProtocolError(f"a tunnel with status {reply.status} for a client that did not ask for one")
