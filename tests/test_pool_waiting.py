import pytest
import trio
import trio.testing

from mesh.errors import Overloaded, TotalTimeout
from mesh.expiry import Expiry
from mesh.message import Request
from mesh.pool_limits import PoolLimits
from tests.sessions import Bench, Caller, callers, callers_at_once
from tests.waiting import settled


async def test_calls_beyond_the_largest_size_wait_and_are_served_in_order(nursery: trio.Nursery) -> None:
    bench = Bench(nursery)
    service = bench.pool(PoolLimits(max_size=2))
    first, second, third, fourth = await callers(4, nursery, service)
    before = [caller.done for caller in (first, second, third, fourth)]

    await second.close()
    await settled()
    between = [caller.done for caller in (third, fourth)]
    await first.close()
    await settled()

    assert (before, between, fourth.done) == ([True, True, False, False], [True, False], True)
    assert len(bench.sessions) == 2


async def test_nobody_overtakes_a_waiter_that_was_given_a_session(nursery: trio.Nursery) -> None:
    bench = Bench(nursery)
    service = bench.pool(PoolLimits(max_size=1))
    first, second = await callers(2, nursery, service)

    await first.close()
    late = Caller(nursery, service)
    await settled()

    assert (second.done, late.done) == (True, False)


async def test_a_waiter_more_than_allowed_is_refused(nursery: trio.Nursery) -> None:
    bench = Bench(nursery)
    service = bench.pool(PoolLimits(max_size=1, max_waiters=1))
    await callers(2, nursery, service)

    with pytest.raises(Overloaded, match=r"10\.0\.0\.1:80: too many requests wait for one of 1 connections"):
        await service(Request())

    assert (bench.stats.waiters, bench.stats.too_many_waiters) == (1, 1)


async def test_a_cancelled_waiter_leaves_the_queue(nursery: trio.Nursery) -> None:
    bench = Bench(nursery)
    service = bench.pool(PoolLimits(max_size=1))
    first, second, third = await callers(3, nursery, service)

    second.scope.cancel()
    await settled()
    await first.close()
    await settled()

    assert (second.done, third.done, bench.stats.waiters) == (False, True, 0)


async def test_a_waiter_cancelled_as_it_is_given_a_session_passes_it_on(nursery: trio.Nursery) -> None:
    bench = Bench(nursery)
    service = bench.pool(PoolLimits(max_size=1))
    first, second, third = await callers(3, nursery, service)

    await first.close()
    second.scope.cancel()
    await settled()

    assert (second.done, third.done, bench.calls) == (False, True, [2])


async def test_a_waiter_cancelled_as_it_is_given_a_place_passes_it_on(nursery: trio.Nursery) -> None:
    bench = Bench(nursery)
    service = bench.pool(PoolLimits(max_size=1))
    _first, second, third = await callers(3, nursery, service)

    bench.sessions[0].close()
    second.scope.cancel()
    await settled()

    assert (second.done, third.done, bench.calls) == (False, True, [1, 1])


async def test_a_waiter_takes_the_place_of_a_session_that_closed(nursery: trio.Nursery) -> None:
    bench = Bench(nursery)
    service = bench.pool(PoolLimits(max_size=1))
    _first, second = await callers(2, nursery, service)

    bench.sessions[0].close()
    await settled()

    assert (second.done, bench.calls) == (True, [1, 1])


async def test_a_session_that_closes_on_its_way_to_a_waiter_is_replaced(nursery: trio.Nursery) -> None:
    bench = Bench(nursery)
    service = bench.pool(PoolLimits(max_size=1))
    first, second = await callers(2, nursery, service)

    await first.close()
    bench.sessions[0].close()
    await settled()

    assert (second.done, bench.calls, bench.stats.size) == (True, [1, 1], 1)


async def test_a_session_that_goes_bad_on_its_way_to_a_waiter_is_replaced(nursery: trio.Nursery) -> None:
    bench = Bench(nursery)
    service = bench.pool(PoolLimits(max_size=1))
    first, second, third = await callers(3, nursery, service)

    bench.sessions[0].usable = False
    await first.close()
    await settled()
    waited_on = [caller for caller in (second, third) if caller.done]
    await waited_on[0].close()
    await settled()

    assert (second.done, third.done, bench.calls, bench.stats.size) == (True, True, [1, 2], 1)


async def test_those_who_wait_while_a_session_opens_share_it(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    bench = Bench(nursery)
    bench.capacity, bench.seconds = 3, 1.0
    service = bench.pool(PoolLimits(max_size=1))
    waiting = await callers_at_once(5, nursery, service)

    await trio.sleep(1)

    assert sum(caller.done for caller in waiting) == 3
    assert (bench.calls, bench.stats.waiters) == ([3], 2)


async def test_room_that_grows_by_more_than_one_wakes_as_many_waiters(nursery: trio.Nursery) -> None:
    bench = Bench(nursery)
    service = bench.pool(PoolLimits(max_size=1))
    waiting = await callers(5, nursery, service)

    bench.sessions[0].set_capacity(3)
    await settled()

    assert [caller.done for caller in waiting] == [True, True, True, True, False]


async def test_a_waiter_whose_session_lost_its_room_on_the_way_waits_on(nursery: trio.Nursery) -> None:
    bench = Bench(nursery)
    service = bench.pool(PoolLimits(max_size=1))
    first, second, third = await callers(3, nursery, service)

    await first.close()
    bench.sessions[0].capacity = 0
    await settled()
    before = second.done, third.done
    bench.sessions[0].set_capacity(1)
    await settled()

    assert (before, second.done, third.done) == ((False, False), True, False)


async def test_nobody_waits_in_the_queue_longer_than_its_request_lasts(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    bench = Bench(nursery)
    service = bench.pool(PoolLimits(max_size=1))
    await callers(1, nursery, service)
    late = Request()
    late.context.expiry = Expiry(trio.current_time() + 2.0, TotalTimeout, "too late")

    with pytest.raises(TotalTimeout, match="too late"):
        await service(late)

    assert bench.stats.waiters == 0


async def test_calls_that_wait_for_a_connection_are_limited_for_all_pools_of_a_client(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    bench = Bench(nursery)
    limits = PoolLimits(max_pending=1)
    first, second = bench.pool(limits), bench.pool(limits)
    bench.seconds = 1.0
    await callers_at_once(1, nursery, first)

    with pytest.raises(Overloaded, match=r"10\.0\.0\.1:80: more than 1 requests wait for a connection"):
        await second(Request())
    await trio.sleep(1.1)
    await second(Request())

    assert (bench.stats.pending, bench.stats.pending_overflow) == (0, 1)


async def test_connections_are_limited_for_all_pools_of_a_client(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    bench = Bench(nursery)
    limits = PoolLimits(max_connections=2)
    first, second = bench.pool(limits), bench.pool(limits)
    replies = [await first(Request()) for _time in range(2)]

    with pytest.raises(Overloaded, match="the client has its 2 connections, all to other endpoints"):
        await second(Request())
    waiting = Caller(nursery, first)
    await trio.testing.wait_all_tasks_blocked()
    await replies[0].aclose()
    await trio.testing.wait_all_tasks_blocked()

    assert (waiting.done, bench.stats.size, bench.stats.connections_overflow) == (True, 2, 1)


async def test_a_place_that_another_endpoint_took_leaves_nobody_waiting_for_ever(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    bench = Bench(nursery)
    limits = PoolLimits(max_connections=1)
    first = bench.pool(limits)
    await first(Request())
    waiting = Caller(nursery, first)
    await trio.testing.wait_all_tasks_blocked()
    bench.stats.size += 1  # of another pool, from before the limit was lowered

    bench.sessions[0].close()
    await trio.testing.wait_all_tasks_blocked()

    assert isinstance(waiting.error, Overloaded)


async def test_the_time_is_told_that_a_call_waited(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    bench, waited = Bench(nursery, seconds=0.25), list[float]()
    bench.stats.acquired = waited.append
    service = bench.pool()

    first = await service(Request())
    await first.aclose()
    await service(Request())  # by the connection that is there: it does not wait

    assert waited == [pytest.approx(250.0)]
