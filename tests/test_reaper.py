"""Sessions that are closed since they are idle for too long, or too old: in a pool, which is what a reaper is part of."""

import trio
import trio.testing

from mesh.message import Request
from mesh.pool_limits import PoolLimits
from tests.sessions import Bench, Caller
from tests.waiting import settled


def closed(bench: Bench) -> list[bool]:
    return [session.closed for session in bench.sessions]


async def test_a_session_is_closed_when_it_was_idle_whatever_the_smallest_size(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    bench = Bench(nursery)
    service = bench.pool(PoolLimits(min_size=1, session_idle_seconds=10))
    await (await service(Request())).aclose()

    await trio.sleep(9.9)
    before = closed(bench)
    await trio.sleep(0.2)

    assert (before, closed(bench)) == ([False], [True])
    assert (bench.stats.expired_idle, bench.stats.expired_lifetime, bench.stats.size) == (1, 0, 0)


async def test_the_sooner_of_two_idle_times_counts_above_the_smallest_size(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    bench = Bench(nursery)
    service = bench.pool(PoolLimits(min_size=1, idle_seconds=5, session_idle_seconds=10))
    replies = [await service(Request()) for _number in range(2)]
    for reply in replies:
        await reply.aclose()

    await trio.sleep(6)
    first = closed(bench)
    await trio.sleep(5)

    assert (first, closed(bench)) == ([True, False], [True, True])


async def test_a_session_that_is_free_is_closed_at_its_age(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    bench = Bench(nursery)
    service = bench.pool(PoolLimits(session_life_seconds=10))
    for _second in range(9):
        await (await service(Request())).aclose()
        await trio.sleep(1)
    before = closed(bench)

    await trio.sleep(1.1)
    await (await service(Request())).aclose()

    assert (before, closed(bench)) == ([False], [True, False])
    assert (bench.stats.expired_lifetime, bench.calls) == (1, [9, 1])


async def test_a_session_that_is_too_old_ends_its_call_and_takes_no_other(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    bench = Bench(nursery)
    service = bench.pool(PoolLimits(session_life_seconds=10))
    stream = await service(Request())

    await trio.sleep(20)
    before = closed(bench)
    await stream.aclose()

    assert (before, closed(bench)) == ([False], [True])
    assert (bench.stats.size, bench.stats.cached) == (0, 0)


async def test_a_shared_session_that_is_too_old_ends_with_its_last_call(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    bench = Bench(nursery, capacity=100)
    service = bench.pool(PoolLimits(session_life_seconds=10))
    first, second = await service(Request()), await service(Request())
    await trio.sleep(11)
    third = await service(Request())

    await first.aclose()
    between = closed(bench)
    await second.aclose()
    await third.aclose()

    assert (between, closed(bench), bench.calls) == ([False, False], [True, False], [2, 1])


async def test_who_waits_gets_a_new_session_in_the_place_of_one_that_was_too_old(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    bench = Bench(nursery)
    service = bench.pool(PoolLimits(max_size=1, session_life_seconds=10))
    stream = await service(Request())
    waiting = Caller(nursery, service)
    await trio.sleep(20)

    await stream.aclose()
    await settled()

    assert (waiting.done, bench.calls) == (True, [1, 1])


async def test_no_task_is_left_when_every_session_is_closed(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    bench = Bench(nursery)
    service = bench.pool(PoolLimits(session_idle_seconds=10, session_life_seconds=60))
    await (await service(Request())).aclose()
    await settled()
    running = len(nursery.child_tasks)

    await trio.sleep(11)

    assert (running, len(nursery.child_tasks)) == (1, 0)


async def test_without_limits_no_task_is_started(nursery: trio.Nursery, autojump_clock: trio.testing.MockClock) -> None:
    bench = Bench(nursery)
    service = bench.pool(PoolLimits())

    await (await service(Request())).aclose()

    assert len(nursery.child_tasks) == 0
