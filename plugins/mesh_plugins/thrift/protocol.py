"""The protocol `thrift`: its default stack, and what the settings mean to it."""

from collections.abc import Awaitable
from urllib.parse import urlsplit

import attrs

from mesh import (
    CLASSIFIER,
    POOL_LIMITS,
    SESSION,
    ClientSettings,
    Connection,
    Params,
    Parts,
    PoolLimits,
    RouterSettings,
    Serve,
    ServerSettings,
    Stack,
    Switch,
    load,
)
from mesh_plugins.access_log.access_log import ACCESS_LOG, EXCHANGE
from mesh_plugins.access_log.keys import logged
from mesh_plugins.accrual.accrual import ACCRUAL
from mesh_plugins.assembly import router_params, router_parts, server_params
from mesh_plugins.balancers.balancer import BALANCER
from mesh_plugins.binding import BINDING
from mesh_plugins.connections.ages import aged, ages_of
from mesh_plugins.filters.admission import ADMISSION, TIMEOUT
from mesh_plugins.filters.client_limits import CLIENT_LIMITS
from mesh_plugins.filters.failures import FAILURE_NAME
from mesh_plugins.filters.requeues import REPEATABLE, REQUEUES
from mesh_plugins.filters.retries import NEVER_RETRYING, RETRIES
from mesh_plugins.filters.spans import ATTEMPT_SPANS, SPANS
from mesh_plugins.filters.stats import BY_STATUS, CLIENT_SCOPE, CLIENT_STATS_MODULE, SERVER_STATS, SERVICE_STATS
from mesh_plugins.filters.timeouts import ATTEMPT_TIMEOUT, TOTAL_TIMEOUT
from mesh_plugins.router import IDENTIFIERS, ROUTER
from mesh_plugins.scopes import server_scope
from mesh_plugins.thrift import classifiers
from mesh_plugins.thrift.errors import ERRORS
from mesh_plugins.thrift.exceptions import failure_name
from mesh_plugins.thrift.exchange import ThriftExchange, UnframedExchange
from mesh_plugins.thrift.header import RequestHeader
from mesh_plugins.thrift.identifiers import ThriftConfig
from mesh_plugins.thrift.keys import ENCODINGS, ThriftClientKeys, ThriftRouterKeys, ThriftServerKeys
from mesh_plugins.thrift.message import BINARY, ThriftRequest, read_request
from mesh_plugins.thrift.peer import Peer
from mesh_plugins.thrift.request_header import BEGINS_TRACES, REQUEST_HEADER, TRACE_IDS, TRUSTS
from mesh_plugins.thrift.server import ThriftConnection
from mesh_plugins.thrift.serving import Serving
from mesh_plugins.thrift.sessions import new_session
from mesh_plugins.thrift.walking import Bounds
from mesh_plugins.thrift.wire import CALL

STACK = Stack(
    [
        ACCESS_LOG,
        SPANS,
        SERVER_STATS,
        ERRORS,
        ADMISSION,
        TIMEOUT,
        REQUEST_HEADER,
        ROUTER,
        SERVICE_STATS,
        TOTAL_TIMEOUT,
        RETRIES,
        BINDING,
        TRACE_IDS,
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
"""The default stack of a Thrift router, outermost first: that of HTTP, less what looks at fields."""


def thrift(settings: RouterSettings, params: Params) -> Parts:
    """Return the parts of a Thrift router; the factory of the protocol kind `thrift`."""
    keys: ThriftRouterKeys = settings.protocol.config
    identifiers = tuple(
        load(chosen.kind)(_with_method(chosen.config, keys), settings.dst_prefix) for chosen in keys.identifier
    )

    def for_client(below: Params, client: ClientSettings) -> Params:
        peer = peer_of(client.extra, keys.thrift_protocol)
        below = below.put(POOL_LIMITS, sharing(below[POOL_LIMITS], peer))
        return below.put(SESSION, new_session(peer, client.limits)).put(BEGINS_TRACES, peer.upgrades)

    def server(listener: ServerSettings, below: Params) -> tuple[Params, Serve]:
        trusts = listener.profile == "mesh" and not listener.clear_context
        below = server_params(listener, below).put(TRUSTS, trusts)
        below = below.put(EXCHANGE, ThriftExchange if listener.extra.thrift_framed else UnframedExchange)
        return below, serve(_serving(listener, keys, below))

    params = router_params(settings, params, for_client)
    params = (
        params.put(IDENTIFIERS, identifiers)
        .put(CLASSIFIER, classifiers.application_exceptions)
        .put(NEVER_RETRYING, classifiers.NEVER_RETRYING)
        .put(BY_STATUS, False)
        .put(FAILURE_NAME, failure_name)
        .put(REPEATABLE, classifiers.is_repeatable)
    )
    return router_parts(STACK, logged(keys, params), server, make_request)


def _with_method(config: object, keys: ThriftRouterKeys) -> object:
    """Return an identifier's config with what the router says of methods."""
    if isinstance(config, ThriftConfig) and keys.thrift_method_in_dst:
        return attrs.evolve(config, method_in_dst=True)
    return config


def peer_of(keys: ThriftClientKeys, default_protocol: str) -> Peer:
    """Return what a client's endpoints speak."""
    encoding = ENCODINGS[keys.thrift_protocol or default_protocol]
    return Peer(encoding, keys.thrift_framed, keys.attempt_ttwitter_upgrade, keys.thrift_calls_per_connection)


def sharing(limits: PoolLimits, peer: Peer) -> PoolLimits:
    """Return limits by which calls that come while a connection is opened wait for it, as far as it can take them."""
    return attrs.evolve(limits, calls_per_session=peer.calls)


def _serving(listener: ServerSettings, keys: ThriftRouterKeys, below: Params) -> Serving:
    extra: ThriftServerKeys = listener.extra
    limits = aged(listener.limits, listener)
    scope = server_scope(below)
    return Serving(
        ENCODINGS[extra.thrift_protocol or keys.thrift_protocol],
        extra.thrift_framed,
        limits,
        Bounds.of(limits),
        listener.allow_half_close,
        ages_of(listener, scope),
    )


def serve(serving: Serving) -> Serve:
    """Return what serves the connections of one listener."""

    def run(connection: Connection, switch: Switch) -> Awaitable[None]:
        return ThriftConnection(connection, switch, serving).run()

    return run


def make_request(_method: str, url: str, headers: list[tuple[str, str]]) -> ThriftRequest:
    """Return the call that a client makes with `url`: `thrift://host/method`, or `thrift://host/service:method`.

    A header `dest` is TTwitter's destination.
    """
    method = urlsplit(url).path.strip("/").encode()
    dest = next((value for name, value in headers if name.lower() == "dest"), "")
    header = RequestHeader(dest=dest.encode()) if dest else None
    return read_request(BINARY.message(CALL, method, 0, b"\0"), header=header)
