"""Second attempts for requests that take long: when there is one, who wins, and what becomes of the other."""

from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import pytest
import trio
import trio.testing
from trio.testing import MockClock

from mesh import (
    BOUND,
    CLASSIFIER,
    LIFE,
    METRICS,
    PATH,
    Addr,
    AddrPending,
    BoundName,
    ConnectFailed,
    Endpoint,
    Expiry,
    HttpReply,
    HttpRequest,
    Life,
    MeshError,
    Metrics,
    Outcome,
    Overloaded,
    Params,
    Path,
    Reply,
    RetryBudget,
    TotalTimeout,
    Var,
)
from mesh.testing import Trickle, reply, request
from mesh_plugins.filters.hedge import Alarm, HedgeConfig, Race, hedge
from mesh_plugins.filters.requeues import REPEATABLE
from mesh_plugins.filters.stats import LOST
from mesh_plugins.http.classifiers import non_retryable_5xx
from mesh_plugins.http.protocol import is_repeatable
from tests.plugins.rest import numbers

A, B = Endpoint("10.0.0.1", 80), Endpoint("10.0.0.2", 80)
Step = tuple[float, Reply | Exception]
"""After how many seconds an endpoint answers, and what."""


@attrs.define(eq=False)
class Bench:
    """The filter in the client stack of one name, in front of endpoints that answer each in its time."""

    life: Life
    config: HedgeConfig = attrs.field(factory=lambda: HedgeConfig(delay_ms=1000))
    metrics: Metrics = attrs.field(factory=Metrics)
    steps: list[Step] = attrs.field(factory=list)
    attempts: list[HttpRequest] = attrs.field(factory=list)
    cancelled: list[tuple[Endpoint, str]] = attrs.field(factory=list)
    given: list[Reply] = attrs.field(factory=list)
    service: Callable[[HttpRequest], Awaitable[Any]] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        name = BoundName(Path.read("/#/fs/web"), Path(), Var[Addr](AddrPending()))
        params = Params().put(LIFE, self.life).put(METRICS, self.metrics).put(CLASSIFIER, non_retryable_5xx)
        params = params.put(REPEATABLE, is_repeatable).put(BOUND, name)
        self.service = hedge(self.config).wrap(params, lambda _params: self._serve)

    async def _serve(self, asked: HttpRequest) -> Reply:
        seconds, answer = self.steps[len(self.attempts)]
        asked.context.endpoint = B if A in asked.context.tried else A
        self.attempts.append(asked)
        try:
            await trio.sleep(seconds)
        except trio.Cancelled:
            self.cancelled.append((asked.context.endpoint, asked.context.flags))
            raise
        if isinstance(answer, Exception):
            raise answer
        asked.context.made(answer)
        self.given.append(answer)
        return answer

    async def send(self, asked: HttpRequest, *steps: Step) -> tuple[Any, float]:
        """Return what came of a request whose attempts go so, and after how many seconds."""
        self.steps = list(steps)
        self.attempts.clear()
        started = trio.current_time()
        try:
            answered: Any = await self.service(asked)
        except MeshError as error:
            answered = error
        return answered, round(trio.current_time() - started, 6)

    @property
    def counts(self) -> tuple[float, float, float]:
        """How many second attempts were sent, won, and could not be paid for."""
        found = numbers(self.metrics, "client/#/fs/web/backups")
        return found["backups_sent"], found["backups_won"], found["budget_exhausted"]


@pytest.fixture
def bench(life: Life) -> Bench:
    return Bench(life)


async def test_a_request_that_is_answered_in_time_is_sent_once(bench: Bench, autojump_clock: MockClock) -> None:
    ok = reply()

    assert await bench.send(request(), (0.9, ok)) == (ok, 0.9)
    assert (len(bench.attempts), ok.closed, bench.counts) == (1, False, (0, 0, 0))


async def test_a_second_attempt_goes_elsewhere_and_wins_if_it_is_faster(
    bench: Bench, autojump_clock: MockClock
) -> None:
    asked, ok = request(), reply()

    assert await bench.send(asked, (9.0, reply()), (0.5, ok)) == (ok, 1.5)
    assert [attempt.context.endpoint for attempt in bench.attempts] == [B, B]
    assert (bench.cancelled, bench.counts) == ([(A, LOST)], (1, 1, 0))
    assert (asked.context.endpoint, asked.context.tried, asked.context.attempt) == (B, (A, B), 1)
    assert (asked.context.flags, asked.context.replies, ok.closed) == ("", ok, False)


async def test_the_first_attempt_may_still_win(bench: Bench, autojump_clock: MockClock) -> None:
    asked, ok = request(), reply()

    assert await bench.send(asked, (1.2, ok), (9.0, reply())) == (ok, 1.2)
    await trio.testing.wait_all_tasks_blocked()

    assert (bench.cancelled, bench.counts) == ([(B, LOST)], (1, 0, 0))
    assert (asked.context.endpoint, asked.context.flags) == (A, "")


async def test_the_attempts_share_neither_headers_nor_context(bench: Bench, autojump_clock: MockClock) -> None:
    asked = request(headers={"host": "web"})

    await bench.send(asked, (1.2, reply()), (9.0, reply()))

    first, second = bench.attempts
    assert (first is asked, second.headers) == (True, first.headers)
    assert (second.headers is first.headers, second.context is first.context) == (False, False)


async def test_a_failed_reply_waits_for_the_better_one_and_is_closed(bench: Bench, autojump_clock: MockClock) -> None:
    bad, ok = reply(500), reply()

    assert await bench.send(request(), (1.2, bad), (0.5, ok)) == (ok, 1.5)
    assert (bad.closed, ok.closed) == (True, False)


@pytest.mark.parametrize(
    ("first", "second"),
    [(reply(500), reply(502)), (ConnectFailed("one"), ConnectFailed("two"))],
    ids=["replies", "errors"],
)
async def test_if_both_fail_the_earlier_failure_is_the_answer(
    bench: Bench, first: Any, second: Any, autojump_clock: MockClock
) -> None:
    asked = request()

    assert await bench.send(asked, (1.2, first), (0.5, second)) == (first, 1.5)
    assert asked.context.tried == (A, B)
    if isinstance(second, HttpReply):
        assert (first.closed, second.closed) == (False, True)


async def test_that_a_second_attempt_could_not_be_sent_is_no_answer(bench: Bench, autojump_clock: MockClock) -> None:
    bad = reply(500)

    assert await bench.send(request(), (1.2, bad), (0.0, Overloaded("too many"))) == (bad, 1.2)


async def test_a_failure_before_the_delay_is_not_for_hedging_to_mend(bench: Bench, autojump_clock: MockClock) -> None:
    error = ConnectFailed("refused")

    assert await bench.send(request(), (0.5, error)) == (error, 0.5)
    assert len(bench.attempts) == 1


async def test_two_good_answers_at_one_moment_leave_one_open(bench: Bench, autojump_clock: MockClock) -> None:
    one, other = reply(200, Trickle(b"a")), reply(200, Trickle(b"b"))

    answered, _seconds = await bench.send(request(), (2.0, one), (1.0, other))
    await trio.testing.wait_all_tasks_blocked()

    assert answered in (one, other)
    assert [made.closed for made in bench.given if made is not answered] in ([], [True])
    assert not answered.closed


@pytest.mark.parametrize(
    "asked", [request("POST"), request("PUT", body=Trickle(b"a"))], ids=["not idempotent", "body not in memory"]
)
async def test_what_cannot_be_sent_twice_is_sent_once(
    bench: Bench, asked: HttpRequest, autojump_clock: MockClock
) -> None:
    ok = reply()

    assert await bench.send(asked, (5.0, ok)) == (ok, 5.0)


async def test_second_attempts_are_paid_for(life: Life, autojump_clock: MockClock) -> None:
    budget = RetryBudget(min_retries_per_sec=0, percent_can_retry=0.5, ttl_secs=60)
    bench = Bench(life, HedgeConfig(delay_ms=1000, budget=budget))

    seconds = [(await bench.send(request(), (3.0, reply()), (0.5, reply())))[1] for _ in range(4)]

    assert seconds == [3.0, 1.5, 3.0, 1.5]
    assert bench.counts == (2, 2, 2)


async def test_requests_under_way_at_once_are_each_hedged_in_their_time(
    bench: Bench, autojump_clock: MockClock
) -> None:
    took = []

    async def send(after: float) -> None:
        await trio.sleep(after)
        took.append((await bench.send(request(), (1.5, reply()), (9.0, reply())))[1])

    async with trio.open_nursery() as senders:
        for number in range(3):
            senders.start_soon(send, number * 10.0)

    assert (took, bench.counts) == ([1.5, 1.5, 1.5], (3, 0, 0))


async def test_a_shorter_delay_wakes_the_alarm_earlier(life: Life, autojump_clock: MockClock) -> None:
    alarm, rung = Alarm(life), list[float]()

    for at in (5.0, 2.0, 9.0):
        alarm.plan(at, Race(non_retryable_5xx, request()), lambda: rung.append(trio.current_time()))
        await trio.testing.wait_all_tasks_blocked()
    over = Race(non_retryable_5xx, request())
    await over.end()
    alarm.plan(1.0, over, lambda: rung.append(trio.current_time()))
    await trio.sleep(20.0)

    assert rung == [2.0, 5.0, 9.0]


async def test_by_default_the_slowest_twentieth_is_hedged(life: Life, autojump_clock: MockClock) -> None:
    bench = Bench(life, HedgeConfig())
    unknown = (await bench.send(request(), (9.0, reply())))[1]
    for number in range(100):
        await bench.send(request(), (0.1 if number < 90 else 0.2, reply()), (9.0, reply()))

    known = (await bench.send(request(), (9.0, reply()), (0.0, reply())))[1]

    assert unknown == 9.0
    assert known == pytest.approx(0.2, rel=0.05)
    assert numbers(bench.metrics)["client/#/fs/web/backups/send_backup_after_ms"] == pytest.approx(200, rel=0.05)


async def test_a_cancelled_request_leaves_nothing_behind(bench: Bench, autojump_clock: MockClock) -> None:
    asked, bad = request(), reply(500)
    asked.context.flags = "DC client_gone"

    with trio.move_on_after(3.0):
        await bench.send(asked, (1.2, bad), (9.0, reply()))
    await trio.testing.wait_all_tasks_blocked()

    assert (bad.closed, bench.cancelled) == (True, [(B, "DC client_gone")])


async def test_an_error_that_is_no_mesh_error_is_raised_as_it_is(bench: Bench, autojump_clock: MockClock) -> None:
    with pytest.raises(ZeroDivisionError):
        await bench.send(request(), (1.2, ZeroDivisionError()), (0.5, ConnectFailed("refused")))


async def test_both_attempts_are_bounded_by_the_requests_expiry(bench: Bench, autojump_clock: MockClock) -> None:
    asked = request()
    expiry = asked.context.expiry = Expiry(trio.current_time() + 5.0, TotalTimeout, "late")

    await bench.send(asked, (1.2, reply()), (9.0, reply()))

    assert [attempt.context.expiry for attempt in bench.attempts] == [expiry, expiry]


async def test_in_a_service_stack_the_metrics_are_the_services(life: Life) -> None:
    metrics = Metrics()
    params = Params().put(LIFE, life).put(METRICS, metrics).put(PATH, Path.read("/svc/web"))

    hedge(HedgeConfig()).wrap(params, lambda _params: lambda _asked: trio.sleep_forever())

    assert "service/svc/web/backups/backups_sent" in numbers(metrics)


async def test_a_reply_of_which_only_the_end_will_tell_is_taken(bench: Bench, autojump_clock: MockClock) -> None:
    begun = reply(200, Trickle(b"a"))
    bench.steps = [(0.5, begun), (0.0, reply(200))]
    asked = request()
    asked.context.classifier = lambda _request, _result: Outcome.UNDECIDED

    answered = await bench.service(asked)

    assert (answered, len(bench.attempts)) == (begun, 1)
