"""The filter of one logical name's retries, in front of scripted answers."""

from collections.abc import Iterator
from typing import Any

import attrs

from mesh import (
    CLASSIFIER,
    LIFE,
    METRICS,
    ONE_SHOT,
    PATH,
    Classifier,
    HttpRequest,
    Life,
    MeshError,
    Metrics,
    Params,
    Path,
    Reply,
)
from mesh.testing import Scripted
from mesh_plugins.filters.budget import BudgetLimits
from mesh_plugins.filters.retries import (
    IS_UNPROCESSED,
    RETRY_MANNERS,
    RETRY_RULES,
    SHARED_BUDGETS,
    RetryManners,
    RetryRules,
    SharedBudgets,
    retries,
)
from mesh_plugins.http.classifiers import RETRYABLE_READ
from mesh_plugins.http.nack import is_unprocessed
from tests.plugins.rest import numbers


def rules(
    *pauses: float, attempts: int = 3, limits: BudgetLimits | None = None, buffer_bytes: int = 65536
) -> RetryRules:
    def schedule() -> Iterator[float]:
        return iter(pauses or (0.0,) * 100)

    return RetryRules(limits or BudgetLimits(), schedule, attempts, buffer_bytes)


@attrs.define(eq=False)
class Bench:
    """The filter of `/svc/web` in front of scripted answers."""

    rules: RetryRules = attrs.field(factory=rules)
    classifier: Classifier = RETRYABLE_READ
    metrics: Metrics = attrs.field(factory=Metrics)
    one_shot: bool = False
    budgets: SharedBudgets = attrs.field(factory=SharedBudgets)
    manners: RetryManners = attrs.field(factory=RetryManners)
    below: Scripted = attrs.field(factory=Scripted)
    service: Any = None

    async def send(self, asked: HttpRequest, *answers: Any) -> Reply | MeshError:
        """Return what came of a request that gets these answers."""
        if self.service is None:
            self.service = retries(self.params, lambda _params: lambda asked: self.below(asked))
        self.below = Scripted(*answers)
        try:
            answered: Reply = await self.service(asked)
        except MeshError as error:
            return error
        return answered

    @property
    def params(self) -> Params:
        params = Params().put(LIFE, Life(None)).put(METRICS, self.metrics).put(PATH, Path.read("/svc/web"))
        params = params.put(ONE_SHOT, self.one_shot).put(SHARED_BUDGETS, self.budgets).put(CLASSIFIER, self.classifier)
        params = params.put(RETRY_RULES, self.rules).put(IS_UNPROCESSED, is_unprocessed)
        return params.put(RETRY_MANNERS, self.manners)

    @property
    def attempts(self) -> int:
        return len(self.below.requests)

    def count(self, name: str) -> float:
        return numbers(self.metrics, "service/svc/web/retries")[name]
