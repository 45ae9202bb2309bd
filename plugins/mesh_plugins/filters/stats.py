"""Statistics of requests: one set of counters per server, logical name, bound name, and pair of the latter two.

Names and places are linkerd's; latency is measured to the reply's head, or to the error, in milliseconds. What a classifier
ignores is a request, but neither a success nor a failure; nor is one whose client went away, which `client_gone` counts.
"""

from time import perf_counter

import trio

from mesh import (
    CLASSIFIER,
    LIFE,
    OTHER,
    PATH,
    POOL_LIMITS,
    POOL_STATS,
    AnyService,
    Classifier,
    ClientGone,
    Histogram,
    HttpReply,
    JoinedHistogram,
    Make,
    MeshError,
    Metrics,
    Module,
    Outcome,
    Param,
    Params,
    PoolStats,
    Reply,
    Request,
    bind,
    is_success,
    outcome_at_end,
)
from mesh_plugins.filters.failures import FAILURE_NAME, FailuresByError, NameOf
from mesh_plugins.filters.matrix import MATRIX, Matrix, Pair, Pairs
from mesh_plugins.filters.pool_stats import show_pool
from mesh_plugins.filters.statuses import Statuses
from mesh_plugins.scopes import client_scope, server_scope, service_scope


class RequestStats:
    """The counters of one scope."""

    __slots__ = ("_by_error", "_scope", "failures", "latency", "pending", "requests", "statuses", "success")

    def __init__(self, scope: Metrics, *, by_status: bool = False, name_of: NameOf | None = None) -> None:
        self._scope = scope
        self.requests = scope.counter("requests")
        self.success = scope.counter("success")
        self.failures = scope.counter("failures")
        self.statuses = Statuses(scope) if by_status else None
        self.latency = _latency(scope, self.statuses)
        self.pending = scope.gauge("pending")
        self._by_error = FailuresByError(scope, name_of)

    def client_gone(self) -> None:
        """Count a request whose client did not wait for its reply: nobody's failure."""
        self._scope.counter("client_gone").value += 1

    def failed_by(self, reply: Reply) -> None:
        """Count a reply that is a failure, also by its name if it has one."""
        self.failures.value += 1
        self._by_error.count_reply(reply)

    def failed(self, error: BaseException, elapsed: float) -> None:
        """Count a failure that took `elapsed` ms, also by the name of its error."""
        self.failures.value += 1
        self._by_error.count(error)
        if self.statuses is None:
            self.latency.add(elapsed)
        else:
            count, add_time = self.statuses.errors
            count.value += 1
            add_time(elapsed)


def _latency(scope: Metrics, statuses: Statuses | None) -> Histogram:
    """Return the histogram of all requests; where they are told apart by status, it is those of the statuses together."""
    if statuses is None:
        return scope.histogram("request_latency_ms")
    times = statuses.times
    return scope.histogram("request_latency_ms", make=lambda rotation: JoinedHistogram(rotation, times))


def _is_gone(request: Request, error: BaseException) -> bool:
    """Return whether an error means that the client went away; the server notes it before it cancels a request."""
    return isinstance(error, ClientGone) or (isinstance(error, trio.Cancelled) and _says_gone(request))


def _says_gone(request: Request) -> bool:
    flags: str = request.context.flags
    return flags.startswith(ClientGone.flag)


def _is_ignored(request: Request, error: BaseException, classifier: Classifier) -> bool:
    judge = request.context.classifier or classifier
    if isinstance(error, MeshError):
        return judge(request, error) is Outcome.IGNORED
    return request.context.flags == LOST


LOST = "- lost"
"""The flags of an attempt that was cancelled because another one for the same request was faster."""


class Stats:
    """Counts what passes into one scope; whether a reply is a success is the classifier's to say.

    With `decides`, as for a logical name, it also judges the attempts below, unless the request brought another one.
    """

    __slots__ = ("_classifier", "_decides", "_stats")

    def __init__(
        self,
        scope: Metrics,
        classifier: Classifier,
        *,
        by_status: bool = False,
        decides: bool = False,
        name_of: NameOf | None = None,
    ) -> None:
        self._stats = RequestStats(scope, by_status=by_status, name_of=name_of)
        self._classifier = classifier
        self._decides = decides

    async def __call__(self, request: Request, service: AnyService, /) -> Reply:
        stats = self._stats
        if self._decides and request.context.classifier is None:
            request.context.classifier = self._classifier
        stats.requests.value += 1
        stats.pending.value += 1
        started = perf_counter()
        try:
            reply: Reply = await service(request)
        except BaseException as error:
            stats.pending.value -= 1
            if _is_gone(request, error):
                stats.client_gone()
            elif not _is_ignored(request, error, self._classifier):
                stats.failed(error, (perf_counter() - started) * 1e3)
            raise
        stats.pending.value -= 1
        elapsed = (perf_counter() - started) * 1e3
        if stats.statuses is not None and isinstance(reply, HttpReply):
            count, add_time = stats.statuses[reply.status]
            count.value += 1
            add_time(elapsed)
        else:
            stats.latency.add(elapsed)
        if reply.outcome or (reply.outcome is None and is_success(request, reply, self._classifier)):
            stats.success.value += 1
        elif reply.outcome is None:
            reply.on_close(lambda: self._ended(request, reply))
        elif _says_gone(request):  # nobody is there to read the reply that `errors` makes of it
            stats.client_gone()
        else:
            stats.failed_by(reply)
        return reply

    def _ended(self, request: Request, reply: Reply) -> None:
        """Count a reply whose end had to tell what it is."""
        outcome = outcome_at_end(request, reply, self._classifier)
        if outcome:
            self._stats.success.value += 1
        elif outcome is False:
            self._stats.failed_by(reply)
        elif _says_gone(request):
            self._stats.client_gone()


class ClientStats:
    """Counts attempts per bound name, and per bound name and logical name: the traffic matrix."""

    __slots__ = ("_classifier", "_find", "_pairs", "_stats", "latency")

    def __init__(
        self,
        scope: Metrics,
        classifier: Classifier,
        pairs: Pairs,
        *,
        by_status: bool = True,
        name_of: NameOf | None = None,
    ) -> None:
        self._stats = RequestStats(scope, by_status=by_status, name_of=name_of)
        self.latency = self._stats.latency
        self._classifier = classifier
        self._pairs = pairs
        self._find = pairs.find

    async def __call__(self, request: Request, service: AnyService, /) -> Reply:
        stats = self._stats
        pair = self._find(request.context.path) or self._pairs.get(request.context.path)
        stats.requests.value += 1
        pair.requests.value += 1
        stats.pending.value += 1
        started = perf_counter()
        try:
            reply: Reply = await service(request)
        except BaseException as error:
            stats.pending.value -= 1
            if _is_gone(request, error):
                stats.client_gone()
            elif not _is_ignored(request, error, self._classifier):
                elapsed = (perf_counter() - started) * 1e3
                pair.latency.add(elapsed)
                stats.failed(error, elapsed)
                pair.failures.value += 1
            raise
        stats.pending.value -= 1
        elapsed = (perf_counter() - started) * 1e3
        pair.latency.add(elapsed)
        if stats.statuses is not None and isinstance(reply, HttpReply):
            count, add_time = stats.statuses[reply.status]
            count.value += 1
            add_time(elapsed)
        else:
            stats.latency.add(elapsed)
        if reply.outcome or (reply.outcome is None and is_success(request, reply, self._classifier)):
            stats.success.value += 1
            pair.success.value += 1
        elif reply.outcome is None:
            reply.on_close(lambda: self._ended(request, reply, pair))
        else:
            stats.failed_by(reply)
            pair.failures.value += 1
        return reply

    def _ended(self, request: Request, reply: Reply, pair: Pair) -> None:
        """Count a reply whose end had to tell what it is."""
        outcome = outcome_at_end(request, reply, self._classifier)
        if outcome:
            self._stats.success.value += 1
            pair.success.value += 1
        elif outcome is False:
            self._stats.failed_by(reply)
            pair.failures.value += 1
        elif _says_gone(request):
            self._stats.client_gone()


def server_stats(params: Params, rest: Make) -> AnyService:
    """Count a server's requests, under `server/<ip>/<port>`; failures have their names from `errors`, which knows them all."""
    scope = server_scope(params)
    return bind(Stats(scope, params[CLASSIFIER], by_status=params[BY_STATUS]), rest(params))


def service_stats(params: Params, rest: Make) -> AnyService:
    """Count a logical name's requests, under `service/<path>`."""
    path, life, matrix = params[PATH], params[LIFE], params[MATRIX]
    scope = service_scope(params)
    if scope.name != OTHER:  # which stays, as what came and went is counted there
        life.on_close(scope.hold())
        matrix.begin(path)
        life.on_close(lambda: matrix.end(path))
    return bind(Stats(scope, params[CLASSIFIER], decides=True, name_of=params[FAILURE_NAME]), rest(params))


def client_stats(params: Params, rest: Make) -> AnyService:
    """Count a bound name's attempts, under `client/<id>`; stands in the endpoint stacks, which share the counters."""
    shared = params[CLIENT_STATS]
    return bind(_new_client_stats(params) if shared is None else shared, rest(params))


def _new_client_stats(params: Params) -> ClientStats:
    scope = client_scope(params)
    # One that knows no name makes no difference between logical names where bound names are not told apart either.
    matrix = Matrix() if scope.name == OTHER else params[MATRIX]
    pairs = Pairs(scope, matrix)
    params[LIFE].on_close(pairs.close)
    return ClientStats(scope, params[CLASSIFIER], pairs, by_status=params[BY_STATUS], name_of=params[FAILURE_NAME])


def client_scope_module(params: Params, rest: Make) -> AnyService:
    """Hold the metrics of a bound name as long as its client stack lives, and share them among its endpoints."""
    scope, pool, stats = client_scope(params), PoolStats(), _new_client_stats(params)
    if scope.name != OTHER:
        params[LIFE].on_close(scope.hold())
        show_pool(pool, scope, stats.latency, params[POOL_LIMITS])
    return rest(params.put(POOL_STATS, pool).put(CLIENT_STATS, stats))


CLIENT_STATS: Param[ClientStats | None] = Param(None, "client stats")

BY_STATUS = Param(True, "by status")
"""Whether servers and clients count replies by their status; the protocol knows, as not all have one."""

SERVER_STATS = Module(
    "server_stats",
    server_stats,
    above=("errors",),
    why="counts the replies that errors become",
    section="server",
    records=True,
)
SERVICE_STATS = Module(
    "service_stats", service_stats, above=("binding",), why="counts requests, not attempts", section="service"
)
CLIENT_SCOPE = Module(
    "client_scope", client_scope_module, above=("balancer",), why="one scope for all endpoints", section="client"
)
CLIENT_STATS_MODULE = Module("client_stats", client_stats, above=("pool",), why="counts attempts", section="endpoint")
