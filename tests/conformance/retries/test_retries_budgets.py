"""What linkerd's own tests expect of classifiers, budgets, retries and deadlines, each by itself, case by case.

Left out is what HTTP/1.1 has not: classifiers of HTTP/2 and gRPC. Where a case has `here`, that is what we answer on purpose,
and `why`. Chunked requests are not classified otherwise: they are not retried because they cannot be sent again.
"""

from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing
import yaml

from mesh import (
    CLASSIFIER,
    LIFE,
    METRICS,
    PATH,
    AttemptTimeout,
    Backoff,
    Classifier,
    ConfigError,
    Counter,
    DeadlineExceeded,
    Expiry,
    HttpReply,
    HttpRequest,
    Life,
    MeshError,
    Metrics,
    Outcome,
    Params,
    TotalTimeout,
    UpstreamBroken,
    UpstreamProtocolError,
    load,
)
from mesh import Path as Name
from mesh.config import read_text
from mesh.plugins import find
from mesh.settings import ServiceSettings
from mesh.testing import ManualClock, Scripted, Trickle, reply, request
from mesh_plugins.accrual.backoff import schedule
from mesh_plugins.filters.budget import BudgetLimits, RetryBudget
from mesh_plugins.filters.retries import RETRY_RULES, RetryRules, retries
from mesh_plugins.http.classifiers import RETRYABLE_ALL
from mesh_plugins.http.deadline import DeadlineReader
from mesh_plugins.http.errors import status_of
from tests.plugins.rest import numbers
from tests.proxies import one, stacks

# A case's own shape depends on its title, so it is `Any` until the test takes it apart.
Case = Any

CASES = {case["id"]: case for case in yaml.safe_load((Path(__file__).parent / "linkerd.yaml").read_text())}
ERRORS: dict[str, MeshError] = {
    "request timeout": AttemptTimeout("slow"),
    "channel closed": UpstreamBroken("closed"),
    "total timeout 1s": TotalTimeout("late"),
    "framing error in the response": UpstreamProtocolError("two lengths"),
}


def expected(case: Case) -> Case:
    return case.get("here", case["expect"])


def service(**settings: Any) -> ServiceSettings:
    """Read the settings as those of a service. Raises `ConfigError`."""
    text = stacks(one(1, service=settings))
    return read_text(text, file="stack.yaml", kinds=find()).stack.routers[0].service.default


def classifier(case: Case) -> Classifier:
    chosen = service(responseClassifier=case["given"]["classifier"]).response_classifier
    assert chosen is not None
    made: Classifier = load(chosen.kind)(chosen.config)
    return made


@pytest.mark.parametrize("name", ["classifier-002", "classifier-003"])
def test_a_classifier_goes_by_method_and_status(name: str) -> None:
    case, classify = CASES[name], classifier(CASES[name])
    table = case["given"]["table"]

    said = {
        (method, status): classify(HttpRequest(method.encode(), b"/", []), HttpReply(status))
        for method in table["methods"]
        for status in table["statuses"]
    }

    expect = expected(case)
    for (method, status), outcome in said.items():
        wanted = Outcome.RETRYABLE if method in expect["retryable_failure_methods_on_5XX"] else Outcome.FAILURE
        assert (method, status, outcome) == (method, status, Outcome.SUCCESS if status < 500 else wanted)


@pytest.mark.parametrize("name", ["classifier-008", "classifier-009"])
def test_an_exception_of_a_read_may_be_retried(name: str) -> None:
    case = CASES[name]

    outcome = classifier(case)(request(case["given"]["method"]), ERRORS[case["given"]["exception"]])

    assert (outcome, expected(case)["class"]) == (Outcome.RETRYABLE, "retryable_failure")


def stand(rules: RetryRules, metrics: Metrics, below: Scripted) -> Any:
    params = Params().put(LIFE, Life(None)).put(METRICS, metrics).put(PATH, Name.read("/svc/web"))
    return retries(params.put(CLASSIFIER, RETRYABLE_ALL).put(RETRY_RULES, rules), lambda _params: below)


async def test_a_chunked_request_is_never_retried() -> None:
    below = Scripted(reply(500))

    answered = await stand(RetryRules(), Metrics(), below)(request("POST", body=Trickle(b"a")))

    assert (answered.status, len(below.requests)) == (500, 1)
    assert expected(CASES["classifier-011"])["class"] == "non_retryable_failure"


async def test_the_backoffs_are_waited_for_in_order(autojump_clock: trio.testing.MockClock) -> None:
    case, metrics, started = CASES["retry-008"], Metrics(), trio.current_time()
    rules = RetryRules(schedule=lambda: iter(map(float, case["given"]["backoffs_s"])))

    await stand(rules, metrics, Scripted(reply(500), reply(500), reply(200)))(request())

    counted, expect = numbers(metrics, "service/svc/web/retries"), expected(case)
    assert trio.current_time() - started == expect["answered_after_s"]
    assert [counted["per_request.max"]] == expect["retries_per_request"]
    assert counted["total"] == expect["retries_total"]


async def test_retries_end_with_the_budget(autojump_clock: trio.testing.MockClock) -> None:
    case, metrics, started = CASES["retry-010"], Metrics(), trio.current_time()
    settings = service(retries={"backoff": case["given"]["backoff"], "budget": case["given"]["budget"]}).retries
    budget = settings.budget
    limits = BudgetLimits(budget.min_retries_per_sec, budget.percent_can_retry, float(budget.ttl_secs))
    rules = RetryRules(limits, schedule(settings.backoff), max_attempts=1000)

    await stand(rules, metrics, Scripted(*[reply(500) for _ in range(9)]))(request())

    expect = expected(case)
    assert (trio.current_time() - started) * 1e3 == pytest.approx(expect["fails_after_ms"])
    assert numbers(metrics, "service/svc/web/retries")["total"] == expect["retries_total"]


def test_a_constant_backoff_is_read() -> None:
    case = CASES["retry-012"]

    backoff = service(retries=yaml.safe_load(case["given"]["yaml"])).retries.backoff

    assert backoff == Backoff(**expected(case)["backoff"])


@pytest.mark.parametrize("name", ["retry-budget-001", "retry-budget-003"])
def test_a_budget_out_of_bounds_is_refused(name: str) -> None:
    with pytest.raises(ConfigError):
        service(retries={"budget": CASES[name]["given"]})


@pytest.mark.parametrize(
    "name", [name for name in CASES if name.startswith("retry-budget") and "clock" in CASES[name]["given"]]
)
def test_a_budget_grants_its_share(name: str) -> None:
    given, expect = CASES[name]["given"], expected(CASES[name])
    limits = BudgetLimits(given["minRetriesPerSec"], given["percentCanRetry"], float(given["ttlSecs"]))
    budget = RetryBudget(limits, ManualClock())

    first = budget.balance
    granted = 0
    for _ in range(given.get("requests", 0)):
        budget.deposit()
        granted += budget.try_withdraw()
    for _ in range(given.get("deposits", 0)):
        budget.deposit()

    assert first == expect.get("initial_balance", first)
    assert granted == pytest.approx(expect.get("retries", granted), abs=expect.get("tolerance", 0))
    assert budget.balance == expect.get("balance", budget.balance)


@pytest.mark.parametrize("name", ["error-008", "error-009"])
def test_an_error_has_its_status(name: str) -> None:
    case = CASES[name]

    assert status_of(ERRORS[case["given"]["raise"]]) == expected(case)["status"]


def test_the_strictest_of_all_deadlines_holds() -> None:
    case = CASES["l5d-header-010"]
    second = 1_000_000_000
    given, expect = case["given"], expected(case)["deadline"]
    fields = [
        ("l5d-ctx-deadline", f"{item['timestamp_s'] * second} {item['deadline_s'] * second}")
        for item in given["request_headers"]
    ]
    asked = request(headers=fields)
    asked.context.expiry = Expiry(given["current"]["deadline_s"], DeadlineExceeded, "deadline", stays=True)

    DeadlineReader(Counter(), Metrics().histogram("ms"), lambda: given["now_s"], lambda: given["now_s"])(asked)

    assert asked.context.expiry.at == expect["deadline_s"]
    assert asked.headers[0][1].split()[0] == b"%d" % (expect["timestamp_s"] * second)
