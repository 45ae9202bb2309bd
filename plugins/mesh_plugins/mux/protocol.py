"""The protocol `mux`: its default stack, and what the settings mean to it."""

import math
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import attrs
import trio

from mesh import (
    CLASSIFIER,
    HEALTH,
    POOL_LIMITS,
    SESSION,
    AnyService,
    Buffered,
    Classifier,
    ClientSettings,
    Connection,
    Life,
    Limits,
    Make,
    Metrics,
    Module,
    NameSyntaxError,
    Param,
    Params,
    Parts,
    Path,
    PoolLimits,
    RouterSettings,
    Serve,
    ServerSettings,
    Session,
    Stack,
    Switch,
)
from mesh_plugins.access_log.access_log import ACCESS_LOG, EXCHANGE, NewExchange
from mesh_plugins.access_log.keys import logged
from mesh_plugins.accrual.accrual import ACCRUAL
from mesh_plugins.assembly import router_params, router_parts, server_params
from mesh_plugins.balancers.balancer import BALANCER
from mesh_plugins.binding import BINDING
from mesh_plugins.connections.ages import aged, ages_of
from mesh_plugins.filters.admission import ADMISSION, TIMEOUT
from mesh_plugins.filters.client_limits import CLIENT_LIMITS
from mesh_plugins.filters.failures import FAILURE_NAME, NameOf
from mesh_plugins.filters.requeues import IS_NACK, REQUEUES
from mesh_plugins.filters.retries import IS_UNPROCESSED, NEVER_RETRYING, RETRIES
from mesh_plugins.filters.spans import ATTEMPT_SPANS, SPANS
from mesh_plugins.filters.stats import BY_STATUS, CLIENT_SCOPE, CLIENT_STATS_MODULE, SERVER_STATS, SERVICE_STATS
from mesh_plugins.filters.timeouts import ATTEMPT_TIMEOUT, TOTAL_TIMEOUT
from mesh_plugins.mux.context_filters import ATTEMPT_CONTEXTS, CONTEXTS, TRUSTS_CONTEXTS
from mesh_plugins.mux.detector import detection
from mesh_plugins.mux.errors import ERRORS, classify, failure_name, is_nack
from mesh_plugins.mux.exchange import MuxExchange
from mesh_plugins.mux.keys import MuxClientKeys
from mesh_plugins.mux.message import MuxRequest
from mesh_plugins.mux.server import MuxConnection
from mesh_plugins.mux.serving import Serving, serving
from mesh_plugins.mux.session import MuxSession
from mesh_plugins.mux.speaking import speaking
from mesh_plugins.router import IDENTIFIERS, ROUTER, Identifier
from mesh_plugins.scopes import client_scope, server_scope

MEMO = 1024  # destinations whose names are remembered; forgotten together when there are more

CLIENT_KEYS = Param(MuxClientKeys(), "what a client says of Mux")
SESSION_LIMITS = Param(Limits(), "limits of sessions")


def _sessions(params: Params, rest: Make) -> AnyService:
    """Say how sessions with an endpoint are made: they count for its client, and write its health."""
    keys = params[CLIENT_KEYS]
    period = math.inf if keys.ping_period_ms is None else keys.ping_period_ms / 1e3
    scope = client_scope(params)
    found = detection(period, keys.ping_timeout_ms / 1e3, scope)
    how = speaking(params[SESSION_LIMITS], found, params[HEALTH], scope)

    def make(connection: Connection, life: Life) -> Session:
        return MuxSession(connection, life, how)

    return rest(params.put(SESSION, make))


SESSIONS = Module(
    "mux_sessions",
    _sessions,
    above=("pool",),
    below=("balancer",),
    why="a lease that has run out, and a ping without an answer, are news of one endpoint",
    section="endpoint",
)

STACK = Stack(
    [
        ACCESS_LOG,
        SPANS,
        SERVER_STATS,
        ERRORS,
        ADMISSION,
        TIMEOUT,
        CONTEXTS,
        ROUTER,
        SERVICE_STATS,
        TOTAL_TIMEOUT,
        RETRIES,
        BINDING,
        ATTEMPT_CONTEXTS,
        CLIENT_SCOPE,
        REQUEUES,
        CLIENT_LIMITS,
        BALANCER,
        CLIENT_STATS_MODULE,
        ATTEMPT_SPANS,
        ACCRUAL,
        ATTEMPT_TIMEOUT,
        SESSIONS,
    ]
)
"""The default stack of a Mux router, outermost first: that of HTTP, less what looks at fields."""


NewRequest = Callable[[str, str, list[tuple[str, str]]], MuxRequest]


@attrs.frozen(eq=False)
class Dialect:
    """What tells the protocols apart that are spoken over Mux.

    `for_client` adds what a client's own keys say to its params. `serve` returns what serves the connections of a listener,
    whose metrics are in a scope. `new_exchange` makes what the access log keeps of a call.
    `failure_name` returns what an answer that is a failure is called.
    `never_retrying` are further classifiers like `classifier`, which call nothing retryable that may have been begun.
    """

    stack: Stack
    identifier: Identifier
    classifier: Classifier
    for_client: Callable[[Params, ClientSettings], Params]
    request: NewRequest
    serve: Callable[[Serving, Metrics], Serve]
    new_exchange: NewExchange
    failure_name: NameOf = failure_name
    never_retrying: tuple[Classifier, ...] = ()


def mux(settings: RouterSettings, params: Params) -> Parts:
    """Return the parts of a Mux router; the factory of the protocol kind `mux`."""
    return mux_parts(
        settings,
        params,
        Dialect(STACK, by_destination(settings.dst_prefix), classify, for_client, make_request, serve, MuxExchange),
    )


def for_client(params: Params, client: ClientSettings) -> Params:
    """Return the params of a client whose endpoints speak Mux."""
    return params.put(CLIENT_KEYS, client.extra).put(POOL_LIMITS, shared(params[POOL_LIMITS]))


def mux_parts(settings: RouterSettings, params: Params, dialect: Dialect) -> Parts:
    """Return the parts of a router whose servers speak Mux."""

    def for_any_client(below: Params, client: ClientSettings) -> Params:
        return dialect.for_client(below.put(SESSION_LIMITS, client.limits), client)

    def server(listener: ServerSettings, below: Params) -> tuple[Params, Serve]:
        trusts = not (listener.clear_context or listener.profile == "edge")
        below = server_params(listener, below).put(TRUSTS_CONTEXTS, trusts)
        scope = server_scope(below)
        limits, ages = aged(listener.limits, listener), ages_of(listener, scope)
        return below, dialect.serve(serving(limits, ages, scope, allow_half_close=listener.allow_half_close), scope)

    params = router_params(settings, params, for_any_client)
    params = (
        params.put(IDENTIFIERS, (dialect.identifier,))
        .put(IS_NACK, is_nack)
        .put(IS_UNPROCESSED, is_nack)
        .put(NEVER_RETRYING, (dialect.classifier, *dialect.never_retrying))
        .put(CLASSIFIER, dialect.classifier)
        .put(BY_STATUS, False)
        .put(FAILURE_NAME, dialect.failure_name)
    )
    params = logged(settings.protocol.config, params.put(EXCHANGE, dialect.new_exchange))
    return router_parts(dialect.stack, params, server, dialect.request)


def by_destination(prefix: Path) -> Identifier:
    """Return the identifier of Mux: the prefix, and the destination of the call."""
    names: dict[Path, tuple[Path, bytes]] = {}

    def name(request: Any) -> Path:  # a router of Mux gets its calls alone
        destination = request.destination
        found = names.get(destination)
        if found is None:
            if len(names) >= MEMO:
                names.clear()
            found = names[destination] = prefix + destination, destination.show().encode()
        path, request.method = found
        return path

    return name


def shared(limits: PoolLimits) -> PoolLimits:
    """Return limits with one connection to each endpoint, which all calls share, unless the stack file says how many."""
    return attrs.evolve(limits, max_size=1) if limits.max_size == PoolLimits().max_size else limits


def serve(how: Serving, _scope: Metrics | None = None) -> Serve:
    """Return what serves the connections of one listener."""

    async def run(connection: Connection, switch: Switch) -> None:
        await serve_connection(connection, switch, how)

    return run


async def serve_connection(connection: Connection, switch: Switch, how: Serving, first: bytes = b"") -> None:
    """Serve one connection, of which `first` has come already, to its end."""
    try:
        async with trio.open_nursery() as nursery:
            await MuxConnection(connection, switch, how, nursery).run(first)
    finally:
        connection.close()


def make_request(_method: str, url: str, _headers: list[tuple[str, str]]) -> MuxRequest:
    """Return the call whose destination is the path of `url`, such as `mux://host/web` or `/web`.

    Raises `ValueError` if that is no path.
    """
    try:
        return MuxRequest(Path.read(urlsplit(url).path.rstrip("/") or "/"), Buffered(b""))
    except NameSyntaxError as error:
        raise ValueError(f"{url} has no path that could be a destination: {error}") from error
