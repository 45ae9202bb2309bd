"""Which requests are sent again, when, and how often."""

from typing import Any

import pytest
import trio
import trio.testing

from mesh import (
    AttemptTimeout,
    Classifier,
    ConnectFailed,
    DeadlineExceeded,
    Endpoint,
    Expiry,
    HttpReply,
    HttpRequest,
    MeshError,
    Metrics,
    Reply,
    TotalTimeout,
)
from mesh.testing import Trickle, reply, request
from mesh_plugins.filters.budget import BudgetLimits
from mesh_plugins.filters.client_limits import RepeatRefused
from mesh_plugins.filters.retries import (
    NEVER_RETRYING,
    SharedBudgets,
    retries,
)
from mesh_plugins.http.classifiers import RETRYABLE_ALL, RETRYABLE_READ, non_retryable_5xx
from tests.plugins.filters.retrying import Bench, rules
from tests.plugins.rest import Rest, numbers

A, B = Endpoint("10.0.0.1", 80), Endpoint("10.0.0.2", 80)


async def test_a_failure_that_may_be_retried_is() -> None:
    bench = Bench()
    bad, good = reply(500), reply(200)

    answered = await bench.send(request(), bad, good)

    assert (answered, bad.closed, good.closed) == (good, True, False)
    assert (bench.count("total"), bench.count("per_request.max")) == (1, 1)


@pytest.mark.parametrize("bad", [reply(500, b"why"), AttemptTimeout("slow")], ids=["reply", "error"])
async def test_where_no_more_repeats_are_taken_on_the_first_failure_is_the_answer(bad: Reply | MeshError) -> None:
    bench, asked = Bench(), request()

    answered = await bench.send(asked, bad, RepeatRefused("too many"))

    assert (answered, bench.attempts, asked.context.attempt) == (bad, 2, 0)


async def test_a_reply_that_streamed_is_gone_when_no_more_repeats_are_taken_on() -> None:
    bench, refused = Bench(), RepeatRefused("too many")

    assert await bench.send(request(), reply(500, Trickle(b"why")), refused) == refused


async def test_an_error_that_may_be_retried_is() -> None:
    bench = Bench()

    answered = await bench.send(request(), AttemptTimeout("slow"), ConnectFailed("refused"), reply(204))

    assert isinstance(answered, HttpReply)
    assert (answered.status, bench.attempts) == (204, 3)


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (request(), reply(404)),
        (request("POST"), reply(500)),
        (request("POST"), AttemptTimeout("slow")),
        (request(), TotalTimeout("late")),
        (request(), DeadlineExceeded("late")),
    ],
    ids=str,
)
async def test_what_may_not_be_retried_is_returned_as_it_is(asked: HttpRequest, answer: Any) -> None:
    bench = Bench()

    answered = await bench.send(asked, answer)

    assert (answered, bench.attempts, bench.count("total")) == (answer, 1, 0)


async def test_a_request_is_tried_so_often_and_its_last_reply_is_the_answer() -> None:
    bench = Bench()
    replies = [reply(500), reply(502), reply(503)]

    answered = await bench.send(request(), *replies)

    assert [(made is answered, made.closed) for made in replies] == [(False, True), (False, True), (True, False)]
    assert (bench.count("total"), bench.count("request_limit"), bench.count("per_request.max")) == (2, 1, 2)


async def test_the_last_error_is_raised_as_it_is() -> None:
    errors = [ConnectFailed("one"), ConnectFailed("two"), ConnectFailed("three")]

    answered = await Bench().send(request(), *errors)

    assert answered is errors[-1]


async def test_the_pauses_are_waited_for_in_order(autojump_clock: trio.testing.MockClock) -> None:
    started = trio.current_time()

    await Bench(rules(1.0, 2.0)).send(request(), reply(500), reply(500), reply(200))

    assert trio.current_time() - started == 3.0


async def test_when_the_pauses_end_the_retries_do() -> None:
    bench = Bench(rules(0.0, attempts=9))

    await bench.send(request(), reply(500), reply(500))

    assert bench.attempts == 2


async def test_a_reply_is_closed_before_the_pause(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    bench, bad = Bench(rules(5.0)), reply(500, Trickle(b"why"))

    nursery.start_soon(bench.send, request(), bad, reply(200))
    await trio.sleep(1.0)

    assert bad.closed


async def test_nobody_waits_for_an_attempt_that_would_come_too_late(autojump_clock: trio.testing.MockClock) -> None:
    asked, bad, started = request(), reply(500), trio.current_time()
    asked.context.expiry = Expiry(started + 1.0, TotalTimeout, "late")

    answered = await Bench(rules(1.0)).send(asked, bad)

    assert (answered, bad.closed, trio.current_time()) == (bad, False, started)


async def test_every_request_earns_and_every_retry_is_paid_for() -> None:
    bench = Bench(rules(limits=BudgetLimits(0, 0.5, 10.0)))

    first = [await bench.send(request(), reply(500)), await bench.send(request(), reply(500), reply(200))]
    third = await bench.send(request(), reply(500))

    statuses = [answered.status for answered in (*first, third) if isinstance(answered, HttpReply)]
    assert statuses == [500, 200, 500]
    assert (bench.count("budget_exhausted"), bench.count("budget"), bench.count("total")) == (2, 0, 1)


async def test_a_retry_goes_elsewhere() -> None:
    asked, tried = request(), list[Any]()

    def at(endpoint: Endpoint) -> Any:
        def answer(sent: HttpRequest) -> HttpReply:
            tried.append((sent.context.tried, sent.context.attempt))
            sent.context.endpoint = endpoint
            return reply(500)

        return answer

    await Bench().send(asked, at(A), at(B), at(A))

    assert tried == [((), 0), ((A,), 1), ((A, B), 2)]


async def test_what_an_attempt_changed_of_the_request_does_not_reach_the_next() -> None:
    seen = []

    def spoil(sent: HttpRequest) -> HttpReply:
        seen.append((sent.target, list(sent.headers)))
        sent.headers.append((b"x-spoilt", b"1"))
        sent.target = b"/spoilt"
        return reply(500)

    await Bench().send(request(headers={"host": "web"}), spoil, spoil, spoil)

    assert seen == [(b"/", [(b"host", b"web")])] * 3


async def reading(sent: HttpRequest) -> HttpReply:
    content = b""
    while piece := await sent.body.receive():
        content += piece
    return reply(500, content)


async def test_a_body_that_comes_from_the_client_is_sent_again_as_a_whole() -> None:
    bench = Bench(classifier=RETRYABLE_ALL)
    asked = request("POST", body=Trickle(b"ab", b"cd", size=4))

    answered = await bench.send(asked, reply(500), reading, reading)

    assert isinstance(answered, HttpReply)
    assert answered.body.buffered == b"abcd"


@pytest.mark.parametrize("size", [5, None], ids=["too large", "of unknown size"])
async def test_a_body_that_cannot_be_kept_is_sent_once(size: int | None) -> None:
    bench = Bench(rules(buffer_bytes=4), RETRYABLE_ALL)

    answered = await bench.send(request("POST", body=Trickle(b"abc", b"de", size=size)), reading)

    assert isinstance(answered, HttpReply)
    assert (answered.status, answered.body.buffered) == (500, b"abcde")
    assert (bench.count("request_stream_too_long"), bench.count("total")) == (1, 0)


async def test_a_failure_that_says_it_was_not_processed_is_retried_whatever_the_classifier_says() -> None:
    bench = Bench()

    answered = await bench.send(request("POST"), reply(500, headers={"l5d-retryable": "true"}), reply(200))

    assert isinstance(answered, HttpReply)
    assert (answered.status, bench.count("total")) == (200, 1)


async def test_a_cancelled_request_is_not_retried(autojump_clock: trio.testing.MockClock) -> None:
    bench, bad = Bench(rules(5.0)), reply(500)

    with trio.move_on_after(1.0):
        await bench.send(request(), bad, reply(200))

    assert (bench.attempts, bad.closed, bench.count("per_request.count")) == (1, True, 1)


@pytest.mark.parametrize("params", [(non_retryable_5xx, 3), (RETRYABLE_READ, 1)], ids=["classifier", "one attempt"])
async def test_nothing_is_built_where_nothing_is_retried_but_metrics_are_shown(params: tuple[Classifier, int]) -> None:
    classifier, attempts = params
    bench, rest = Bench(rules(attempts=attempts), classifier), Rest()

    built = retries(bench.params.put(NEVER_RETRYING, (non_retryable_5xx,)), rest)

    assert built is rest.services[0]
    assert [bench.count(name) for name in ("total", "budget_exhausted", "budget", "per_request.count")] == [
        0,
        0,
        100,
        0,
    ]


async def test_where_nothing_is_retried_the_metrics_go_by_the_requests_that_are_counted_anyway() -> None:
    bench = Bench(classifier=non_retryable_5xx)
    service = bench.metrics.scope("service", "svc/web", label=True)
    retries(bench.params.put(NEVER_RETRYING, (non_retryable_5xx,)), Rest())

    for _request in range(10):
        service.counter("requests").value += 1
        service.histogram("request_latency_ms").add(5.0)

    assert [bench.count(name) for name in ("budget", "per_request.count", "per_request.max")] == [102, 10, 0]


async def test_names_without_a_stack_of_their_own_share_one_budget() -> None:
    limits, budgets = BudgetLimits(1, 0.0, 1.0), SharedBudgets()
    metrics = Metrics()
    benches = [Bench(rules(limits=limits), metrics=metrics, one_shot=True, budgets=budgets) for _ in range(2)]

    attempts = []
    for bench in benches:
        await bench.send(request(), reply(500), reply(200), reply(200))
        attempts.append(bench.attempts)

    assert attempts == [2, 1]
    assert "budget" not in numbers(metrics, "service/other/retries")
