"""One endpoint behind an accrual, to try policies and endings on."""

import attrs
import pytest

from mesh import (
    BOUND,
    BREAKERS,
    CLASSIFIER,
    ENDPOINT,
    HEALTH,
    LIFE,
    METRICS,
    Addr,
    AddrBound,
    AnyService,
    BoundName,
    Breakers,
    ConnectFailed,
    Endpoint,
    Fixed,
    Health,
    HttpRequest,
    Life,
    Metrics,
    Params,
    Path,
    Reply,
    Status,
)
from mesh.testing import reply, request
from mesh_plugins.accrual.accrual import NEW_POLICY, Policy, accrual
from mesh_plugins.http.classifiers import non_retryable_5xx
from tests.plugins.rest import Rest, numbers, raising

ENDPOINT_A = Endpoint("10.0.0.1", 80)


class Told:
    """A policy that gives prepared answers to failures, and remembers what it was told."""

    def __init__(self, *seconds: float | None) -> None:
        self.seconds = list(seconds)
        self.told: list[str] = []

    def succeeded(self) -> None:
        self.told.append("success")

    def failed(self) -> float | None:
        self.told.append("failure")
        return self.seconds.pop(0) if self.seconds else None

    def revived(self) -> None:
        self.told.append("revival")


@attrs.define(eq=False)
class Bench:
    """One endpoint behind an accrual. `ok`, `fail` and `ignore` send a request with that outcome."""

    life: Life
    policy: Policy
    health: Health = attrs.field(factory=Health)
    rest: Rest = attrs.field(factory=Rest)
    metrics: Metrics = attrs.field(factory=Metrics)
    breakers: Breakers = attrs.field(factory=Breakers)
    service: AnyService = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        addr = Fixed[Addr](AddrBound((ENDPOINT_A,)))
        params = Params().put(LIFE, self.life).put(METRICS, self.metrics).put(HEALTH, self.health)
        params = params.put(BOUND, BoundName(Path.read("/#/fs/web"), Path(), addr)).put(ENDPOINT, ENDPOINT_A)
        params = params.put(CLASSIFIER, non_retryable_5xx).put(NEW_POLICY, lambda: self.policy)
        params = params.put(BREAKERS, self.breakers)
        self.service = accrual(params, self.rest)

    async def send(self, status: int = 200, asked: HttpRequest | None = None) -> Reply:
        self.rest.answer = lambda _request: reply(status)
        answered: Reply = await self.service(request() if asked is None else asked)
        return answered

    async def fail(self, error: Exception | None = None) -> None:
        self.rest.answer = raising(ConnectFailed("refused") if error is None else error)
        with pytest.raises(ConnectFailed if error is None else type(error)):
            await self.service(request())

    def status(self) -> Status:
        return self.health.status

    @property
    def counts(self) -> dict[str, float]:
        return dict(numbers(self.metrics, "client/#/fs/web/failure_accrual"))


def counted(removals: int = 0, revivals: int = 0, probes: int = 0, removed_for_ms: int = 0) -> dict[str, float]:
    return {"removals": removals, "revivals": revivals, "probes": probes, "removed_for_ms": removed_for_ms}
