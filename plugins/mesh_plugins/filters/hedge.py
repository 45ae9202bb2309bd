"""Hedging: when an attempt takes longer than most, a second one goes to another endpoint, and the better answer wins.

Theory of operation. The first attempt runs in the task of the request, inside a scope. One task of the stack, the alarm,
waits for the moments when second attempts are due, and begins each in a task of its own, which the stack's life owns, on a
request and a context of its own. Each attempt hands its result to the race, which is over with the first success, or when
nobody is left. Whoever is still running then is cancelled, and whatever lost is closed. No nursery is opened in the
request's task, so no group of errors can leave it.
Source: finagle-core, client/BackupRequestFilter.scala.
"""

import copy
import math
from collections.abc import Callable
from functools import partial
from heapq import heappop, heappush

import attrs
import trio

from mesh import (
    BOUND,
    CLASSIFIER,
    LIFE,
    AnyService,
    Classifier,
    Context,
    Endpoint,
    Histogram,
    Life,
    Make,
    Metrics,
    Module,
    Params,
    Reply,
    Request,
    Unavailable,
    bind,
    is_success,
    key,
)
from mesh import RetryBudget as BudgetKeys
from mesh_plugins.filters.budget import BudgetLimits, RetryBudget
from mesh_plugins.filters.requeues import REPEATABLE
from mesh_plugins.filters.stats import LOST
from mesh_plugins.scopes import client_scope, service_scope

FEWEST = 20  # requests in the last minute, below which nobody knows how long they take
RENEW_SECONDS = 1.0  # how long a delay is used before the percentile is worked out anew, which takes 50 µs


def _a_tenth() -> BudgetKeys:
    return BudgetKeys(min_retries_per_sec=1, percent_can_retry=0.1)


@attrs.frozen(kw_only=True)
class HedgeConfig:
    """Sends a second attempt to another endpoint when the first takes long, and takes the better answer."""

    delay_ms: int | None = key(
        "For how long the first attempt runs alone, in ms; by default that is for `percentile` to say.", None, least=1
    )
    percentile: float = key("The share of the last minute's requests that took no longer, in percent.", 95.0, most=100)
    min_delay_ms: int = key("What the percentile counts as at least, in ms.", 1, least=1)
    budget: BudgetKeys = key("How many second attempts there may be; one in ten by default.", factory=_a_tenth)


Result = tuple[Request, Reply | Exception]
"""An attempt, and what came of it."""


class Race:
    """The attempts of one request. State: those that were begun, how many of them still run, and what came of the others."""

    __slots__ = ("_classifier", "_running", "attempts", "first", "is_over", "results", "second", "settled", "winner")

    def __init__(self, classifier: Classifier, request: Request) -> None:
        """Take the request of the first attempt, which is to be made within the scope `first`."""
        self._classifier = classifier
        self._running = 1
        self.attempts = [request]
        self.first = trio.CancelScope()
        self.second: trio.CancelScope | None = None
        self.results: list[Result] = []
        self.settled = trio.Event()
        self.winner: Result | None = None
        self.is_over = False

    def enter(self, request: Request) -> None:
        """Take in one more attempt."""
        self.attempts.append(request)
        self._running += 1

    async def run(self, request: Request, service: AnyService) -> None:
        """Make an attempt that has entered, and settle the race if it was good, or if nobody is left."""
        result: Reply | Exception
        try:
            result = await service(request)
        except Exception as error:  # noqa: BLE001  whatever it is, it is raised in the request's task
            result = error
        except BaseException:
            self._running -= 1
            self._settle_if_nobody_runs()
            raise
        self._running -= 1
        if self.is_over:
            await _close(result)
            return
        self.results.append((request, result))
        if self.winner is not None:
            return  # both were about to run when the other one won
        # A reply of which only the end will tell has begun, at least.
        if isinstance(result, Reply) and (is_success(request, result, self._classifier) or result.outcome is None):
            self._settle(self.results[-1])
        else:
            self._settle_if_nobody_runs()

    def _settle_if_nobody_runs(self) -> None:
        if not self._running and self.results and self.winner is None:
            answered = [entry for entry in self.results if not isinstance(entry[1], Unavailable)]
            self._settle((answered or self.results)[0])  # that nothing could be sent is no answer beside one

    def _settle(self, winner: Result) -> None:
        self.winner = winner
        for attempt in self.attempts:
            if attempt is not winner[0]:
                attempt.context.flags = LOST
        self.settled.set()
        self.first.cancel()

    def abandon(self, flags: str) -> None:
        """Take it that nobody wins: the request was cancelled. `flags` say why to whoever counts the later attempts."""
        self.winner = None
        for attempt in self.attempts[1:]:
            attempt.context.flags = flags

    async def end(self) -> None:
        """Close every reply but the winner's; what comes from now on is closed at once."""
        self.is_over = True
        for entry in self.results:
            if entry is not self.winner:
                await _close(entry[1])


async def _close(result: Reply | Exception) -> None:
    if isinstance(result, Reply):
        await result.aclose()


class Alarm:
    """Begins second attempts when their moments have come: one task of the stack for all, which sleeps until the next.

    State: what is planned, by moment. What was over before its moment is dropped then, so it costs no waking of its own.
    """

    __slots__ = ("_life", "_number", "_plans", "_scope")

    def __init__(self, life: Life) -> None:
        self._life = life
        self._plans: list[tuple[float, int, Race, Callable[[], None]]] = []
        self._number = 0
        self._scope: trio.CancelScope | None = None

    def plan(self, at: float, race: Race, begin: Callable[[], None]) -> None:
        """Call `begin` when `at` (trio's clock) has come, unless the race is over by then."""
        self._number += 1
        heappush(self._plans, (at, self._number, race, begin))
        if self._scope is None:
            self._scope = trio.CancelScope()
            self._life.start("hedge", self._ring)
        elif at < self._scope.deadline:
            self._scope.deadline = at

    async def _ring(self) -> None:
        plans = self._plans
        while True:
            now = trio.current_time()
            while plans and (plans[0][0] <= now or plans[0][2].is_over):
                _at, _number, race, begin = heappop(plans)
                if race.winner is None and not race.is_over:
                    begin()
            with trio.CancelScope(deadline=plans[0][0] if plans else math.inf) as self._scope:
                await trio.sleep_forever()


class Delay:
    """For how long the first attempt runs alone: fixed, or so that few requests take longer. None: not known yet."""

    __slots__ = ("_clock", "_fixed", "_fraction", "_least", "_renewed", "latency", "seconds")

    def __init__(self, config: HedgeConfig, latency: Histogram, clock: Callable[[], float]) -> None:
        self._fixed = config.delay_ms is not None
        self._fraction = config.percentile / 100.0
        self._least = config.min_delay_ms / 1e3
        self._clock = clock
        self._renewed = clock()
        self.latency = latency
        self.seconds = None if config.delay_ms is None else config.delay_ms / 1e3

    def get(self) -> float | None:
        """Return the seconds, by the latencies of the last minute."""
        now = self._clock()
        if not self._fixed and now - self._renewed >= RENEW_SECONDS:
            self._renewed = now
            seen = self.latency.window()
            known = seen.count >= FEWEST
            self.seconds = max(seen.percentile(self._fraction) / 1e3, self._least) if known else None
        return self.seconds


class Hedge:
    """The filter of one stack."""

    __slots__ = (
        "_alarm",
        "_budget",
        "_classifier",
        "_clock",
        "_delay",
        "_exhausted",
        "_life",
        "_repeatable",
        "_sent",
        "_won",
    )

    def __init__(
        self,
        config: HedgeConfig,
        scope: Metrics,
        life: Life,
        classifier: Classifier,
        repeatable: Callable[[Request], bool],
        clock: Callable[[], float],
    ) -> None:
        budget = config.budget
        limits = BudgetLimits(budget.min_retries_per_sec, budget.percent_can_retry, float(budget.ttl_secs))
        backups = scope.scope("backups")
        self._budget = RetryBudget(limits, clock)
        self._delay = Delay(config, backups.histogram("latency_ms"), clock)
        self._alarm = Alarm(life)
        self._life = life
        self._classifier = classifier
        self._repeatable = repeatable
        self._clock = clock
        self._sent = backups.counter("backups_sent")
        self._won = backups.counter("backups_won")
        self._exhausted = backups.counter("budget_exhausted")
        backups.gauge("send_backup_after_ms", fn=lambda: (self._delay.seconds or 0.0) * 1e3)

    async def __call__(self, request: Request, service: AnyService, /) -> Reply:
        if request.body.buffered is None or not self._repeatable(request) or self._life.closed:
            reply: Reply = await service(request)
            return reply
        self._budget.deposit()
        started = self._clock()
        delay = self._delay.get()
        try:
            if delay is None:
                reply = await service(request)
            else:
                reply = await self._race(request, service, delay)
        finally:
            self._delay.latency.add((self._clock() - started) * 1e3)
        return reply

    async def _race(self, request: Request, service: AnyService, delay: float) -> Reply:
        race, context = Race(self._classifier, request), request.context
        self._alarm.plan(self._clock() + delay, race, partial(self._begin_second, race, request.again(), service))
        try:
            with race.first:
                await race.run(request, service)
            if not race.settled.is_set():
                await race.settled.wait()
        except BaseException:
            race.abandon(context.flags or LOST)
            raise
        finally:
            if race.second is not None:
                race.second.cancel()
            await race.end()
        if context.flags == LOST:
            context.flags = ""
        if race.winner is None:
            raise LookupError("a race was settled without a winner")
        attempt, result = race.winner
        if len(race.attempts) > 1:
            self._note(context, attempt, race.attempts)
        if isinstance(result, Exception):
            raise result
        context.made(result)
        return result

    def _begin_second(self, race: Race, request: Request, service: AnyService) -> None:
        if self._life.closed:
            return
        if not self._budget.try_withdraw():
            self._exhausted.value += 1
            return
        self._sent.value += 1
        context = request.context
        request.context = own = copy.copy(context)
        own.replies = None
        own.attempt += 1
        own.tried = _tried(context)
        race.enter(request)
        race.second = self._life.spawn("hedged attempt", partial(race.run, request, service))

    def _note(self, context: Context, winner: Request, attempts: list[Request]) -> None:
        """Let the context say where the winner went, and where the request has been to."""
        own = winner.context
        if own is not context:
            self._won.value += 1
            context.bound, context.attempt, context.span = own.bound, own.attempt, own.span
        context.tried = tuple(dict.fromkeys(endpoint for each in attempts for endpoint in _tried(each.context)))
        context.endpoint = own.endpoint


def _tried(context: Context) -> tuple[Endpoint, ...]:
    tried: tuple[Endpoint, ...] = context.tried
    known = context.endpoint is None or context.endpoint in tried
    return tried if known else (*tried, context.endpoint)


def hedge(config: HedgeConfig) -> Module:
    """Return the module of one entry of a stack file, for the sections `client` and `service`."""

    def wrap(params: Params, rest: Make) -> AnyService:
        scope = service_scope(params) if params[BOUND] is None else client_scope(params)
        clock = trio.lowlevel.current_clock().current_time
        return bind(
            Hedge(config, scope, params[LIFE], params[CLASSIFIER], params[REPEATABLE], clock), rest(params), "hedge"
        )

    return Module(
        "hedge",
        wrap,
        above=("client_limits", "balancer"),
        below=("router",),
        why="the second attempt is another pick of the balancer, and counts as one of the client's",
    )
