"""The protocol `thriftmux`: Mux, with calls that are named by their methods."""

from urllib.parse import urlsplit

from mesh import POOL_LIMITS, Buffered, ClientSettings, Params, Parts, RouterSettings
from mesh_plugins.filters.requeues import REPEATABLE
from mesh_plugins.mux import protocol as mux
from mesh_plugins.mux.message import MuxRequest
from mesh_plugins.mux.protocol import CLIENT_KEYS, Dialect, mux_parts
from mesh_plugins.thrift import classifiers
from mesh_plugins.thrift.message import BINARY
from mesh_plugins.thrift.protocol import peer_of, sharing
from mesh_plugins.thrift.wire import CALL
from mesh_plugins.thriftmux.downgrading import serve
from mesh_plugins.thriftmux.exchange import ThriftMuxExchange
from mesh_plugins.thriftmux.keys import ThriftMuxClientKeys, ThriftMuxRouterKeys
from mesh_plugins.thriftmux.methods import by_method, classify, failure_name
from mesh_plugins.thriftmux.plain import PLAIN_PEER, SESSIONS

STACK = mux.STACK.replace("mux_sessions", SESSIONS)
"""The default stack of a ThriftMux router: that of Mux."""


def thriftmux(settings: RouterSettings, params: Params) -> Parts:
    """Return the parts of a ThriftMux router; the factory of the protocol kind `thriftmux`."""
    keys: ThriftMuxRouterKeys = settings.protocol.config

    def for_client(below: Params, client: ClientSettings) -> Params:
        extra: ThriftMuxClientKeys = client.extra
        plain = extra.plain
        if plain is not None:
            peer = peer_of(plain, keys.thrift_protocol)
            return below.put(PLAIN_PEER, peer).put(POOL_LIMITS, sharing(below[POOL_LIMITS], peer))
        return below.put(CLIENT_KEYS, extra.mux).put(POOL_LIMITS, mux.shared(below[POOL_LIMITS]))

    name = by_method(settings.dst_prefix, method_in_dst=keys.thrift_method_in_dst)
    dialect = Dialect(
        STACK,
        name,
        classify,
        for_client,
        make_request,
        serve,
        ThriftMuxExchange,
        failure_name,
        classifiers.NEVER_RETRYING,
    )
    return mux_parts(settings, params.put(REPEATABLE, classifiers.is_repeatable), dialect)


def make_request(_method: str, url: str, headers: list[tuple[str, str]]) -> MuxRequest:
    """Return the call that a client makes with `url`: `thriftmux://host/method`, or `thriftmux://host/service:method`.

    A header `dest` is the destination. Raises `ValueError` if that is no path.
    """
    destination = next((value for name, value in headers if name.lower() == "dest"), "/")
    request = mux.make_request("", destination, [])
    method = urlsplit(url).path.strip("/").encode()
    request.body = Buffered(BINARY.message(CALL, method, 0, b"\0"))
    return request
