"""Statistics of requests: one set of counters per server, logical name, bound name, and pair of the latter two.

Names and places are linkerd's; latency is measured to the reply's head, in milliseconds.
"""

import time

from mesh import (
    BOUND,
    CLASSIFIER,
    LIFE,
    METRICS,
    ONE_SHOT,
    OTHER,
    PATH,
    SERVER_LABEL,
    AnyService,
    Classifier,
    Counter,
    Make,
    Metrics,
    Module,
    Param,
    Params,
    Path,
    Reply,
    Request,
    bind,
    is_success,
)


class RequestStats:
    """The counters of one scope."""

    __slots__ = ("_by_error", "_scope", "failures", "latency", "pending", "requests", "success")

    def __init__(self, scope: Metrics) -> None:
        self._scope = scope
        self.requests = scope.counter("requests")
        self.success = scope.counter("success")
        self.failures = scope.counter("failures")
        self.latency = scope.histogram("request_latency_ms")
        self.pending = scope.gauge("pending")
        self._by_error: dict[str, Counter] = {}

    def failed(self, error: BaseException) -> None:
        """Count a failure, also by the name of its error."""
        self.failures.value += 1
        name = type(error).__name__
        counter = self._by_error.get(name)
        if counter is None:
            counter = self._by_error[name] = self._scope.counter("failures", name)
        counter.value += 1


class Stats:
    """Counts what passes into one scope; whether a reply is a success is the classifier's to say."""

    __slots__ = ("_classifier", "_stats")

    def __init__(self, scope: Metrics, classifier: Classifier) -> None:
        self._stats = RequestStats(scope)
        self._classifier = classifier

    async def __call__(self, request: Request, service: AnyService, /) -> Reply:
        stats = self._stats
        stats.requests.value += 1
        stats.pending.value += 1
        started = time.perf_counter()
        try:
            reply: Reply = await service(request)
        except BaseException as error:
            stats.pending.value -= 1
            stats.failed(error)
            raise
        stats.pending.value -= 1
        stats.latency.add((time.perf_counter() - started) * 1e3)
        if reply.outcome or (reply.outcome is None and is_success(request, reply, self._classifier)):
            stats.success.value += 1
        else:
            stats.failures.value += 1
        return reply


class ClientStats:
    """Counts attempts per bound name, and per bound name and logical name: the traffic matrix."""

    __slots__ = ("_by_path", "_classifier", "_scope", "_stats")

    def __init__(self, scope: Metrics, classifier: Classifier) -> None:
        self._scope = scope
        self._stats = RequestStats(scope)
        self._classifier = classifier
        self._by_path: dict[Path, RequestStats] = {}

    async def __call__(self, request: Request, service: AnyService, /) -> Reply:
        stats = self._stats
        pair = self._by_path.get(request.context.path) or self._pair(request.context.path)
        stats.requests.value += 1
        pair.requests.value += 1
        stats.pending.value += 1
        started = time.perf_counter()
        try:
            reply: Reply = await service(request)
        except BaseException as error:
            stats.pending.value -= 1
            stats.failed(error)
            pair.failed(error)
            raise
        stats.pending.value -= 1
        elapsed = (time.perf_counter() - started) * 1e3
        stats.latency.add(elapsed)
        pair.latency.add(elapsed)
        if reply.outcome or (reply.outcome is None and is_success(request, reply, self._classifier)):
            stats.success.value += 1
            pair.success.value += 1
        else:
            stats.failures.value += 1
            pair.failures.value += 1
        return reply

    def _pair(self, path: Path) -> RequestStats:
        """Make the counters of a pair; paths beyond the limit of the label share those of `other`."""
        scope = self._scope.scope("service", path.show().removeprefix("/"), label=True)
        pair = RequestStats(scope)
        if scope.name != OTHER:
            self._by_path[path] = pair
        return pair


def server_stats(params: Params, rest: Make) -> AnyService:
    """Count a server's requests, under `server/<ip>/<port>`."""
    scope = params[METRICS].scope("server", params[SERVER_LABEL], label=True)
    return bind(Stats(scope, params[CLASSIFIER]), rest(params))


def service_stats(params: Params, rest: Make) -> AnyService:
    """Count a logical name's requests, under `service/<path>`."""
    name = OTHER if params[ONE_SHOT] else params[PATH].show().removeprefix("/")
    scope = params[METRICS].scope("service", name, label=True)
    params[LIFE].on_close(scope.hold())
    return bind(Stats(scope, params[CLASSIFIER]), rest(params))


def client_scope(params: Params) -> Metrics:
    """Return the scope of the bound name in `params`: `client/<id>`."""
    bound = params[BOUND]
    name = OTHER if params[ONE_SHOT] or bound is None else bound.id.show().removeprefix("/")
    return params[METRICS].scope("client", name, label=True)


def client_stats(params: Params, rest: Make) -> AnyService:
    """Count a bound name's attempts, under `client/<id>`; stands in the endpoint stacks, which share the counters."""
    shared = params[CLIENT_STATS]
    return bind(shared or ClientStats(client_scope(params), params[CLASSIFIER]), rest(params))


def client_scope_module(params: Params, rest: Make) -> AnyService:
    """Hold the metrics of a bound name as long as its client stack lives."""
    scope = client_scope(params)
    params[LIFE].on_close(scope.hold())
    return rest(params.put(CLIENT_STATS, ClientStats(scope, params[CLASSIFIER])))


CLIENT_STATS: Param[ClientStats | None] = Param(None, "client stats")

SERVER_STATS = Module(
    "server_stats", server_stats, above=("errors",), why="counts the replies that errors become", section="server"
)
SERVICE_STATS = Module(
    "service_stats", service_stats, above=("binding",), why="counts requests, not attempts", section="service"
)
CLIENT_SCOPE = Module(
    "client_scope", client_scope_module, above=("balancer",), why="one scope for all endpoints", section="client"
)
CLIENT_STATS_MODULE = Module("client_stats", client_stats, above=("pool",), why="counts attempts", section="endpoint")
