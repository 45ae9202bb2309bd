"""How many of a client's endpoints may be dead at a time."""

import pytest

from mesh import (
    BOUND,
    CLASSIFIER,
    ENDPOINT,
    HEALTH,
    LIFE,
    METRICS,
    Addr,
    AddrBound,
    AnyService,
    BoundName,
    Endpoint,
    Fixed,
    Life,
    Metrics,
    Params,
    Path,
    Status,
)
from mesh.testing import reply, request
from mesh_plugins.accrual.accrual import MAX_EJECTION_PERCENT, NEW_POLICY, accrual
from mesh_plugins.accrual.consecutive import ConsecutiveConfig, consecutive
from mesh_plugins.balancers.members import MEMBERS, Members
from mesh_plugins.balancers.p2c import P2CConfig, p2c
from mesh_plugins.http.classifiers import non_retryable_5xx
from tests.plugins.rest import Rest, numbers


def three(life: Life, most_percent: float, metrics: Metrics) -> tuple[Members, list[AnyService]]:
    """Return the members of a balancer with three endpoints, and each one's stack, whose requests all fail."""
    endpoints = tuple(Endpoint(f"10.0.0.{number}", 80) for number in range(3))
    members = Members(p2c(P2CConfig())())
    members.update(endpoints)
    bound = BoundName(Path.read("/#/fs/web"), Path(), Fixed[Addr](AddrBound(endpoints)))
    params = Params().put(LIFE, life).put(METRICS, metrics).put(BOUND, bound).put(MEMBERS, members)
    params = params.put(CLASSIFIER, non_retryable_5xx).put(MAX_EJECTION_PERCENT, most_percent)
    params = params.put(NEW_POLICY, consecutive(ConsecutiveConfig(2)))
    rest = Rest(lambda _request: reply(500))
    return members, [
        accrual(params.put(ENDPOINT, node.endpoint).put(HEALTH, node.health), rest) for node in members.nodes.values()
    ]


@pytest.mark.parametrize(("most_percent", "busy"), [(100, 3), (99, 2), (67, 2), (66, 1), (34, 1), (33, 0), (0, 0)])
async def test_no_more_endpoints_die_than_may(life: Life, most_percent: float, busy: int) -> None:
    metrics = Metrics()
    members, services = three(life, most_percent, metrics)

    for _time in range(2):
        for service in services:
            await service(request())

    assert members.census[Status.BUSY] == busy
    if most_percent < 100:
        assert numbers(metrics, "client/#/fs/web/failure_accrual")["removals_overflow"] == 3 - busy


async def test_an_endpoint_that_may_not_die_begins_anew(life: Life) -> None:
    metrics = Metrics()
    members, services = three(life, 0, metrics)

    for _time in range(7):
        await services[0](request())

    assert members.census[Status.BUSY] == 0
    assert numbers(metrics, "client/#/fs/web/failure_accrual")["removals_overflow"] == 3
