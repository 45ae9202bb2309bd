import pytest
import trio
import trio.testing

from mesh.codec import Session
from mesh.endpoint import Status
from mesh.errors import ConnectFailed, FailedFast, Overloaded, Unavailable, UpstreamProtocolError
from mesh.life import Life
from mesh.message import Request
from mesh.pool_limits import PoolLimits
from mesh.reachability import RECONNECT_SECONDS
from mesh.transport import Connection
from tests.sessions import Bench, Caller, callers_at_once


async def test_those_who_wait_for_a_first_session_are_told_when_connecting_fails(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    bench = Bench(nursery)
    service = bench.pool(PoolLimits(max_size=1))
    bench.seconds = 1.0
    bench.outcomes = [ConnectFailed("refused")]
    waiting = await callers_at_once(3, nursery, service)

    await trio.sleep(1.1)

    assert [str(caller.error) for caller in waiting] == ["refused"] * 3
    assert [type(caller.error) for caller in waiting] == [ConnectFailed] * 3


async def test_a_failure_to_connect_lets_the_next_waiter_try_while_other_sessions_are_open(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    bench = Bench(nursery)
    service = bench.pool(PoolLimits(max_size=2))
    await service(Request())
    bench.seconds = 1.0
    bench.outcomes = [ConnectFailed("refused")]
    waiting = await callers_at_once(2, nursery, service)

    await trio.sleep(2)

    assert sorted((caller.error is not None, caller.done) for caller in waiting) == [(False, True), (True, False)]


async def test_a_waiter_takes_the_place_of_a_call_that_is_cancelled_while_it_connects(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    bench = Bench(nursery)
    service = bench.pool(PoolLimits(max_size=1))
    bench.seconds = 1.0
    first = Caller(nursery, service)
    await trio.sleep(0.1)
    second = Caller(nursery, service)
    await trio.sleep(0.1)

    first.scope.cancel()
    await trio.sleep(1.1)

    assert (first.done, second.done, len(bench.sessions)) == (False, True, 1)


async def test_a_codec_that_refuses_a_connection_has_it_closed_and_its_place_freed(nursery: trio.Nursery) -> None:
    bench = Bench(nursery)
    service = bench.pool(PoolLimits(max_size=1))
    begin = service.new_session

    def refuse(_connection: Connection, _life: Life) -> Session:
        raise UpstreamProtocolError("it speaks something else")

    service.new_session = refuse
    with pytest.raises(UpstreamProtocolError):
        await service(Request())
    service.new_session = begin

    await service(Request())

    assert ([connection.is_quiet() for connection in bench.connections], bench.calls) == ([False, True], [1])


async def test_a_session_that_is_closed_from_the_start_is_a_failure_to_connect(nursery: trio.Nursery) -> None:
    bench = Bench(nursery)
    service = bench.pool(PoolLimits(max_size=1))
    begin = service.new_session

    def begin_and_close(connection: Connection, life: Life) -> Session:
        session = begin(connection, life)
        session.close()
        return session

    service.new_session = begin_and_close
    with pytest.raises(ConnectFailed):
        await service(Request())

    assert (bench.stats.size, bench.health.status) == (0, Status.BUSY)


async def test_a_failure_to_connect_makes_the_endpoint_busy_until_the_background_has_connected(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    bench = Bench(nursery)
    service = bench.pool()
    bench.outcomes = [ConnectFailed("refused") for _ in range(3)]
    with pytest.raises(ConnectFailed):
        await service(Request())
    before = bench.health.status

    await trio.sleep(sum(RECONNECT_SECONDS[0] * 2**attempt for attempt in range(3)))

    assert (before, bench.health.status) == (Status.BUSY, Status.OPEN)
    await service(Request())
    assert bench.calls == [1]


async def test_a_call_that_connects_ends_the_attempts_in_the_background(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    bench = Bench(nursery)
    service = bench.pool()
    bench.outcomes = [ConnectFailed("refused")]
    with pytest.raises(ConnectFailed):
        await service(Request())

    await service(Request())
    status = bench.health.status
    await trio.sleep(1)

    assert (status, len(bench.sessions), len(nursery.child_tasks)) == (Status.OPEN, 1, 0)


async def test_attempts_in_the_background_outlast_every_error_and_keep_to_one_task(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    bench = Bench(nursery)
    service = bench.pool()
    bench.outcomes = [UpstreamProtocolError("no TLS there") for _ in range(5)]
    for _ in range(3):
        with pytest.raises(UpstreamProtocolError):
            await service(Request())
    await trio.sleep(0)
    tasks = len(nursery.child_tasks)

    await trio.sleep(5)

    assert (tasks, bench.health.status, bench.stats.connects) == (1, Status.OPEN, 1)


async def test_attempts_in_the_background_keep_to_the_largest_size(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    bench = Bench(nursery)
    service = bench.pool(PoolLimits(max_size=1))
    bench.outcomes = [ConnectFailed("refused")]
    with pytest.raises(ConnectFailed):
        await service(Request())

    bench.seconds = 60
    Caller(nursery, service)
    await trio.sleep(59)

    assert (len(bench.sessions), service._opening) == (0, 1)


async def test_a_connection_that_opens_when_its_pool_is_closed_is_closed(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    bench = Bench(nursery)
    service = bench.pool()
    bench.seconds = 1.0
    (caller,) = await callers_at_once(1, nursery, service)

    bench.life.close()
    await trio.sleep(1)

    assert isinstance(caller.error, Unavailable)
    assert [connection.is_quiet() for connection in bench.connections] == [False]
    assert (bench.health.status, len(nursery.child_tasks)) == (Status.OPEN, 0)


async def test_a_connect_that_calls_give_up_again_and_again_makes_the_endpoint_busy_all_the_same(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    bench = Bench(nursery)
    service = bench.pool()
    bench.seconds = 1.0
    bench.outcomes = [ConnectFailed("within 1 s")]

    with trio.move_on_after(0.2):
        await service(Request())
    before = bench.health.status
    await trio.sleep(1.1)

    assert (before, bench.health.status) == (Status.OPEN, Status.BUSY)


async def test_a_connect_that_was_given_up_too_early_is_found_to_be_well(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    bench = Bench(nursery)
    service = bench.pool()
    bench.seconds = 1.0
    for _time in range(3):
        with trio.move_on_after(0.2):
            await service(Request())
    await trio.sleep(1)

    await service(Request())

    assert (bench.health.status, bench.stats.connects, bench.calls) == (Status.OPEN, 1, [1])


async def test_a_lack_of_our_own_says_nothing_about_the_endpoint(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    bench = Bench(nursery)
    service = bench.pool()
    bench.outcomes = [Overloaded("no socket is left")]

    with pytest.raises(Overloaded):
        await service(Request())
    await trio.testing.wait_all_tasks_blocked()

    assert (bench.health.status, len(nursery.child_tasks)) == (Status.OPEN, 0)


async def test_those_who_wait_are_told_of_a_lack_of_our_own(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    bench = Bench(nursery)
    service = bench.pool(PoolLimits(max_size=1))
    bench.seconds = 1.0
    bench.outcomes = [Overloaded("no socket is left")]
    waiting = await callers_at_once(2, nursery, service)

    await trio.sleep(1.1)

    assert [type(caller.error) for caller in waiting] == [Overloaded] * 2


async def test_with_fail_fast_nobody_tries_a_dead_endpoint_but_the_background(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    bench = Bench(nursery)
    service = bench.pool(PoolLimits(fail_fast=True))
    bench.outcomes = [ConnectFailed("refused")]
    with pytest.raises(ConnectFailed):
        await service(Request())

    with pytest.raises(FailedFast, match=r"10\.0\.0\.1:80 is known to be down \(refused\)"):
        await service(Request())
    await trio.sleep(1.1)
    await service(Request())

    assert (bench.health.status, bench.stats.connects, bench.stats.reach.marked_dead) == (Status.OPEN, 1, 1)
