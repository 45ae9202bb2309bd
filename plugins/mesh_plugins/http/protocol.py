"""The protocols `http` and `h2`: their default stack, and what the settings mean to it; they differ in defaults alone."""

import attrs

from mesh import (
    CLASSIFIER,
    ClientSettings,
    Fields,
    HttpRequest,
    Params,
    Parts,
    Path,
    Request,
    RouterSettings,
    Serve,
    ServerSettings,
    Stack,
    load,
)
from mesh_plugins.access_log.access_log import ACCESS_LOG
from mesh_plugins.access_log.keys import logged
from mesh_plugins.accrual.accrual import ACCRUAL
from mesh_plugins.assembly import router_params, router_parts, server_params
from mesh_plugins.balancers.balancer import BALANCER
from mesh_plugins.binding import BINDING
from mesh_plugins.connections.ages import aged, ages_of
from mesh_plugins.filters.admission import ADMISSION, TIMEOUT
from mesh_plugins.filters.client_limits import CLIENT_LIMITS
from mesh_plugins.filters.requeues import IS_NACK, REPEATABLE, REQUEUES
from mesh_plugins.filters.retries import (
    IS_UNPROCESSED,
    NEVER_RETRYING,
    RETRIES,
    RETRY_MANNERS,
    RETRY_RULES,
    RetryRules,
)
from mesh_plugins.filters.spans import ATTEMPT_SPANS, SPANS
from mesh_plugins.filters.stats import CLIENT_SCOPE, CLIENT_STATS_MODULE, SERVER_STATS, SERVICE_STATS
from mesh_plugins.filters.timeouts import ATTEMPT_TIMEOUT, PASS_ON, TOTAL_TIMEOUT
from mesh_plugins.grpc.classifiers import NEVER
from mesh_plugins.grpc.content import CARRIES_GRPC
from mesh_plugins.grpc.endings import GRPC_ENDINGS
from mesh_plugins.grpc.retrying import MANNERS
from mesh_plugins.grpc.timeouts import GRPC_TIMEOUT_READ, GRPC_TIMEOUT_WRITTEN
from mesh_plugins.http.classifiers import IDEMPOTENT, all_successful, non_retryable_5xx
from mesh_plugins.http.clear_context import CLEAR_CONTEXT, CLEARS_CONTEXT, clears_context
from mesh_plugins.http.client_cert import CLIENT_CERT, FORWARD_CLIENT_CERT
from mesh_plugins.http.compression import COMPRESSION, COMPRESSION_LEVEL
from mesh_plugins.http.context import CALL_DEPTH, DTAB_HEADERS, EDGE, MAX_CALL_DEPTH, PROFILE, VIA
from mesh_plugins.http.deadline import DEADLINE, pass_on
from mesh_plugins.http.destination import DESTINATION
from mesh_plugins.http.errors import ERRORS, MOST_ERROR_BYTES
from mesh_plugins.http.forwarded import FORWARDED, LABELERS, TIMESTAMP, TIMESTAMP_HEADER, Labelers
from mesh_plugins.http.keys import HttpRouterKeys, HttpServerKeys, HttpServiceKeys
from mesh_plugins.http.limits import effective_limits
from mesh_plugins.http.nack import is_nack, is_unprocessed
from mesh_plugins.http.request_fields import PROPAGATOR, REQUEST_FIELDS, TRUSTS_TRACES
from mesh_plugins.http.rewrite_host import REWRITE_HOST
from mesh_plugins.http.trace_fields import TRACE_FIELDS
from mesh_plugins.http.versions import alpn_of_server, calling, http2_serving, offered, serve_any
from mesh_plugins.http1.connect import CONNECT_TUNNELS
from mesh_plugins.http1.serving import Serving
from mesh_plugins.http1.switching import Tunnels
from mesh_plugins.router import IDENTIFIERS, ROUTER
from mesh_plugins.scopes import server_scope
from mesh_plugins.tunnels.counts import TunnelCounts
from mesh_plugins.tunnels.tunnel import TUNNELS

STACK = Stack(
    [
        SPANS,
        ACCESS_LOG,
        COMPRESSION,
        CLEAR_CONTEXT,
        SERVER_STATS,
        GRPC_ENDINGS,
        ERRORS,
        ADMISSION,
        TIMEOUT,
        EDGE,
        TIMESTAMP,
        FORWARDED,
        CALL_DEPTH,
        DEADLINE,
        GRPC_TIMEOUT_READ,
        DTAB_HEADERS,
        REQUEST_FIELDS,
        ROUTER,
        SERVICE_STATS,
        VIA,
        TOTAL_TIMEOUT,
        RETRIES,
        BINDING,
        DESTINATION,
        TRACE_FIELDS,
        CLIENT_CERT,
        CLIENT_SCOPE,
        REQUEUES,
        CLIENT_LIMITS,
        BALANCER,
        REWRITE_HOST,
        CLIENT_STATS_MODULE,
        ATTEMPT_SPANS,
        ACCRUAL,
        ATTEMPT_TIMEOUT,
        GRPC_TIMEOUT_WRITTEN,
        CONNECT_TUNNELS,
    ]
)
"""The default stack of an HTTP router, outermost first; docs/architecture.md has it as a table."""

HTTP_1 = "http/1.1"
BUFFERED_KIB = 5  # of a body are read before its request is handed on, unless the stack file says otherwise


def is_repeatable(request: Request) -> bool:
    """Return whether a request may be sent again although an endpoint may have begun to work on it."""
    return isinstance(request, HttpRequest) and request.method in IDEMPOTENT


def http(settings: RouterSettings, params: Params) -> Parts:
    """Return the parts of an HTTP router; the factory of the protocol kinds `http` and `h2`."""
    keys: HttpRouterKeys = settings.protocol.config
    prefix = settings.dst_prefix
    identifiers = tuple(load(chosen.kind)(chosen.config, prefix) for chosen in keys.identifier)

    def for_path(below: Params, path: Path) -> Params:
        return below.put(RETRY_RULES, _retry_rules(settings.service.resolve(path).extra, below[RETRY_RULES]))

    def for_client(below: Params, client: ClientSettings) -> Params:
        limits = effective_limits(client.limits, keys, client.socket_options)
        below = below.put(FORWARD_CLIENT_CERT, client.extra.forward_client_cert)
        below = below.put(CARRIES_GRPC, client.extra.protocol != HTTP_1)
        return calling(below, client, limits, keys.engine)

    def server(listener: ServerSettings, below: Params) -> tuple[Params, Serve]:
        below = server_params(listener, below).put(PROFILE, listener.profile)
        below = below.put(MAX_CALL_DEPTH, listener.extra.max_call_depth)
        below = below.put(CLEARS_CONTEXT, listener.clear_context)
        below = below.put(TRUSTS_TRACES, not clears_context(below))
        below = below.put(LABELERS, _labelers(listener.extra, below))
        below = below.put(TIMESTAMP_HEADER, listener.extra.timestamp_header or "")
        if listener.extra.protocols != (HTTP_1,):
            below = below.put(CARRIES_GRPC, True)
        serving = _serving(keys, listener, below)
        return below, serve_any(listener.extra.protocols, serving, http2_serving(serving, listener, below), keys.engine)

    params = router_params(settings, params, for_client, for_path, offered)
    params = (
        params.put(IDENTIFIERS, identifiers)
        .put(REPEATABLE, is_repeatable)
        .put(IS_NACK, is_nack)
        .put(IS_UNPROCESSED, is_unprocessed)
        .put(NEVER_RETRYING, (non_retryable_5xx, all_successful, NEVER))
        .put(PASS_ON, pass_on)
        .put(CLASSIFIER, non_retryable_5xx)
        .put(TUNNELS, any(listener.extra.connect for listener in settings.servers))
        .put(COMPRESSION_LEVEL, keys.compression_level)
        .put(MOST_ERROR_BYTES, keys.max_err_response_kb * 1024)
        .put(PROPAGATOR, load(keys.trace_propagator.kind)(keys.trace_propagator.config))
    )
    if _speaks_http2(settings):
        params = params.put(RETRY_MANNERS, MANNERS)
    return router_parts(STACK, logged(keys, params, "httpAccessLog"), server, make_request, alpn_of_server)


def _retry_rules(keys: HttpServiceKeys, rules: RetryRules) -> RetryRules:
    most = keys.retry_buffer_size.request_bytes
    return attrs.evolve(
        rules,
        hold_seconds=keys.classification_timeout_ms / 1e3,
        buffer_bytes=rules.buffer_bytes if most is None else most,
    )


def _speaks_http2(settings: RouterSettings) -> bool:
    """Return whether clients of a router may speak HTTP/2, or endpoints do."""
    servers = any(listener.extra.protocols != (HTTP_1,) for listener in settings.servers)
    return servers or settings.client.default.extra.protocol != HTTP_1


def _serving(keys: HttpRouterKeys, listener: ServerSettings, below: Params) -> Serving:
    """Return how a listener serves, whatever version its clients speak."""
    buffered = BUFFERED_KIB if keys.stream_after_content_length_kb is None else keys.stream_after_content_length_kb
    scope = server_scope(below)
    return Serving(
        aged(effective_limits(listener.limits, keys, listener.socket_options), listener),
        buffered * 1024,
        listener.allow_half_close,
        _tunnels(listener, below),
        ages_of(listener, scope),
        clears_context(below),
    )


def _labelers(keys: HttpServerKeys, params: Params) -> Labelers | None:
    """Return what makes a server's field `forwarded`, if it adds one."""
    ends = keys.add_forwarded_header
    if ends is None:
        return None
    return Labelers(*(load(chosen.kind)(chosen.config, params) for chosen in (ends.by, ends.for_)))


def _tunnels(listener: ServerSettings, below: Params) -> Tunnels:
    extra: HttpServerKeys = listener.extra
    counts = TunnelCounts(server_scope(below))
    return Tunnels(extra.may_switch_to(listener.profile), extra.connect, extra.tunnel_idle_time_ms / 1e3, counts)


def make_request(method: str, url: str, headers: list[tuple[str, str]]) -> HttpRequest:
    """Return the request that a client would send for `url` (`http://host:port/path?query`, or a path alone)."""
    _scheme, mark, rest = url.partition("://")
    host, target = "", url
    if mark:
        host, slash, path = rest.partition("/")
        target = slash + path or "/"
    fields: Fields = [(b"host", host.encode("latin-1"))] if host else []
    fields += [(name.lower().encode("latin-1"), value.strip().encode("latin-1")) for name, value in headers]
    return HttpRequest(method.encode("latin-1"), target.encode("latin-1"), fields)
