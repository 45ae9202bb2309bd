"""The state machine that marks an endpoint busy."""

import contextlib

import pytest
import trio
import trio.testing

from mesh import (
    BOUND,
    BREAKERS,
    ENDPOINT,
    HEALTH,
    LIFE,
    METRICS,
    Addr,
    AddrBound,
    BoundName,
    Breakers,
    ClientGone,
    ConnectFailed,
    Fixed,
    Health,
    HttpReply,
    Life,
    MeshError,
    Metrics,
    Outcome,
    Overloaded,
    Params,
    Path,
    Reply,
    Request,
    Status,
    UpstreamBroken,
)
from mesh.testing import Trickle, request
from mesh_plugins.accrual.accrual import NEW_POLICY, accrual
from mesh_plugins.accrual.consecutive import ConsecutiveConfig, NoneConfig, consecutive, none
from tests.plugins.accrual.breaking import ENDPOINT_A, Bench, Told, counted
from tests.plugins.rest import Rest, hanging


async def test_an_endpoint_is_busy_when_the_policy_says_so_and_open_again_after_its_time(
    life: Life, autojump_clock: trio.testing.MockClock
) -> None:
    bench = Bench(life, Told(None, 5.0))
    await bench.fail()
    assert bench.status() is Status.OPEN

    await bench.fail()
    assert bench.status() is Status.BUSY
    await trio.sleep(4.9)
    assert bench.status() is Status.BUSY
    await trio.sleep(0.2)

    assert bench.status() is Status.OPEN
    assert bench.counts == counted(removals=1, removed_for_ms=5000)


async def test_a_dead_endpoint_refuses_nothing_by_itself(life: Life) -> None:
    bench = Bench(life, Told(5.0))
    await bench.fail()

    answered = await bench.send()

    assert isinstance(answered, HttpReply)
    assert bench.status() is Status.BUSY


async def test_one_request_probes_and_keeps_the_others_away_meanwhile(
    life: Life, nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    bench = Bench(life, Told(5.0))
    await bench.fail()
    await trio.sleep(6.0)
    bench.rest.answer = hanging

    nursery.start_soon(bench.service, request())
    await trio.testing.wait_all_tasks_blocked()

    assert bench.status() is Status.BUSY
    assert bench.counts["probes"] == 1
    nursery.cancel_scope.cancel()


async def test_a_probe_that_succeeds_revives(life: Life, autojump_clock: trio.testing.MockClock) -> None:
    policy = Told(5.0)
    bench = Bench(life, policy)
    await bench.fail()
    await trio.sleep(6.0)

    await bench.send()

    assert bench.status() is Status.OPEN
    assert policy.told == ["failure", "revival", "success"]
    assert bench.counts == counted(removals=1, revivals=1, probes=1, removed_for_ms=5000)


async def test_a_probe_that_fails_is_dead_again_and_no_new_removal(
    life: Life, autojump_clock: trio.testing.MockClock
) -> None:
    bench = Bench(life, Told(5.0, 10.0))
    await bench.fail()
    await trio.sleep(6.0)

    await bench.fail()

    assert bench.status() is Status.BUSY
    await trio.sleep(9.0)
    assert bench.status() is Status.BUSY
    await trio.sleep(2.0)
    assert bench.status() is Status.OPEN
    assert bench.counts == counted(removals=1, probes=1, removed_for_ms=15_000)


async def test_a_probe_whose_failure_the_policy_forgives_lets_the_next_one_probe(
    life: Life, autojump_clock: trio.testing.MockClock
) -> None:
    bench = Bench(life, Told(5.0, None))
    await bench.fail()
    await trio.sleep(6.0)

    await bench.fail()
    assert bench.status() is Status.OPEN
    await bench.send()

    assert bench.counts == counted(removals=1, revivals=1, probes=2, removed_for_ms=5000)


@pytest.mark.parametrize("error", [Overloaded("too many wait"), ClientGone("left"), LookupError("a plugin's")])
async def test_a_probe_that_says_nothing_of_the_endpoint_lets_the_next_one_probe(
    life: Life, autojump_clock: trio.testing.MockClock, error: Exception
) -> None:
    policy = Told(5.0)
    bench = Bench(life, policy)
    await bench.fail()
    await trio.sleep(6.0)

    await bench.fail(error)

    assert bench.status() is Status.OPEN
    assert policy.told == ["failure"]


async def test_a_probe_that_is_cancelled_lets_the_next_one_probe(
    life: Life, autojump_clock: trio.testing.MockClock
) -> None:
    bench = Bench(life, Told(5.0))
    await bench.fail()
    await trio.sleep(6.0)
    bench.rest.answer = hanging

    with trio.move_on_after(1.0):
        await bench.service(request())

    assert bench.status() is Status.OPEN


@pytest.mark.parametrize("error", [Overloaded("too many wait"), ClientGone("left"), LookupError("a plugin's")])
async def test_what_is_not_the_endpoints_fault_does_not_count(life: Life, error: Exception) -> None:
    policy = Told(5.0)

    await Bench(life, policy).fail(error)

    assert policy.told == []


async def test_a_success_counts_while_the_endpoint_is_dead_and_does_not_revive_it(life: Life) -> None:
    policy = Told(5.0)
    bench = Bench(life, policy)
    await bench.fail()

    await bench.send()

    assert policy.told == ["failure", "success"]
    assert bench.status() is Status.BUSY


@pytest.mark.parametrize("seconds", [1.0, 6.0], ids=["dead", "probe open"])
async def test_an_old_request_that_fails_late_says_nothing_new(
    life: Life, nursery: trio.Nursery, autojump_clock: trio.testing.MockClock, seconds: float
) -> None:
    policy = Told(5.0)
    bench = Bench(life, policy)

    async def fail_late(_request: Request) -> Reply:
        await trio.sleep(seconds)
        raise ConnectFailed("refused")

    async def send_old() -> None:
        with pytest.raises(ConnectFailed):
            await bench.service(request())

    bench.rest.answer = fail_late
    nursery.start_soon(send_old)
    await trio.testing.wait_all_tasks_blocked()
    await bench.fail()
    await trio.sleep(seconds + 0.5)

    assert policy.told == ["failure"]
    assert bench.counts["removals"] == 1


async def test_the_first_of_several_to_end_while_one_probes_decides(
    life: Life, nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    policy = Told(5.0)
    bench = Bench(life, policy)
    await bench.fail()
    await trio.sleep(6.0)
    bench.rest.answer = hanging
    nursery.start_soon(bench.service, request())
    await trio.testing.wait_all_tasks_blocked()

    await bench.send()

    assert bench.status() is Status.OPEN
    assert bench.counts["probes"] == 1
    nursery.cancel_scope.cancel()


def all_well(_request: Request, _result: Reply | MeshError) -> Outcome:
    return Outcome.SUCCESS


async def test_a_reply_fails_if_the_classifier_says_so(life: Life) -> None:
    policy = Told()

    await Bench(life, policy).send(500)

    assert policy.told == ["failure"]


@pytest.mark.parametrize(("error", "told"), [(None, ["success"]), (UpstreamBroken("reset"), ["failure"])])
async def test_a_reply_that_is_still_coming_counts_by_how_it_ends(
    life: Life, error: Exception | None, told: list[str]
) -> None:
    policy = Told()
    bench = Bench(life, policy)
    body = Trickle(b"some", error=error)
    bench.rest.answer = lambda _request: HttpReply(200, body=body)
    got: Reply = await bench.service(request())
    before = list(policy.told)

    with contextlib.suppress(UpstreamBroken):
        while await body.receive():
            pass
    await got.aclose()

    assert (before, policy.told) == ([], told)


async def test_the_classifier_of_the_request_counts_more(life: Life) -> None:
    policy = Told()
    asked = request()
    asked.context.classifier = all_well

    await Bench(life, policy).send(500, asked)

    assert policy.told == ["success"]


async def test_an_endpoint_that_is_let_go_while_dead_leaves_no_task(
    life: Life, autojump_clock: trio.testing.MockClock
) -> None:
    bench = Bench(life, Told(5.0, 5.0))
    await bench.fail()

    life.close()
    await trio.sleep(10.0)

    assert bench.status() is Status.BUSY


async def test_a_failure_after_the_end_of_its_stack_starts_nothing(life: Life) -> None:
    bench = Bench(life, Told(5.0))
    life.close()

    await bench.fail()

    assert bench.status() is Status.BUSY


async def test_without_a_policy_nothing_is_added(life: Life) -> None:
    rest = Rest()
    params = Params().put(LIFE, life).put(NEW_POLICY, none(NoneConfig()))

    service = accrual(params, rest)

    assert rest.services == [service]


async def test_the_policy_is_built_for_each_endpoint_by_its_kind(life: Life) -> None:
    bench = Bench(life, consecutive(ConsecutiveConfig(2))())

    await bench.fail()
    await bench.fail()

    assert bench.status() is Status.BUSY


async def test_an_endpoint_that_died_unreachable_is_probed_as_soon_as_it_is_connected_to(life: Life) -> None:
    bench = Bench(life, Told(5.0))
    bench.health.say("connect", Status.BUSY)
    await bench.fail()

    bench.health.say("connect", Status.OPEN)
    probing = bench.status()
    await bench.send()

    assert (probing, bench.status()) == (Status.OPEN, Status.OPEN)
    assert bench.counts == counted(removals=1, revivals=1, probes=1, removed_for_ms=5000)


async def test_an_endpoint_that_became_unreachable_while_dead_is_probed_early_too(life: Life) -> None:
    bench = Bench(life, Told(5.0))
    await bench.fail(UpstreamBroken("reset"))
    bench.health.say("connect", Status.BUSY)
    await bench.fail()

    bench.health.say("connect", Status.OPEN)

    assert bench.status() is Status.OPEN


async def test_an_endpoint_that_died_of_failures_waits_whatever_connecting_says(life: Life) -> None:
    bench = Bench(life, Told(5.0))
    await bench.fail(UpstreamBroken("reset"))

    bench.health.say("connect", Status.BUSY)
    bench.health.say("connect", Status.OPEN)

    assert bench.status() is Status.BUSY


async def test_an_early_probe_is_not_cut_short_by_the_pause_it_replaced(
    life: Life, autojump_clock: trio.testing.MockClock
) -> None:
    bench = Bench(life, Told(5.0, 30.0))
    bench.health.say("connect", Status.BUSY)
    await bench.fail()
    bench.health.say("connect", Status.OPEN)
    await bench.fail()

    await trio.sleep(10)

    assert bench.status() is Status.BUSY


async def test_a_breaker_is_found_while_its_stack_lives(life: Life) -> None:
    breakers = Breakers()
    own = life.child("endpoint")
    addr = Fixed[Addr](AddrBound((ENDPOINT_A,)))
    params = Params().put(LIFE, own).put(METRICS, Metrics()).put(HEALTH, Health()).put(BREAKERS, breakers)
    params = params.put(BOUND, BoundName(Path.read("/#/fs/web"), Path(), addr)).put(ENDPOINT, ENDPOINT_A)
    accrual(params.put(NEW_POLICY, lambda: Told(5.0)), Rest())

    found = [(placed.client, placed.endpoint) for placed in breakers.find()]
    own.close()

    assert (found, breakers.find()) == ([("/#/fs/web", ENDPOINT_A)], [])


async def test_a_reset_lets_requests_through_for_good(life: Life, autojump_clock: trio.testing.MockClock) -> None:
    policy = Told(5.0)
    breakers = Breakers()
    bench = Bench(life, policy, breakers=breakers)
    await bench.fail()
    (placed,) = breakers.find()
    shown = placed.breaker.show()

    placed.breaker.reset()
    after = (bench.status(), placed.breaker.show())
    await trio.sleep(60)

    assert shown == {"state": "dead", "probe_in_ms": 5000, "status": "busy", "reasons": {"accrual": "busy"}}
    assert after == (Status.OPEN, {"state": "alive", "status": "open", "reasons": {}})
    assert placed.breaker.show()["state"] == "alive"
    assert policy.told == ["failure", "revival"]
