"""What Finagle does with budgets, back-offs and breakers, case by case, from the YAML file beside this one.

Where a case has `here`, that is what we answer on purpose, and `why`. Beyond that:

* Nothing counts as `cannot_retry`: whether the balancer has an open endpoint does not end the requeues, since it fails open.
* A budget whose time to live is out of range is refused when the stack file is read, in other words than Finagle's.

Left out is what is not built: the back-offs that no stack file can ask for (backoff-002, 004 and 006), and token
buckets with a limit (token_bucket-004). So are the cases of the deadline filter (deadline_filter-*), which counts
what is late and serves it all the same, or four in five of it: here none is served. So are the cases of the fields in
which Finagle's own HTTP carries overrides, contexts and refusals (http_dtab_*, http_context_write, http_wire_*,
http_nack_server): as in linkerd they pass through untouched, and `l5d-*` fields say the same.
"""

from itertools import islice

import pytest
import yaml

from mesh import (
    ConfigError,
    ConnectFailed,
    MeshError,
    Metrics,
    Nacked,
    Overloaded,
    Reply,
    Request,
    UpstreamBroken,
)
from mesh.config import read_text
from mesh.metrics import flat
from mesh.plugins import find
from mesh.testing import ManualClock, reply, request
from mesh_plugins.filters import requeues
from mesh_plugins.filters.budget import BudgetLimits, RetryBudget, TokenBucket, WindowedAdder
from tests.conformance.finagle.cases import Case, cases, schedule_of
from tests.conformance.finagle.java_random import JavaRandom


@pytest.mark.parametrize(("given", "expect"), cases("java_random"))
def test_the_source_draws_as_javas_does(given: Case, expect: Case) -> None:
    assert JavaRandom(given["seed"]).next_long(given["bound_ns"]) == expect["first_draw"]


@pytest.mark.parametrize(("given", "expect"), cases("backoff"))
def test_a_backoff_waits_as_long(given: Case, expect: Case) -> None:
    waits = list(islice(schedule_of(given["backoff"])(), given["n"]))

    assert [wait * 1e3 for wait in waits] == pytest.approx(expect, rel=1e-9)


@pytest.mark.parametrize(("given", "expect"), cases("windowed_adder"))
def test_a_windowed_adder_has_the_same_sums(given: Case, expect: Case) -> None:
    clock = ManualClock()
    adder = WindowedAdder(given["range"] / 1e3, given["slices"], clock)
    sums = []
    for step, number in given["steps"]:
        if step == "advance":
            clock.advance(number / 1e3)
        else:
            adder.add(number)
        sums.append(adder.sum())

    assert sums == expect


@pytest.mark.parametrize(("given", "expect"), cases("token_bucket"))
def test_a_token_bucket_gives_as_much(given: Case, expect: Case) -> None:
    clock = ManualClock()
    bucket = TokenBucket(given["ttl_ms"] / 1e3, given["reserve"], clock)
    seen: list[object] = []
    for step, number in given["steps"]:
        match step:
            case "advance":
                clock.advance(number / 1e3)
                seen.append(bucket.count)
            case "put":
                bucket.add(number)
                seen.append(bucket.count)
            case _:
                seen.append({"ok": bucket.try_take(number), "count": bucket.count})

    assert seen == expect


def budget_of(given: Case, clock: ManualClock) -> RetryBudget:
    """Make the budget that a case describes, its limits as a stack file gives them. Raises `ConfigError`."""
    keys = {"minRetriesPerSec": given["min"], "percentCanRetry": given["pct"], "ttlSecs": given["ttl_s"]}
    router = {"protocol": "http", "servers": [{"port": 0}], "client": {"requeueBudget": keys}}
    text = yaml.safe_dump({"routers": [router]})
    limits = read_text(text, file="stack.yaml", kinds=find()).stack.routers[0].client.default.requeue_budget
    return RetryBudget(BudgetLimits(limits.min_retries_per_sec, limits.percent_can_retry, limits.ttl_secs), clock)


@pytest.mark.parametrize(("given", "expect"), cases("retry_budget"))
def test_a_retry_budget_allows_as_many(given: Case, expect: Case) -> None:
    clock = ManualClock()
    if "error" in expect:
        with pytest.raises(ConfigError, match="ttlSecs"):
            budget_of(given, clock)
        return
    budget = budget_of(given, clock)
    seen: list[object] = []
    for step in given["steps"]:
        match step:
            case "b":
                seen.append(budget.balance)
            case "d":
                budget.deposit()
                seen.append(budget.balance)
            case "w":
                seen.append({"ok": budget.try_withdraw(), "balance": budget.balance})
            case ["advance", ms]:
                clock.advance(ms / 1e3)
                seen.append(budget.balance)
            case ["load", times]:
                seen.append(sum(deposited_and_withdrawn(budget) for _time in range(times)))

    assert seen == expect


def deposited_and_withdrawn(budget: RetryBudget) -> bool:
    budget.deposit()
    return budget.try_withdraw()


OUTCOMES: dict[str, MeshError] = {
    "failfast": ConnectFailed("the endpoint is known to be down"),
    "write": UpstreamBroken("the write failed", retryable=True),
    "nack": Nacked("refused"),
    "nonretry": Overloaded("refused, and not to be tried again"),
    "plain": MeshError("anything else"),
}


@pytest.mark.parametrize(("given", "expect"), cases("requeue_filter"))
async def test_requests_are_requeued_as_often(given: Case, expect: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requeues, "SHARE_PER_REQUEST", given["max_retries_percent"])
    metrics, tries = Metrics(), 0
    filter_ = requeues.Requeues(budget_of(given, ManualClock()), metrics)
    seen = []
    for outcomes in given["requests"]:
        tries = 0

        async def answer(_request: Request, /, outcomes: list[str] = outcomes) -> Reply:
            nonlocal tries
            outcome = outcomes[min(tries, len(outcomes) - 1)]
            tries += 1
            if outcome != "ok":
                raise OUTCOMES[outcome]
            return reply()

        try:
            await filter_(request(), answer)
            result = "ok"
        except MeshError:
            result = "exc"
        counts = {name: flat(metrics)[f"retries/{name}"] for name in ("requeues", "budget_exhausted", "request_limit")}
        seen.append({"tries": tries, "result": result, **counts})

    assert seen == [{name: value for name, value in known(one).items() if name != "cannot_retry"} for one in expect]


def known(expected: Case) -> dict[str, object]:
    """Return what is expected of a request, whatever exception ended it."""
    assert not expected.get("cannot_retry")
    return {**expected, "result": expected["result"].partition(" ")[0]}
