"""Sessions that take several calls at a time: how many are opened, and what becomes of one that takes no more."""

import trio
import trio.testing

from mesh.errors import ConnectFailed
from mesh.pool_limits import PoolLimits
from tests.sessions import Bench, Caller, callers, callers_at_once
from tests.waiting import settled


async def test_calls_wait_for_the_session_that_is_being_opened(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    bench = Bench(nursery, capacity=10, seconds=0.05)
    pool = bench.pool(PoolLimits(calls_per_session=10))

    made = await callers_at_once(8, nursery, pool)

    assert all(caller.done for caller in made)
    assert bench.calls == [8]


async def test_more_calls_than_it_will_take_open_another(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    bench = Bench(nursery, capacity=10, seconds=0.05)
    pool = bench.pool(PoolLimits(calls_per_session=10))

    made = await callers_at_once(25, nursery, pool)

    assert all(caller.done for caller in made)
    assert sorted(bench.calls) == [5, 10, 10]


async def test_calls_that_a_session_being_opened_has_room_for_wait_for_it_when_another_is_open(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    bench = Bench(nursery, capacity=2, seconds=0.05)
    pool = bench.pool(PoolLimits(calls_per_session=2))
    await callers(2, nursery, pool)
    await trio.sleep(0.01)
    await callers(2, nursery, pool)

    await trio.sleep(0.1)

    assert bench.calls == [2, 2]


async def test_calls_that_wait_for_an_opening_are_no_crowd(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    bench = Bench(nursery, capacity=10, seconds=0.05)
    pool = bench.pool(PoolLimits(calls_per_session=10, max_size=1, max_waiters=0))

    made = await callers_at_once(11, nursery, pool)

    assert sum(caller.done for caller in made) == 10
    assert bench.stats.too_many_waiters == 1


async def test_sessions_that_take_less_than_expected_are_opened_for_all(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    bench = Bench(nursery, capacity=1, seconds=0.01)
    pool = bench.pool(PoolLimits(calls_per_session=10))

    made = await callers_at_once(4, nursery, pool)

    assert all(caller.done for caller in made)
    assert bench.calls == [1, 1, 1, 1]


async def test_a_failure_to_connect_is_told_to_all_who_wait(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    bench = Bench(nursery, capacity=10, seconds=0.05, outcomes=[ConnectFailed("nobody is there")])
    pool = bench.pool(PoolLimits(calls_per_session=10))

    made = await callers_at_once(5, nursery, pool)

    assert [type(caller.error) for caller in made] == [ConnectFailed] * 5


async def test_a_session_that_leaves_takes_no_place(nursery: trio.Nursery) -> None:
    bench = Bench(nursery, capacity=10)
    pool = bench.pool(PoolLimits(calls_per_session=10, max_size=1))
    (first,) = await callers(1, nursery, pool)

    bench.sessions[0].leaving = True
    bench.sessions[0].set_capacity(0)
    second = Caller(nursery, pool)
    await settled()

    assert first.done
    assert second.done
    assert bench.calls == [1, 1]
    assert bench.stats.size == 1
