import random
from collections.abc import Callable

import attrs
import pytest
import trio
import trio.testing

from mesh.codec import SESSION, Session
from mesh.endpoint import ENDPOINT, HEALTH, Endpoint, Health, Status
from mesh.errors import ConnectFailed, MeshError, Overloaded, Unavailable, UpstreamProtocolError
from mesh.life import LIFE, Life
from mesh.message import Reply, Request
from mesh.params import Params
from mesh.pool import POOL_LIMITS, POOL_STATS, RECONNECT_SECONDS, Pool, PoolLimits, PoolStats, pool
from mesh.transport import CONNECTOR, Connection, StreamConnection

WEB = Endpoint("10.0.0.1", 80)


class FakeSession(Session):
    """A session whose calls are answered at once; a reply holds its place until it is closed."""

    def __init__(self, connection: Connection, capacity: int = 1) -> None:
        super().__init__(capacity)
        self.connection = connection
        self.most = capacity
        self.calls = 0
        self.usable = True

    async def __call__(self, request: Request, /) -> Reply:
        assert self.capacity > 0, "the pool overbooks a session"
        self.capacity -= 1
        self.calls += 1
        try:
            await trio.lowlevel.checkpoint()
        except BaseException:
            self.close()
            raise
        if self.closed:
            raise Unavailable("closed meanwhile")
        reply = Reply()
        reply.on_close(self._ended)
        return reply

    def _ended(self) -> None:
        if not self.closed:
            self.set_capacity(self.capacity + 1)

    def set_capacity(self, capacity: int) -> None:
        self.capacity = capacity
        self.on_change(self)

    def is_usable(self) -> bool:
        return not self.closed and self.usable

    def is_idle(self) -> bool:
        return self.capacity == self.most

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self.capacity = 0
            self.connection.close()
            self.on_change(self)


@attrs.define(eq=False)
class Bench:
    """A pool over fake sessions; `outcomes` says how the next attempts to connect end, `seconds` how long they take."""

    nursery: trio.Nursery
    life: Life
    capacity: int = 1
    seconds: float = 0.0
    outcomes: list[MeshError | None] = attrs.field(factory=list)
    sessions: list[FakeSession] = attrs.field(factory=list)
    connections: list[Connection] = attrs.field(factory=list)
    stats: PoolStats = attrs.field(factory=PoolStats)
    health: Health = attrs.field(factory=Health)

    async def connect(self, endpoint: Endpoint) -> Connection:
        assert endpoint == WEB
        await trio.sleep(self.seconds)
        outcome = self.outcomes.pop(0) if self.outcomes else None
        if outcome is not None:
            raise outcome
        self.connections.append(StreamConnection(trio.testing.memory_stream_pair()[0]))
        return self.connections[-1]

    def begin(self, connection: Connection, _life: Life) -> Session:
        self.sessions.append(FakeSession(connection, self.capacity))
        return self.sessions[-1]

    def pool(self, limits: PoolLimits | None = None) -> Pool:
        built = Pool(WEB, self.begin, self.connect, limits or PoolLimits(), self.stats, self.health, self.life)
        self.life.on_close(built.close)
        return built

    @property
    def calls(self) -> list[int]:
        """How many calls each session has had, in the order in which they were opened."""
        return [session.calls for session in self.sessions]


@pytest.fixture
def bench(nursery: trio.Nursery) -> Bench:
    return Bench(nursery, Life(nursery, "test"))


async def settled() -> None:
    await trio.testing.wait_all_tasks_blocked()


class Caller:
    """A call in a task of its own: what came of it, and its scope, to cancel it."""

    def __init__(self, nursery: trio.Nursery, service: Pool) -> None:
        self.reply: Reply | None = None
        self.error: MeshError | None = None
        self.scope = trio.CancelScope()
        nursery.start_soon(self._call, service)

    async def _call(self, service: Pool) -> None:
        with self.scope:
            try:
                self.reply = await service(Request())
            except MeshError as error:
                self.error = error

    @property
    def done(self) -> bool:
        return self.reply is not None

    async def close(self) -> None:
        assert self.reply is not None
        await self.reply.aclose()


async def callers(count: int, nursery: trio.Nursery, service: Pool) -> list[Caller]:
    """Start calls one after the other, so that they queue in order."""
    made = []
    for _ in range(count):
        made.append(Caller(nursery, service))
        await settled()
    return made


async def test_a_session_is_used_again_when_its_reply_was_closed(bench: Bench) -> None:
    service = bench.pool()

    for _ in range(3):
        await (await service(Request())).aclose()

    assert bench.calls == [3]


async def test_a_session_is_not_used_again_before_its_reply_is_closed(bench: Bench) -> None:
    service = bench.pool()

    await service(Request())
    await service(Request())

    assert bench.calls == [1, 1]


async def test_the_session_used_last_is_used_next(bench: Bench) -> None:
    service = bench.pool()
    first, second = await service(Request()), await service(Request())
    await first.aclose()
    await second.aclose()

    for _ in range(3):
        await (await service(Request())).aclose()

    assert bench.calls == [1, 4]


async def test_sessions_that_went_bad_while_they_were_free_are_closed_and_passed_over(bench: Bench) -> None:
    service = bench.pool()
    for reply in [await service(Request()) for _ in range(3)]:
        await reply.aclose()
    bench.sessions[2].usable = bench.sessions[1].usable = False

    await service(Request())

    assert bench.calls == [2, 1, 1]
    assert [session.closed for session in bench.sessions] == [False, True, True]


async def test_a_free_session_that_closed_without_a_word_is_forgotten(bench: Bench) -> None:
    service = bench.pool(PoolLimits(max_size=1))
    await (await service(Request())).aclose()
    bench.sessions[0].closed = True

    await service(Request())

    assert (bench.calls, bench.stats.size) == ([1, 1], 1)


async def test_calls_beyond_the_largest_size_wait_and_are_served_in_order(bench: Bench, nursery: trio.Nursery) -> None:
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


async def test_nobody_overtakes_a_waiter_that_was_given_a_session(bench: Bench, nursery: trio.Nursery) -> None:
    service = bench.pool(PoolLimits(max_size=1))
    first, second = await callers(2, nursery, service)

    await first.close()
    late = Caller(nursery, service)
    await settled()

    assert (second.done, late.done) == (True, False)


async def test_a_waiter_more_than_allowed_is_refused(bench: Bench, nursery: trio.Nursery) -> None:
    service = bench.pool(PoolLimits(max_size=1, max_waiters=1))
    await callers(2, nursery, service)

    with pytest.raises(Overloaded, match=r"10\.0\.0\.1:80: too many requests wait for one of 1 connections"):
        await service(Request())

    assert (bench.stats.waiters, bench.stats.too_many_waiters) == (1, 1)


async def test_a_cancelled_waiter_leaves_the_queue(bench: Bench, nursery: trio.Nursery) -> None:
    service = bench.pool(PoolLimits(max_size=1))
    first, second, third = await callers(3, nursery, service)

    second.scope.cancel()
    await settled()
    await first.close()
    await settled()

    assert (second.done, third.done, bench.stats.waiters) == (False, True, 0)


async def test_a_waiter_cancelled_as_it_is_given_a_session_passes_it_on(bench: Bench, nursery: trio.Nursery) -> None:
    service = bench.pool(PoolLimits(max_size=1))
    first, second, third = await callers(3, nursery, service)

    await first.close()
    second.scope.cancel()
    await settled()

    assert (second.done, third.done, bench.calls) == (False, True, [2])


async def test_a_waiter_cancelled_as_it_is_given_a_place_passes_it_on(bench: Bench, nursery: trio.Nursery) -> None:
    service = bench.pool(PoolLimits(max_size=1))
    _first, second, third = await callers(3, nursery, service)

    bench.sessions[0].close()
    second.scope.cancel()
    await settled()

    assert (second.done, third.done, bench.calls) == (False, True, [1, 1])


async def test_a_waiter_takes_the_place_of_a_session_that_closed(bench: Bench, nursery: trio.Nursery) -> None:
    service = bench.pool(PoolLimits(max_size=1))
    _first, second = await callers(2, nursery, service)

    bench.sessions[0].close()
    await settled()

    assert (second.done, bench.calls) == (True, [1, 1])


async def test_a_session_that_closes_on_its_way_to_a_waiter_is_replaced(bench: Bench, nursery: trio.Nursery) -> None:
    service = bench.pool(PoolLimits(max_size=1))
    first, second = await callers(2, nursery, service)

    await first.close()
    bench.sessions[0].close()
    await settled()

    assert (second.done, bench.calls, bench.stats.size) == (True, [1, 1], 1)


async def test_a_session_that_goes_bad_on_its_way_to_a_waiter_is_replaced(bench: Bench, nursery: trio.Nursery) -> None:
    service = bench.pool(PoolLimits(max_size=1))
    first, second, third = await callers(3, nursery, service)

    bench.sessions[0].usable = False
    await first.close()
    await settled()
    waited_on = [caller for caller in (second, third) if caller.done]
    await waited_on[0].close()
    await settled()

    assert (second.done, third.done, bench.calls, bench.stats.size) == (True, True, [1, 2], 1)


async def test_those_who_wait_for_a_first_session_are_told_when_connecting_fails(
    bench: Bench, nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    service = bench.pool(PoolLimits(max_size=1))
    bench.seconds = 1.0
    bench.outcomes = [ConnectFailed("refused")]
    waiting = await callers_at_once(3, nursery, service)

    await trio.sleep(1.1)

    assert [str(caller.error) for caller in waiting] == ["refused"] * 3
    assert [type(caller.error) for caller in waiting] == [ConnectFailed] * 3


async def callers_at_once(count: int, nursery: trio.Nursery, service: Pool) -> list[Caller]:
    made = [Caller(nursery, service) for _ in range(count)]
    await trio.sleep(0.1)
    return made


async def test_a_failure_to_connect_lets_the_next_waiter_try_while_other_sessions_are_open(
    bench: Bench, nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    service = bench.pool(PoolLimits(max_size=2))
    await service(Request())
    bench.seconds = 1.0
    bench.outcomes = [ConnectFailed("refused")]
    waiting = await callers_at_once(2, nursery, service)

    await trio.sleep(2)

    assert sorted((caller.error is not None, caller.done) for caller in waiting) == [(False, True), (True, False)]


async def test_a_waiter_takes_the_place_of_a_call_that_is_cancelled_while_it_connects(
    bench: Bench, nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    service = bench.pool(PoolLimits(max_size=1))
    bench.seconds = 1.0
    first = Caller(nursery, service)
    await trio.sleep(0.1)
    second = Caller(nursery, service)
    await trio.sleep(0.1)

    first.scope.cancel()
    await trio.sleep(1.1)

    assert (first.done, second.done, len(bench.sessions)) == (False, True, 1)


async def test_a_codec_that_refuses_a_connection_has_it_closed_and_its_place_freed(bench: Bench) -> None:
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


async def test_a_session_that_is_closed_from_the_start_is_a_failure_to_connect(bench: Bench) -> None:
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
    bench: Bench, autojump_clock: trio.testing.MockClock
) -> None:
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
    bench: Bench, nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    service = bench.pool()
    bench.outcomes = [ConnectFailed("refused")]
    with pytest.raises(ConnectFailed):
        await service(Request())

    await service(Request())
    status = bench.health.status
    await trio.sleep(1)

    assert (status, len(bench.sessions), len(bench.nursery.child_tasks)) == (Status.OPEN, 1, 0)


async def test_attempts_in_the_background_outlast_every_error_and_keep_to_one_task(
    bench: Bench, nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    service = bench.pool()
    bench.outcomes = [UpstreamProtocolError("no TLS there") for _ in range(5)]
    for _ in range(3):
        with pytest.raises(UpstreamProtocolError):
            await service(Request())
    await trio.sleep(0)
    tasks = len(bench.nursery.child_tasks)

    await trio.sleep(5)

    assert (tasks, bench.health.status, bench.stats.connects) == (1, Status.OPEN, 1)


async def test_attempts_in_the_background_keep_to_the_largest_size(
    bench: Bench, nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    service = bench.pool(PoolLimits(max_size=1))
    bench.outcomes = [ConnectFailed("refused")]
    with pytest.raises(ConnectFailed):
        await service(Request())

    bench.seconds = 60
    Caller(nursery, service)
    await trio.sleep(59)

    assert (len(bench.sessions), service._opening) == (0, 1)


async def test_a_session_with_room_is_shared_from_its_first_call_on(bench: Bench) -> None:
    bench.capacity = 3
    service = bench.pool()

    for _ in range(4):
        await service(Request())

    assert bench.calls == [3, 1]


async def test_those_who_wait_while_a_session_opens_share_it(
    bench: Bench, nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    bench.capacity, bench.seconds = 3, 1.0
    service = bench.pool(PoolLimits(max_size=1))
    waiting = await callers_at_once(5, nursery, service)

    await trio.sleep(1)

    assert sum(caller.done for caller in waiting) == 3
    assert (bench.calls, bench.stats.waiters) == ([3], 2)


async def test_room_that_grows_by_more_than_one_wakes_as_many_waiters(bench: Bench, nursery: trio.Nursery) -> None:
    service = bench.pool(PoolLimits(max_size=1))
    waiting = await callers(5, nursery, service)

    bench.sessions[0].set_capacity(3)
    await settled()

    assert [caller.done for caller in waiting] == [True, True, True, True, False]


async def test_a_session_whose_endpoint_lowered_its_limit_is_not_overbooked(
    bench: Bench, nursery: trio.Nursery
) -> None:
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


async def test_a_waiter_whose_session_lost_its_room_on_the_way_waits_on(bench: Bench, nursery: trio.Nursery) -> None:
    service = bench.pool(PoolLimits(max_size=1))
    first, second, third = await callers(3, nursery, service)

    await first.close()
    bench.sessions[0].capacity = 0
    await settled()
    before = second.done, third.done
    bench.sessions[0].set_capacity(1)
    await settled()

    assert (before, second.done, third.done) == ((False, False), True, False)


async def test_free_sessions_are_closed_after_the_idle_time_down_to_the_smallest_size(
    bench: Bench, autojump_clock: trio.testing.MockClock
) -> None:
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


async def test_a_session_that_is_used_again_is_not_idle(bench: Bench, autojump_clock: trio.testing.MockClock) -> None:
    service = bench.pool(PoolLimits(idle_seconds=10))

    for _ in range(5):
        await (await service(Request())).aclose()
        await trio.sleep(9)
    before = bench.sessions[0].closed
    await trio.sleep(2)

    assert (before, bench.sessions[0].closed, bench.calls) == (False, True, [5])


async def test_a_shared_session_with_a_call_in_progress_is_not_idle(
    bench: Bench, autojump_clock: trio.testing.MockClock
) -> None:
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
    bench: Bench, nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    service = bench.pool(PoolLimits(min_size=1, idle_seconds=10))

    await (await service(Request())).aclose()

    assert len(bench.nursery.child_tasks) == 0


async def test_closing_closes_the_free_sessions_now_and_the_others_when_their_calls_end(bench: Bench) -> None:
    service = bench.pool()
    in_use, freed = await service(Request()), await service(Request())
    await freed.aclose()

    bench.life.close()
    before = [session.closed for session in bench.sessions]
    await in_use.aclose()

    assert (before, bench.sessions[0].closed) == ([False, True], True)
    assert (bench.stats.size, bench.stats.cached) == (0, 0)


async def test_closing_leaves_the_calls_of_a_shared_session_alone(bench: Bench) -> None:
    bench.capacity = 100
    service = bench.pool()
    one, other = await service(Request()), await service(Request())

    bench.life.close()
    await one.aclose()
    before = bench.sessions[0].closed
    await other.aclose()

    assert (before, bench.sessions[0].closed) == (False, True)


async def test_closing_tells_those_who_wait_and_those_who_come(bench: Bench, nursery: trio.Nursery) -> None:
    service = bench.pool(PoolLimits(max_size=1))
    _first, second = await callers(2, nursery, service)

    bench.life.close()
    await settled()

    assert isinstance(second.error, Unavailable)
    bench.sessions[0].close()
    with pytest.raises(Unavailable):
        await service(Request())


async def test_a_connection_that_opens_when_its_pool_is_closed_is_closed(
    bench: Bench, nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    service = bench.pool()
    bench.seconds = 1.0
    (caller,) = await callers_at_once(1, nursery, service)

    bench.life.close()
    await trio.sleep(1)

    assert isinstance(caller.error, Unavailable)
    assert [connection.is_quiet() for connection in bench.connections] == [False]
    assert (bench.health.status, len(bench.nursery.child_tasks)) == (Status.OPEN, 0)


async def test_statistics_say_what_was_opened_waited_for_and_how_long_it_took(
    bench: Bench, nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
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
    seed: int, bench: Bench, nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    """Calls, cancellations, failures, endings and limits in random order: in the end all is as it should be."""
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


async def test_a_pool_is_built_from_params_and_ends_with_its_life(bench: Bench) -> None:
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
