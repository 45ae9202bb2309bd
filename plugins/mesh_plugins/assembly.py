"""What a router's settings mean to the modules of its stacks, whatever its protocol."""

import math
from collections.abc import Callable, Iterator
from functools import partial

from mesh import (
    BREAKERS,
    CLASSIFIER,
    CONNECTOR,
    INTRODUCES,
    METRICS,
    POOL_LIMITS,
    WORKERS,
    BalancerSettings,
    BoundName,
    Breakers,
    ClientSettings,
    Connection,
    Endpoint,
    Introduction,
    Params,
    Parts,
    Path,
    PoolLimits,
    Request,
    Retries,
    RetryBudget,
    RouterSettings,
    Serve,
    ServerSettings,
    ServiceSettings,
    Stack,
    TlsConnector,
    TlsContexts,
    connect,
    load,
)
from mesh_plugins.accrual.accrual import MAX_EJECTION_PERCENT, NEW_POLICY
from mesh_plugins.accrual.backoff import schedule
from mesh_plugins.balancers.balancer import NEW_DISTRIBUTOR, PANIC_PERCENT, PROBATION
from mesh_plugins.balancers.locality import near
from mesh_plugins.balancers.node import NewDistributor
from mesh_plugins.balancers.slow_start import slowly
from mesh_plugins.binding import BINDING_SECONDS, CLIENT_PARAMS, CLIENTS, Clients
from mesh_plugins.filters.admission import MAX_CONCURRENT, TIMEOUT_SECONDS
from mesh_plugins.filters.budget import BudgetLimits
from mesh_plugins.filters.client_limits import ATTEMPT_LIMITS, UNLIMITED, AttemptLimits
from mesh_plugins.filters.matrix import MATRIX, Matrix
from mesh_plugins.filters.requeues import REQUEUE_BUDGET
from mesh_plugins.filters.retries import RETRY_RULES, SHARED_BUDGETS, RetryRules, SharedBudgets
from mesh_plugins.filters.timeouts import ATTEMPT_SECONDS, TOTAL_SECONDS
from mesh_plugins.router import CACHE_SIZES, IDENTIFIERS, PATH_PARAMS, PATHS, CacheSizes, Paths, identify


def _as_they_are(params: Params, _path: Path) -> Params:
    return params


def router_params(
    settings: RouterSettings,
    params: Params,
    for_client: Callable[[Params, ClientSettings], Params],
    for_path: Callable[[Params, Path], Params] = _as_they_are,
    alpn: Callable[[ClientSettings], tuple[str, ...]] | None = None,
) -> Params:
    """Return the params of a router; `for_path` and `for_client` add what the protocol has to say of each.

    `alpn` is what a client offers to speak when TLS chooses; the kind's own names by default.

    Raises what the factories raise that every path and every client needs, rather now than at the first request.
    """
    cache = settings.binding_cache
    contexts = TlsContexts(settings.protocol.kind.alpn)

    def offered(client: ClientSettings) -> tuple[str, ...]:
        return settings.protocol.kind.alpn if alpn is None else alpn(client)

    def path_params(below: Params, path: Path) -> Params:
        return for_path(_service_params(settings.service.resolve(path), below), path)

    def client_params(below: Params, name: BoundName) -> Params:
        client = settings.client.resolve(name.id)
        return for_client(_client_params(client, below, contexts, offered(client)), client)

    _service_params(settings.service.default, params)
    _client_params(settings.client.default, params, contexts, offered(settings.client.default))
    sizes = CacheSizes(cache.paths, cache.trees, cache.clients, float(cache.idle_ttl_secs))
    params = params.put(CACHE_SIZES, sizes).put(BINDING_SECONDS, settings.binding_timeout_ms / 1e3)
    return (
        params.put(PATH_PARAMS, path_params)
        .put(CLIENT_PARAMS, client_params)
        .put(MATRIX, Matrix())
        .put(SHARED_BUDGETS, SharedBudgets())
        .put(PATHS, Paths())
        .put(BREAKERS, Breakers())
    )


def router_parts(
    stack: Stack,
    params: Params,
    server: Callable[[ServerSettings, Params], tuple[Params, Serve]],
    request: Callable[[str, str, list[tuple[str, str]]], Request],
    alpn: Callable[[ServerSettings], tuple[str, ...]] | None = None,
) -> Parts:
    """Return the parts of a router, whose params are all there; for the others, see `Parts`."""
    clients, identifiers = Clients(params), params[IDENTIFIERS]
    params = params.put(CLIENTS, clients)

    def name(request: Request) -> Path:
        return identify(request, identifiers)

    return Parts(stack, params, server, name, request, clients.states, partial(take_over, params), alpn)


def server_params(settings: ServerSettings, params: Params) -> Params:
    """Return the params of one listener's server stack."""
    return params.put(MAX_CONCURRENT, settings.max_concurrent_requests).put(
        TIMEOUT_SECONDS, _seconds(settings.timeout_ms)
    )


def take_over(params: Params, before: Params, keeps: Callable[[BoundName], bool]) -> Iterator[None]:
    """Do what `Parts.take_over` asks for, in a router with `params` that takes the place of one with the params `before`."""
    clients, others = params[CLIENTS], before[CLIENTS]
    if clients is not None and others is not None:
        params[MATRIX].join(before[MATRIX])
        params[BREAKERS].join(before[BREAKERS])
        clients.branches.take_over(others.branches, keeps)
    paths, known = params[PATHS], before[PATHS]
    if paths is None or paths.branches is None or known is None or known.branches is None:
        return iter(())
    return paths.branches.warm([path for path, _branch in known.branches.items()])


def _seconds(ms: int | None) -> float | None:
    return None if ms is None else ms / 1e3


def _service_params(settings: ServiceSettings, params: Params) -> Params:
    chosen = settings.response_classifier
    if chosen is not None:
        params = params.put(CLASSIFIER, load(chosen.kind)(chosen.config))
    return params.put(TOTAL_SECONDS, _seconds(settings.total_timeout_ms)).put(
        RETRY_RULES, _rules(settings.retries, params)
    )


def _rules(settings: Retries, params: Params) -> RetryRules:
    return RetryRules(
        _limits(settings.budget, params), schedule(settings.backoff), settings.max_attempts, settings.buffer_bytes
    )


def _limits(budget: RetryBudget, params: Params) -> BudgetLimits:
    """Return the part of a budget that one worker has; a share of the requests is the same for each."""
    least = budget.min_retries_per_sec / params[WORKERS]
    return BudgetLimits(least, budget.percent_can_retry, float(budget.ttl_secs))


def _most(limit: int | None) -> int:
    return UNLIMITED if limit is None else limit


def _pool_limits(settings: ClientSettings) -> PoolLimits:
    pool, breakers = settings.host_connection_pool, settings.circuit_breakers
    return PoolLimits(
        min_size=pool.min_size,
        max_size=pool.max_size,
        idle_seconds=_seconds(pool.idle_time_ms) or math.inf,
        max_waiters=pool.max_waiters,
        fail_fast=settings.fail_fast,
        max_connections=_most(breakers.max_connections),
        max_pending=_most(breakers.max_pending_requests),
        session_idle_seconds=_seconds(settings.client_session.idle_time_ms) or math.inf,
        session_life_seconds=_seconds(settings.client_session.life_time_ms) or math.inf,
    )


def _client_params(settings: ClientSettings, params: Params, contexts: TlsContexts, offered: tuple[str, ...]) -> Params:
    breakers = settings.circuit_breakers
    balancing, accrual = settings.load_balancer, settings.failure_accrual
    options, version = settings.socket_options, settings.proxy_protocol
    introduction = None if version is None else Introduction(version)

    async def connector(endpoint: Endpoint) -> Connection:
        return await connect(endpoint, no_delay=options.no_delay, keep_alive=options.keep_alive)

    if params[CONNECTOR] is connect:
        params = params.put(CONNECTOR, connector)
    if settings.tls is not None and settings.tls.enabled:
        if settings.tls.client_auth is not None:
            params[METRICS].gauge("tls", "seconds_to_expiry", fn=contexts.seconds_to_expiry)
        connect_with_tls = TlsConnector(settings.tls, params[CONNECTOR], contexts.get(settings.tls, offered))
        if version is None:
            params = params.put(CONNECTOR, connect_with_tls.__call__)
        else:
            introduction = Introduction(version, connect_with_tls.secure)
    return (
        params.put(INTRODUCES, introduction)
        .put(POOL_LIMITS, _pool_limits(settings))
        .put(ATTEMPT_LIMITS, AttemptLimits(_most(breakers.max_requests), _most(breakers.max_retries)))
        .put(MAX_EJECTION_PERCENT, settings.max_ejection_percent)
        .put(NEW_DISTRIBUTOR, _new_distributor(settings.load_balancer))
        .put(ATTEMPT_SECONDS, _seconds(settings.request_attempt_timeout_ms))
        .put(PANIC_PERCENT, balancing.panic_threshold_percent or 0.0)
        .put(PROBATION, balancing.enable_probation)
        .put(NEW_POLICY, load(accrual.kind)(accrual.config))
        .put(REQUEUE_BUDGET, _limits(settings.requeue_budget, params))
    )


def _new_distributor(settings: BalancerSettings) -> NewDistributor:
    """Return the maker of a balancer's rule: the kind's, inside a slow start, inside the levels of locality."""
    new: NewDistributor = load(settings.chosen.kind)(settings.chosen.config)
    if settings.slow_start is not None:
        new = slowly(new, settings.slow_start)
    if settings.locality is not None:
        new = near(new, settings.locality)
    return new
