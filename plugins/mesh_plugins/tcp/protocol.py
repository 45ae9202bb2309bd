"""The protocol `tcp`: its default stack, and what the settings mean to it."""

from urllib.parse import urlsplit

from mesh import (
    SESSION,
    ClientSettings,
    Connection,
    Params,
    Parts,
    RouterSettings,
    Serve,
    ServerSettings,
    Stack,
    Switch,
    load,
)
from mesh_plugins.accrual.accrual import ACCRUAL
from mesh_plugins.assembly import router_params, router_parts, server_params
from mesh_plugins.balancers.balancer import BALANCER
from mesh_plugins.binding import BINDING
from mesh_plugins.filters.admission import ADMISSION, TIMEOUT
from mesh_plugins.filters.client_limits import CLIENT_LIMITS
from mesh_plugins.filters.requeues import REQUEUES
from mesh_plugins.filters.spans import ATTEMPT_SPANS, SPANS
from mesh_plugins.filters.stats import CLIENT_SCOPE, CLIENT_STATS_MODULE, SERVER_STATS, SERVICE_STATS
from mesh_plugins.filters.timeouts import ATTEMPT_TIMEOUT, TOTAL_TIMEOUT
from mesh_plugins.router import IDENTIFIERS, ROUTER
from mesh_plugins.scopes import server_scope
from mesh_plugins.tcp.identifiers import SniConfig
from mesh_plugins.tcp.keys import TcpRouterKeys
from mesh_plugins.tcp.message import TcpReply, TcpRequest
from mesh_plugins.tcp.server import Serving, TcpConnection
from mesh_plugins.tunnels.counts import TunnelCounts
from mesh_plugins.tunnels.session import new_tunnel_session

STACK = Stack(
    [
        SPANS,
        SERVER_STATS,
        ADMISSION,
        TIMEOUT,
        ROUTER,
        SERVICE_STATS,
        TOTAL_TIMEOUT,
        BINDING,
        CLIENT_SCOPE,
        REQUEUES,
        CLIENT_LIMITS,
        BALANCER,
        CLIENT_STATS_MODULE,
        ATTEMPT_SPANS,
        ACCRUAL,
        ATTEMPT_TIMEOUT,
    ]
)
"""The default stack of a TCP router, outermost first: that of HTTP, less what looks at messages."""


def tcp(settings: RouterSettings, params: Params) -> Parts:
    """Return the parts of a TCP router; the factory of the protocol kind `tcp`."""
    keys: TcpRouterKeys = settings.protocol.config
    identifiers = tuple(load(chosen.kind)(chosen.config, settings.dst_prefix) for chosen in keys.identifier)
    reads_hello = any(isinstance(chosen.config, SniConfig) for chosen in keys.identifier)
    first = settings.servers[0].port

    def for_client(below: Params, _client: ClientSettings) -> Params:
        return below.put(SESSION, new_tunnel_session(TcpReply))

    def server(listener: ServerSettings, below: Params) -> tuple[Params, Serve]:
        counts = TunnelCounts(server_scope(below))
        idle = listener.extra.tunnel_idle_time_ms / 1e3
        return server_params(listener, below), serve(Serving(listener.port, listener.limits, idle, counts, reads_hello))

    def make(_method: str, url: str, _headers: list[tuple[str, str]]) -> TcpRequest:
        return make_request(url, first)

    params = router_params(settings, params, for_client).put(IDENTIFIERS, identifiers)
    return router_parts(STACK, params, server, make)


def serve(serving: Serving) -> Serve:
    """Return what serves the connections of one listener."""

    async def run(connection: Connection, switch: Switch) -> None:
        await TcpConnection(connection, switch, serving).run()

    return run


def make_request(url: str, port: int) -> TcpRequest:
    """Return the request that a client makes with a connection to `url`, such as `tls://web.example.org:443`.

    `port` is the one it is made to if the URL names none; what follows host and port is of no account. Raises `ValueError`
    for a URL whose port is none.
    """
    parts = urlsplit(url)
    is_tls = parts.scheme in ("tls", "https")
    name = (parts.hostname or "").encode() if is_tls else b""
    return TcpRequest(parts.port or port, name, is_tls=is_tls)
