"""What Finagle does with circuit breakers, case by case. `test_finagle.py` says how cases are answered otherwise."""

from collections.abc import Awaitable, Callable, Iterator

import pytest
import trio
import trio.testing

from mesh import (
    ClientGone,
    ConnectFailed,
    Endpoint,
    FailedFast,
    Health,
    Life,
    MeshError,
    Metrics,
    Reply,
    Request,
    UpstreamBroken,
    bind,
)
from mesh.metrics import flat
from mesh.reachability import Reachability, ReachCounts
from mesh.testing import ManualClock, reply, request
from mesh_plugins.accrual.accrual import Accrual, AccrualCounts, Policy
from mesh_plugins.accrual.any_of import AnyOf
from mesh_plugins.accrual.average import Average
from mesh_plugins.accrual.consecutive import Consecutive
from mesh_plugins.accrual.success_rate import SuccessRate, SuccessRateWindowed
from mesh_plugins.http.classifiers import non_retryable_5xx
from tests.conformance.finagle.cases import STATUSES, Case, cases, schedule_of


def policy_of(spec: Case, clock: ManualClock) -> Policy:
    match spec:
        case ["consecutive", failures, backoff]:
            return Consecutive(failures, schedule_of(backoff))
        case ["successRate", required, window, backoff]:
            return SuccessRate(required, window, schedule_of(backoff))
        case ["within", required, window, backoff, least]:
            return SuccessRateWindowed(required, window / 1e3, schedule_of(backoff), clock, least)
        case ["orElse", *policies]:
            return AnyOf([policy_of(one, clock) for one in policies])
    raise AssertionError(f"a policy of unknown form: {spec!r}")


@pytest.mark.parametrize(("given", "expect"), cases("failure_accrual_policy"))
def test_a_policy_lets_an_endpoint_be_dead_as_long(given: Case, expect: Case) -> None:
    clock = ManualClock()
    policy = policy_of(given["policy"], clock)
    seen: list[object] = []
    for step in repeated(given["steps"]):
        match step:
            case ["advance", ms]:
                clock.advance(ms / 1e3)
                seen.append("-")
            case "f":
                seconds = policy.failed()
                seen.append("none" if seconds is None else pytest.approx(seconds * 1e3, rel=1e-9))
            case "s":
                policy.succeeded()
                seen.append("-")
            case "revive":
                policy.revived()
                seen.append("-")

    assert list(unfolded(expect)) == seen


def repeated(steps: Case) -> Iterator[Case]:
    for step in steps:
        match step:
            case ["repeat", times, *inner]:
                yield from inner * times
            case _:
                yield step


@pytest.mark.parametrize(("given", "expect"), cases("ema"))
def test_an_average_moves_as_much(given: Case, expect: Case) -> None:
    average = Average(given["window"][0])

    assert [average.update(*sample) for sample in given["samples"]] == pytest.approx(expect, rel=1e-9)


def unfolded(expect: Case) -> Iterator[object]:
    for item in expect:
        match item:
            case {"times": times, "values": values}:
                yield from values * times
            case {"times": times, "value": value}:
                yield from [value] * times
            case _:
                yield item


@pytest.mark.parametrize(("given", "expect"), cases("failure_accrual_factory"))
async def test_an_endpoint_is_in_the_same_state(
    given: Case, expect: Case, life: Life, nursery: trio.Nursery, mock_clock: trio.testing.MockClock
) -> None:
    metrics, health = Metrics(), Health()
    policy = policy_of(given["policy"], ManualClock())
    accrual = Accrual(policy, health, life, AccrualCounts(metrics), non_retryable_5xx, "endpoint")
    finish, ending = trio.Event(), _fail

    def sending(answer: Callable[[Request], Awaitable[Reply]]) -> Callable[[], Awaitable[None]]:
        service = bind(accrual, answer)

        async def send() -> None:
            try:
                await service(request())
            except MeshError:
                return

        return send

    async def end_late(request: Request, /) -> Reply:
        await finish.wait()
        return await ending(request)

    seen = []
    for step in given["steps"]:
        match step:
            case ["advance", ms]:
                mock_clock.jump(ms / 1e3)
            case "start":
                nursery.start_soon(sending(end_late))
            case "finish_fail" | "finish_ok":
                ending = ENDINGS[step.removeprefix("finish_")]
                finish.set()
            case _:
                await sending(ENDINGS[step])()
        await trio.testing.wait_all_tasks_blocked()
        counts = {name: flat(metrics)[f"failure_accrual/{name}"] for name in expect[0] if name != "status"}
        seen.append({"status": STATUSES[health.status], **counts})

    assert seen == expect


async def _ok(_request: Request, /) -> Reply:
    return reply()


async def _fail(_request: Request, /) -> Reply:
    raise UpstreamBroken("reset")


async def _fail_to_connect(_request: Request, /) -> Reply:
    raise ConnectFailed("refused")


async def _ignorable(_request: Request, /) -> Reply:
    raise ClientGone("left")


ENDINGS = {"ok": _ok, "fail": _fail, "acqfail": _fail_to_connect, "ignorable": _ignorable}


ENDPOINT = Endpoint("10.0.0.1", 80)


@pytest.mark.parametrize(("given", "expect"), cases("fail_fast"))
async def test_an_endpoint_fails_as_fast(
    given: Case, expect: Case, life: Life, mock_clock: trio.testing.MockClock
) -> None:
    health, counts = Health(), ReachCounts()
    up, connects = True, 0

    async def connect() -> bool:
        nonlocal connects
        connects += 1
        if not up:
            error = ConnectFailed("refused")
            reach.failed(error)
            raise error
        reach.succeeded()
        return True

    begin = schedule_of(given["backoff"])
    reach = Reachability(ENDPOINT, health, life, counts, connect, refuses=True, begin=begin)
    seen = []
    for step in given["steps"]:
        result = "-"
        match step:
            case "up" | "down":
                up = step == "up"
            case "acquire":
                try:
                    reach.check()
                    await connect()
                    result = "ok"
                except FailedFast:
                    result = "FailedFastException"
                except ConnectFailed:
                    result = "Exception"
            case ["advance", ms]:
                mock_clock.jump(ms / 1e3)
        await trio.testing.wait_all_tasks_blocked()
        seen.append(
            {
                "result": result,
                "status": STATUSES[health.status],
                "connects": connects,
                "marked_dead": counts.marked_dead,
                "marked_available": counts.marked_available,
                "unhealthy_for_ms": reach.seconds * 1e3,
                "unhealthy_num_tries": reach.tries,
            }
        )

    assert seen == expect
