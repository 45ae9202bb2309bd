"""Retries: a request that failed is sent again, if its classifier says so, within a budget and after a pause.

They stand above the binding, so each attempt draws anew among the branches of a weighted union, and goes to an endpoint
that the request has not been to. A requeue repeats what was certainly not begun, and needs no leave; a retry repeats what
may have been done, and does so only where a stack file allows it. What breaks is sent so often by both together: each repeat
of either counts.
Source: linkerd router/core, ClassifiedRetries.scala; finagle-core, service/RetryBudget.scala. The limit per request is ours.
"""

from collections.abc import Callable

import attrs
import trio

from mesh import (
    CLASSIFIER,
    EMPTY,
    LIFE,
    ONE_SHOT,
    OTHER,
    AnyService,
    Classifier,
    Context,
    Make,
    MeshError,
    Metrics,
    Module,
    Outcome,
    Param,
    Params,
    Reply,
    Request,
    UpstreamBroken,
    ZeroFilledHistogram,
    bind,
    classify_errors,
    is_success,
)
from mesh_plugins.accrual.backoff import Schedule, constant
from mesh_plugins.filters.budget import BudgetLimits, RetryBudget, UnspentBudget
from mesh_plugins.filters.client_limits import stands
from mesh_plugins.filters.holding import HOLD_SECONDS, hold
from mesh_plugins.filters.replay import Recording
from mesh_plugins.scopes import service_scope

MAX_ATTEMPTS = 3  # linkerd has no limit: a service that always fails is asked 101 times, until the budget is spent
BUFFER_BYTES = 65536
LONGEST_PUSHBACK = 30.0  # seconds an endpoint may make a request wait here: who wants more is told by its caller


@attrs.frozen(eq=False)
class RetryRules:
    """How often, when, and with how large a body a request is sent again.

    A reply whose head does not tell whether it failed is held back for `hold_seconds` at most.
    """

    budget: BudgetLimits = attrs.field(factory=BudgetLimits)
    schedule: Schedule = lambda: constant(0.0)
    max_attempts: int = MAX_ATTEMPTS
    buffer_bytes: int = BUFFER_BYTES
    hold_seconds: float = HOLD_SECONDS


class SharedBudgets:
    """The budgets of the logical names that have no stack of their own, one for all: inventing names earns no retries."""

    __slots__ = ("_budgets",)

    def __init__(self) -> None:
        self._budgets: dict[BudgetLimits, RetryBudget] = {}

    def get(self, limits: BudgetLimits) -> RetryBudget:
        """Return the budget with these limits; there are as many as a stack file has settings."""
        budget = self._budgets.get(limits)
        if budget is None:
            budget = self._budgets[limits] = RetryBudget(limits, trio.lowlevel.current_clock().current_time)
        return budget


def _never(_reply: Reply) -> bool:
    return False


def _no_say(_failed: Reply | MeshError) -> float | None:
    return None


def _unmarked(_request: Request, _retries: int) -> None:
    """Tell nothing of the attempts before."""


RETRY_RULES = Param(RetryRules(), "retry rules")
SHARED_BUDGETS = Param(SharedBudgets(), "shared retry budgets")
NEVER_RETRYING: Param[tuple[Classifier, ...]] = Param((classify_errors,), "classifiers that never ask for a retry")
"""Where one of them decides, no retries are built."""
IS_UNPROCESSED: Param[Callable[[Reply], bool]] = Param(_never, "is unprocessed")
"""Whether a reply that is a failure says that no work was done for the request; the protocol knows."""


@attrs.frozen
class RetryManners:
    """What a protocol has to say of retries.

    `records_unsized`: a body is kept of which nobody said how long it is, since its clients never say. `pushback` returns
    after how many seconds an endpoint wants to be asked again, in place of the usual pause: negative is never, None no say.
    `mark` lets a request say that it was sent so often before.
    """

    records_unsized: bool = False
    pushback: Callable[[Reply | MeshError], float | None] = _no_say
    mark: Callable[[Request, int], None] = _unmarked


RETRY_MANNERS = Param(RetryManners(), "retry manners")


class RetryCounts:
    """The metrics of one logical name's retries."""

    __slots__ = ("exhausted", "limit", "per_request", "too_late", "too_long", "total")

    def __init__(self, scope: Metrics, budget: RetryBudget | UnspentBudget) -> None:
        retries, requests = scope.scope("retries"), scope.histogram("request_latency_ms")
        self.total = retries.counter("total")
        self.per_request = retries.histogram(
            "per_request", make=lambda rotation: ZeroFilledHistogram(rotation, requests)
        )
        self.exhausted = retries.counter("budget_exhausted")
        self.limit = retries.counter("request_limit")
        self.too_long = retries.counter("request_stream_too_long")
        self.too_late = retries.counter("classification_timeout")
        if scope.name != OTHER:
            retries.gauge("budget", fn=lambda: budget.balance)


class Retries:
    """The filter of one logical name. The reply of a failed attempt is closed before the next begins."""

    __slots__ = ("_budget", "_classifier", "_counts", "_is_unprocessed", "_manners", "_rules")

    def __init__(
        self,
        rules: RetryRules,
        budget: RetryBudget,
        classifier: Classifier,
        counts: RetryCounts,
        is_unprocessed: Callable[[Reply], bool] = _never,
        manners: RetryManners = RETRY_MANNERS.default,
    ) -> None:
        self._rules = rules
        self._budget = budget
        self._classifier = classifier
        self._counts = counts
        self._is_unprocessed = is_unprocessed
        self._manners = manners

    async def __call__(self, request: Request, service: AnyService, /) -> Reply:
        self._budget.deposit()
        recording = None
        if request.body is not EMPTY and request.body.buffered is None:
            size, most = request.body.size, self._rules.buffer_bytes
            if self._manners.records_unsized if size is None else size <= most:
                recording = Recording(request.body, most)
                request.body = recording.body()
        again = request.keep()  # as it came: what is changed of it below must not reach the next attempt
        try:
            reply: Reply = await service(request)
        except MeshError as error:
            return await self._retry(again(), service, error, recording)
        if reply.outcome or is_success(request, reply, self._classifier):
            return reply
        return await self._retry(again(), service, reply, recording)

    async def _retry(
        self, request: Request, service: AnyService, failed: Reply | MeshError, recording: Recording | None
    ) -> Reply:
        context = request.context
        pauses = self._rules.schedule()
        retries = 0
        try:
            while True:
                if isinstance(failed, Reply) and failed.outcome is None:
                    failed = await self._held(request, recording, failed)
                if not self._is_retryable(request, failed):
                    break
                pause = _longer(next(pauses, None), self._manners.pushback(failed))
                if pause is None or not self._may_retry(request, recording, _made(failed, retries, context), pause):
                    break
                if isinstance(failed, Reply):
                    await failed.aclose()
                retries += 1
                self._counts.total.value += 1
                context.attempt += 1
                if context.endpoint is not None and context.endpoint not in context.tried:
                    context.tried = (*context.tried, context.endpoint)
                if pause:
                    await trio.sleep(pause)
                before, failed = failed, await self._attempt(request, service, recording, retries)
                if stands(before, failed):
                    failed = before
                    context.attempt -= 1
                    break
        finally:
            self._counts.per_request.add(retries)
        if isinstance(failed, Reply):
            return failed
        raise failed

    async def _held(self, request: Request, recording: Recording | None, reply: Reply) -> Reply | MeshError:
        """Wait for the first of a reply whose head did not tell what it is, if it could be retried, but not for long."""
        if is_success(request, reply, self._classifier) or reply.outcome is not None or reply.whole:
            return reply
        if recording is None and request.body.buffered is None:
            return reply
        result = await hold(reply, self._rules.hold_seconds)
        if result is None:
            self._counts.too_late.value += 1
        return reply if result is None else result

    def _is_retryable(self, request: Request, failed: Reply | MeshError) -> bool:
        if isinstance(failed, Reply) and is_success(request, failed, self._classifier):
            return False
        judge = request.context.classifier or self._classifier
        outcome = judge(request, failed)
        if outcome is Outcome.FAILURE and isinstance(failed, Reply):
            return self._is_unprocessed(failed)
        return outcome is Outcome.RETRYABLE

    async def _attempt(
        self, request: Request, service: AnyService, recording: Recording | None, retries: int
    ) -> Reply | MeshError:
        attempt = request.again()
        self._manners.mark(attempt, retries)
        if recording is not None:
            attempt.body = recording.body()
        try:
            reply: Reply = await service(attempt)
        except MeshError as error:
            return error
        return reply

    def _may_retry(self, request: Request, recording: Recording | None, made: int, pause: float) -> bool:
        """Return whether one more attempt can be made, after `made`, and waited for, and pay for it."""
        counts = self._counts
        if request.body.buffered is None and (recording is None or recording.overflowed):
            counts.too_long.value += 1
            return False
        if made >= self._rules.max_attempts:
            counts.limit.value += 1
            return False
        expiry = request.context.expiry
        if expiry is not None and trio.current_time() + pause >= expiry.at:
            return False
        if not self._budget.try_withdraw():
            counts.exhausted.value += 1
            return False
        return True


def _made(failed: Reply | MeshError, retries: int, context: Context) -> int:
    """Return how many attempts count: where the last one broke, requeues have seen to that, and theirs do."""
    return (context.attempt if isinstance(failed, UpstreamBroken) else retries) + 1


def _longer(pause: float | None, pushback: float | None) -> float | None:
    """Return how long to wait: what the endpoint says counts, if it has a say; None for no retry."""
    if pause is None or pushback is None:
        return pause
    return pushback if 0.0 <= pushback <= LONGEST_PUSHBACK else None


def retries(params: Params, rest: Make) -> AnyService:
    """Wrap the rest of a path stack; where nothing is ever retried only metrics are added."""
    below, rules, classifier, scope = rest(params), params[RETRY_RULES], params[CLASSIFIER], service_scope(params)
    if classifier in params[NEVER_RETRYING] or rules.max_attempts <= 1:
        show_unspent(scope, rules.budget)
        return below
    if params[ONE_SHOT]:
        budget = params[SHARED_BUDGETS].get(rules.budget)
    else:
        budget = RetryBudget(rules.budget, trio.lowlevel.current_clock().current_time)
    if scope.name != OTHER:
        params[LIFE].on_close(scope.hold())
    counts = RetryCounts(scope, budget)
    manners = params[RETRY_MANNERS]
    return bind(Retries(rules, budget, classifier, counts, params[IS_UNPROCESSED], manners), below)


def show_unspent(scope: Metrics, limits: BudgetLimits) -> None:
    """Show the metrics of retries of a logical name that never needs one, whose budget only earns."""
    if scope.name != OTHER:
        RetryCounts(scope, UnspentBudget(limits, scope.counter("requests"), trio.lowlevel.current_clock().current_time))


RETRIES = Module(
    "retries",
    retries,
    above=("binding",),
    below=("service_stats", "via", "total_timeout"),
    why="each attempt draws anew among bound names, and one request is one however many attempts it takes",
    section="service",
)
