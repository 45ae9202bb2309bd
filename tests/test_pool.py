import random
from collections.abc import Callable

import pytest
import trio
import trio.testing

from mesh.codec import SESSION
from mesh.connecting import CONNECTOR
from mesh.endpoint import ENDPOINT, HEALTH
from mesh.errors import ConnectFailed, Unavailable
from mesh.life import LIFE
from mesh.message import Request
from mesh.params import Params
from mesh.pool import pool
from mesh.pool_limits import POOL_LIMITS, POOL_STATS, PoolLimits
from mesh.reachability import RECONNECT_SECONDS
from tests.sessions import WEB, Bench, Caller, callers, callers_at_once
from tests.waiting import settled


async def test_a_session_is_used_again_when_its_reply_was_closed(nursery: trio.Nursery) -> None:
    bench = Bench(nursery)
    service = bench.pool()

    for _ in range(3):
        await (await service(Request())).aclose()

    assert bench.calls == [3]


async def test_a_session_is_not_used_again_before_its_reply_is_closed(nursery: trio.Nursery) -> None:
    bench = Bench(nursery)
    service = bench.pool()

    await service(Request())
    await service(Request())

    assert bench.calls == [1, 1]


async def test_the_session_used_last_is_used_next(nursery: trio.Nursery) -> None:
    bench = Bench(nursery)
    service = bench.pool()
    first, second = await service(Request()), await service(Request())
    await first.aclose()
    await second.aclose()

    for _ in range(3):
        await (await service(Request())).aclose()

    assert bench.calls == [1, 4]


async def test_sessions_that_went_bad_while_they_were_free_are_closed_and_passed_over(nursery: trio.Nursery) -> None:
    bench = Bench(nursery)
    service = bench.pool()
    for reply in [await service(Request()) for _ in range(3)]:
        await reply.aclose()
    bench.sessions[2].usable = bench.sessions[1].usable = False

    await service(Request())

    assert bench.calls == [2, 1, 1]
    assert [session.closed for session in bench.sessions] == [False, True, True]


async def test_a_free_session_that_closed_without_a_word_is_forgotten(nursery: trio.Nursery) -> None:
    bench = Bench(nursery)
    service = bench.pool(PoolLimits(max_size=1))
    await (await service(Request())).aclose()
    bench.sessions[0].closed = True

    await service(Request())

    assert (bench.calls, bench.stats.size) == ([1, 1], 1)


async def test_a_session_with_room_is_shared_from_its_first_call_on(nursery: trio.Nursery) -> None:
    bench = Bench(nursery)
    bench.capacity = 3
    service = bench.pool()

    for _ in range(4):
        await service(Request())

    assert bench.calls == [3, 1]


async def test_a_session_whose_endpoint_lowered_its_limit_is_not_overbooked(nursery: trio.Nursery) -> None:
    bench = Bench(nursery)
    bench.capacity = 3
    service = bench.pool(PoolLimits(max_size=1))
    first = Caller(nursery, service)
    await settled()

    bench.sessions[0].capacity = -1
    second = Caller(nursery, service)
    await settled()
    await first.close()
    await settled()
    before = second.done
    bench.sessions[0].set_capacity(1)
    await settled()

    assert (before, second.done, bench.calls) == (False, True, [2])


async def test_free_sessions_are_closed_after_the_idle_time_down_to_the_smallest_size(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    bench = Bench(nursery)
    service = bench.pool(PoolLimits(min_size=1, idle_seconds=10))
    replies = [await service(Request()) for _ in range(3)]
    for reply in replies:
        await trio.sleep(1)
        await reply.aclose()

    closed = []
    for _ in range(4):
        await trio.sleep(3.8)
        closed.append([session.closed for session in bench.sessions])

    assert closed == [[False] * 3, [False] * 3, [True, True, False], [True, True, False]]


async def test_a_session_that_is_used_again_is_not_idle(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    bench = Bench(nursery)
    service = bench.pool(PoolLimits(idle_seconds=10))

    for _ in range(5):
        await (await service(Request())).aclose()
        await trio.sleep(9)
    before = bench.sessions[0].closed
    await trio.sleep(2)

    assert (before, bench.sessions[0].closed, bench.calls) == (False, True, [5])


async def test_a_shared_session_with_a_call_in_progress_is_not_idle(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    bench = Bench(nursery)
    bench.capacity = 100
    service = bench.pool(PoolLimits(idle_seconds=10))
    stream = await service(Request())
    await (await service(Request())).aclose()

    await trio.sleep(100)
    before = bench.sessions[0].closed
    await stream.aclose()
    await trio.sleep(11)

    assert (before, bench.sessions[0].closed) == (False, True)


async def test_a_pool_at_its_smallest_size_starts_no_task_per_call(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    bench = Bench(nursery)
    service = bench.pool(PoolLimits(min_size=1, idle_seconds=10))

    await (await service(Request())).aclose()

    assert len(nursery.child_tasks) == 0


async def test_closing_closes_the_free_sessions_now_and_the_others_when_their_calls_end(nursery: trio.Nursery) -> None:
    bench = Bench(nursery)
    service = bench.pool()
    in_use, freed = await service(Request()), await service(Request())
    await freed.aclose()

    bench.life.close()
    before = [session.closed for session in bench.sessions]
    await in_use.aclose()

    assert (before, bench.sessions[0].closed) == ([False, True], True)
    assert (bench.stats.size, bench.stats.cached) == (0, 0)


async def test_closing_leaves_the_calls_of_a_shared_session_alone(nursery: trio.Nursery) -> None:
    bench = Bench(nursery)
    bench.capacity = 100
    service = bench.pool()
    one, other = await service(Request()), await service(Request())

    bench.life.close()
    await one.aclose()
    before = bench.sessions[0].closed
    await other.aclose()

    assert (before, bench.sessions[0].closed) == (False, True)


async def test_closing_tells_those_who_wait_and_those_who_come(nursery: trio.Nursery) -> None:
    bench = Bench(nursery)
    service = bench.pool(PoolLimits(max_size=1))
    _first, second = await callers(2, nursery, service)

    bench.life.close()
    await settled()

    assert isinstance(second.error, Unavailable)
    bench.sessions[0].close()
    with pytest.raises(Unavailable):
        await service(Request())


async def test_statistics_say_what_was_opened_waited_for_and_how_long_it_took(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    bench = Bench(nursery)
    service = bench.pool(PoolLimits(max_size=2))
    bench.seconds, bench.outcomes = 0.02, [ConnectFailed("refused")]
    took: list[tuple[str, int]] = []
    bench.stats.failed = lambda ms: took.append(("failed", round(ms)))
    bench.stats.connected = lambda ms: took.append(("connected", round(ms)))
    with pytest.raises(ConnectFailed):
        await service(Request())
    made = await callers_at_once(3, nursery, service)
    waiting = bench.stats.waiters
    await next(caller for caller in made if caller.done).close()
    await trio.sleep(0.1)

    assert took == [("failed", 20), ("connected", 20), ("connected", 20)]
    assert (waiting, bench.stats.waiters, bench.stats.waited) == (1, 0, 1)
    assert (bench.stats.size, bench.stats.cached, bench.stats.connects) == (2, 0, 2)


@pytest.mark.parametrize("seed", range(20))
async def test_nobody_is_forgotten_whatever_happens(
    seed: int, nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    """Calls, cancellations, failures, endings and limits in random order: in the end all is as it should be."""
    bench = Bench(nursery)
    chance = random.Random(seed)
    bench.capacity = chance.choice((1, 1, 3))
    service = bench.pool(PoolLimits(max_size=2, max_waiters=8, idle_seconds=chance.choice((0.5, 1000))))
    made: list[Caller] = []
    steps: list[Callable[[], None]] = [
        lambda: made.append(Caller(nursery, service)),
        lambda: made.append(Caller(nursery, service)),
        lambda: chance.choice(made).scope.cancel() if made else None,
        lambda: bench.outcomes.append(chance.choice((None, ConnectFailed("refused")))),
        lambda: chance.choice(bench.sessions).close() if bench.sessions else None,
        lambda: setattr(chance.choice(bench.sessions), "usable", False) if bench.sessions else None,
    ]
    for _ in range(60):
        bench.seconds = chance.choice((0.0, 0.1))
        chance.choice(steps)()
        if chance.random() < 0.5:
            await trio.sleep(chance.choice((0, 0.05, 0.2)))
        if made and chance.random() < 0.6:
            ended = chance.choice(made)
            if ended.reply is not None:
                await ended.reply.aclose()
        assert len(service._open) + service._opening <= 2

    bench.outcomes.clear()
    bench.seconds = 0.0
    while any(not caller.done and caller.error is None and not caller.scope.cancel_called for caller in made):
        await trio.sleep(0.2)
        for caller in made:
            if caller.reply is not None:
                await caller.reply.aclose()
    await trio.sleep(2 * RECONNECT_SECONDS[1])  # what still connects in the background comes to its end
    for caller in made:
        if caller.reply is not None:
            await caller.reply.aclose()

    assert (bench.stats.waiters, len(service._waiters), service._opening) == (0, 0, 0)
    assert [session.promised for session in bench.sessions] == [0] * len(bench.sessions)
    assert set(service._free) == {session for session in bench.sessions if not session.closed} == set(service._open)
    assert (bench.stats.size, bench.stats.cached) == (len(service._open), len(service._free))


async def test_a_pool_is_built_from_params_and_ends_with_its_life(nursery: trio.Nursery) -> None:
    bench = Bench(nursery)
    params = (
        Params()
        .put(ENDPOINT, WEB)
        .put(HEALTH, bench.health)
        .put(LIFE, bench.life)
        .put(SESSION, bench.begin)
        .put(CONNECTOR, bench.connect)
        .put(POOL_LIMITS, PoolLimits(max_size=5))
        .put(POOL_STATS, bench.stats)
    )

    service = pool(params)
    await (await service(Request())).aclose()
    bench.life.close()

    assert [session.closed for session in bench.sessions] == [True]


def test_a_pool_cannot_be_built_without_the_client_side_of_a_codec() -> None:
    with pytest.raises(LookupError):
        pool(Params())
