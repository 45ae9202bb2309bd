"""What a router's settings come to in the params of its stacks."""

import math
from typing import Any

import attrs
import pytest

from mesh import (
    BOUND,
    CLASSIFIER,
    CONNECTOR,
    INTRODUCES,
    POOL_LIMITS,
    WORKERS,
    Addr,
    AddrPending,
    BoundName,
    Category,
    Chosen,
    Classifier,
    ClientSettings,
    Endpoint,
    Fixed,
    Introduction,
    Kind,
    Outcome,
    Param,
    Params,
    Path,
    PluginError,
    PoolLimits,
    RouterSettings,
    TlsConnector,
    connect,
)
from mesh.testing import reply, request
from mesh_plugins.accrual.accrual import NEW_POLICY
from mesh_plugins.accrual.consecutive import Consecutive
from mesh_plugins.assembly import router_params, server_params
from mesh_plugins.balancers.balancer import NEW_DISTRIBUTOR, PANIC_PERCENT, PROBATION
from mesh_plugins.balancers.members import Members
from mesh_plugins.binding import BINDING_SECONDS, CLIENT_PARAMS
from mesh_plugins.filters.admission import MAX_CONCURRENT, TIMEOUT_SECONDS
from mesh_plugins.filters.budget import BudgetLimits
from mesh_plugins.filters.matrix import MATRIX
from mesh_plugins.filters.requeues import REQUEUE_BUDGET
from mesh_plugins.filters.retries import RETRY_RULES
from mesh_plugins.http.classifiers import non_retryable_5xx
from mesh_plugins.router import CACHE_SIZES, PATH_PARAMS, CacheSizes
from tests.stackfiles import router_of

WEB = Path.read("/svc/web")
ADDED: Param[object] = Param(None, "added")


def settings_of(more: str = "", server: str = "") -> RouterSettings:
    return router_of(f"routers:\n- protocol: http\n  servers:\n  - {{port: 0{server}}}\n{more}")


def params_of(more: str = "", first: Params | None = None) -> Params:
    def for_path(below: Params, path: Path) -> Params:
        return below.put(ADDED, path)

    def for_client(below: Params, client: ClientSettings) -> Params:
        return below.put(ADDED, client)

    return router_params(settings_of(more), Params() if first is None else first, for_client, for_path)


def client_of(more: str = "", bound: str = "/#/fs/web", first: Params | None = None) -> Params:
    params = params_of(more, first)
    name = BoundName(Path.read(bound), Path(), Fixed[Addr](AddrPending()))
    return params[CLIENT_PARAMS](params.put(BOUND, name), name)


def test_by_default_a_router_keeps_linkerds_sizes_and_times() -> None:
    params = params_of()

    assert params[CACHE_SIZES] == CacheSizes(paths=1000, trees=1000, clients=1000, idle_seconds=600.0)
    assert params[BINDING_SECONDS] == 10.0


def test_the_sizes_and_times_of_a_router_are_those_of_its_file() -> None:
    params = params_of("  bindingTimeoutMs: 2500\n  bindingCache: {paths: 1, trees: 2, clients: 3, idleTtlSecs: 4}\n")

    assert params[CACHE_SIZES] == CacheSizes(paths=1, trees=2, clients=3, idle_seconds=4.0)
    assert params[BINDING_SECONDS] == 2.5


def test_each_router_has_a_traffic_matrix_of_its_own() -> None:
    assert params_of()[MATRIX] is not params_of()[MATRIX]


def test_a_protocol_adds_what_it_has_to_say_of_a_path_and_of_a_client() -> None:
    params = params_of()

    assert params[PATH_PARAMS](params, WEB)[ADDED] == WEB
    assert isinstance(client_of()[ADDED], ClientSettings)


def test_the_default_classifier_is_that_of_the_protocol() -> None:
    params = params_of()

    assert params[PATH_PARAMS](params, WEB)[CLASSIFIER] is non_retryable_5xx


def make_all_well(_config: object) -> Classifier:
    """Make a classifier of a plugin's."""
    return lambda _request, _result: Outcome.SUCCESS


def test_a_logical_name_has_the_classifier_that_its_service_asks_for() -> None:
    kind = Kind("lenient", Category.CLASSIFIER, "", factory=f"{__name__}:make_all_well")
    settings = settings_of()
    default = attrs.evolve(settings.service.default, response_classifier=Chosen(kind, None))
    settings = attrs.evolve(settings, service=attrs.evolve(settings.service, default=default))
    params = router_params(settings, Params(), lambda below, _client: below)

    assert params[PATH_PARAMS](params, WEB)[CLASSIFIER](request(), reply(500)) is Outcome.SUCCESS


def test_by_default_a_client_has_linkerds_pool_balancer_accrual_and_budget() -> None:
    params = client_of()

    assert params[POOL_LIMITS] == PoolLimits()
    assert params[POOL_LIMITS].idle_seconds == math.inf
    assert params[REQUEUE_BUDGET] == BudgetLimits(10, 0.2, 10.0)
    assert params[NEW_DISTRIBUTOR]().algorithm == "p2c_least_loaded"
    assert (params[PANIC_PERCENT], params[PROBATION]) == (0.0, False)
    policy = params[NEW_POLICY]()
    assert isinstance(policy, Consecutive)
    assert [policy.failed() for _time in range(5)] == [None] * 4 + [5.0]


async def test_a_balancer_is_wrapped_as_its_file_says() -> None:
    keys = "{kind: heap, slowStart: {windowMs: 1}, locality: {zone: a}}"
    endpoints = [Endpoint("10.0.0.1", port, meta={"zone": zone}) for port, zone in ((1, "a"), (2, "b"))]

    members = Members(client_of(f"  client: {{loadBalancer: {keys}}}\n")[NEW_DISTRIBUTOR]())
    members.update(endpoints)

    assert members.distributor.algorithm == "heap_least_loaded"
    assert members.pick is not None
    assert members.pick(request()).endpoint == endpoints[0]


def test_a_client_is_what_its_file_says() -> None:
    params = client_of(
        "  client:\n"
        "    hostConnectionPool: {minSize: 1, maxSize: 2, idleTimeMs: 3000, maxWaiters: 4}\n"
        "    requeueBudget: {minRetriesPerSec: 1, percentCanRetry: 0.5, ttlSecs: 6}\n"
        "    failureAccrual: {kind: none}\n"
        "    loadBalancer: {kind: heap, enableProbation: true, panicThresholdPercent: 50}\n"
    )

    assert params[NEW_DISTRIBUTOR]().algorithm == "heap_least_loaded"
    assert (params[PANIC_PERCENT], params[PROBATION]) == (50.0, True)
    assert params[POOL_LIMITS] == PoolLimits(1, 2, 3.0, 4)
    assert params[REQUEUE_BUDGET] == BudgetLimits(1, 0.5, 6.0)
    assert params[NEW_POLICY]() is None


def test_the_reserve_of_a_budget_is_divided_among_workers() -> None:
    params = params_of("  service: {retries: {budget: {minRetriesPerSec: 8}}}\n", Params().put(WORKERS, 4))
    bound = BoundName(Path.read("/#/web"), Path(), Fixed(AddrPending()))

    client = params[CLIENT_PARAMS](params, bound)
    service = params[PATH_PARAMS](params, WEB)

    assert client[REQUEUE_BUDGET] == BudgetLimits(2.5, 0.2, 10.0)
    assert service[RETRY_RULES].budget == BudgetLimits(2.0, 0.2, 10.0)


def test_a_client_is_what_the_entry_for_its_name_says() -> None:
    more = (
        "  client:\n"
        "    kind: io.l5d.static\n"
        "    configs:\n"
        "    - {prefix: '/#/fs/{service}', hostConnectionPool: {maxSize: 7}}\n"
    )

    assert client_of(more)[POOL_LIMITS].max_size == 7
    assert client_of(more, "/#/other/web")[POOL_LIMITS] == PoolLimits()


def test_a_connector_of_a_test_stays() -> None:
    async def connector(_endpoint: Endpoint) -> Any:
        raise AssertionError

    assert client_of(first=Params().put(CONNECTOR, connector))[CONNECTOR] is connector
    assert client_of()[CONNECTOR] is not connect


@pytest.mark.parametrize("field", ["failure_accrual", "load_balancer"])
def test_a_kind_that_cannot_be_loaded_is_found_before_the_first_request(field: str) -> None:
    broken = Chosen(Kind("broken", Category.ACCRUAL, "", factory="no_such_module:make"), None)
    settings = settings_of()
    client: Any = settings.client.default
    changed = broken if field == "failure_accrual" else attrs.evolve(client.load_balancer, chosen=broken)
    client = attrs.evolve(client, **{field: changed})
    settings = attrs.evolve(settings, client=attrs.evolve(settings.client, default=client))

    with pytest.raises(PluginError, match="cannot load no_such_module:make"):
        router_params(settings, Params(), lambda below, _client: below)


def test_a_client_may_introduce_whom_it_speaks_for() -> None:
    assert client_of("  client: {proxyProtocol: v2}\n")[INTRODUCES] == Introduction("v2")
    assert client_of()[INTRODUCES] is None


def test_a_client_that_is_introduced_over_tls_connects_without_it() -> None:
    tls = client_of("  client: {tls: {disableValidation: true}}\n")
    introduced = client_of("  client: {proxyProtocol: v1, tls: {disableValidation: true}}\n")

    introduction = introduced[INTRODUCES]
    assert introduction is not None
    assert introduction != Introduction("v1")
    assert isinstance(getattr(tls[CONNECTOR], "__self__", None), TlsConnector)
    assert not isinstance(getattr(introduced[CONNECTOR], "__self__", None), TlsConnector)


def test_by_default_a_server_sets_no_limits() -> None:
    (server,) = settings_of().servers

    params = server_params(server, Params())

    assert (params[MAX_CONCURRENT], params[TIMEOUT_SECONDS]) == (None, None)


def test_the_limits_of_a_server_are_those_of_its_file() -> None:
    (server,) = settings_of(server=", maxConcurrentRequests: 3, timeoutMs: 2500").servers

    params = server_params(server, Params())

    assert (params[MAX_CONCURRENT], params[TIMEOUT_SECONDS]) == (3, 2.5)
