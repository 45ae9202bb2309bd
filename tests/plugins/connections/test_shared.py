"""Sessions that carry several calls at a time, with a protocol of two bytes: a tag, and what is said."""

import contextlib
from collections.abc import AsyncIterator

import attrs
import pytest
import trio
import trio.testing

from mesh import (
    AttemptTimeout,
    Connection,
    Expiry,
    IdleTimeout,
    Life,
    Limits,
    MeshError,
    RemoteProtocolError,
    Reply,
    Request,
    StreamConnection,
    UpstreamBroken,
    UpstreamProtocolError,
)
from mesh.testing import memory_connections
from mesh_plugins.connections.calls import Call
from mesh_plugins.connections.outgoing import Outgoing
from mesh_plugins.connections.shared import SharedSession
from tests.plugins.connections.gated import Gated

IDLE, PIECE = 30.0, 5.0
CALLS = 4
MOST_UNSENT = 100
NONSENSE = 255


class Answer(Reply):
    """What the endpoint has said of a call."""

    def __init__(self, said: int) -> None:
        super().__init__()
        self.said = said


class Pairs(SharedSession[Request, Answer]):
    """Such a session. Calls can be sent once the endpoint has greeted, with a tag of 0."""

    __slots__ = ("_part", "_tag")

    def __init__(self, connection: Connection, life: Life, limits: Limits) -> None:
        outgoing = Outgoing(connection, MOST_UNSENT, trio.lowlevel.current_clock().current_time)
        super().__init__(connection, life, outgoing, limits, CALLS)
        self._part = b""
        self._tag = 0

    async def __call__(self, request: Request, /) -> Answer:
        self.capacity -= 1
        call = self._calls.take()
        call.request, call.expiry = request, request.context.expiry
        try:
            await self._enter(call.expiry)
        except BaseException:
            self._free(call)
            raise
        self._tag = call.tag = self._tag + 1
        return await self._send(call, bytes((call.tag, 0)), self._clock())

    async def _read(self) -> None:
        while data := await self._connection.receive_some():
            self._heard = self._clock()
            self._part += data
            while len(self._part) > 1:
                tag, said, self._part = self._part[0], self._part[1], self._part[2:]
                self._take(tag, said)
            if self._part:
                self._alarm.by(self._cut_at())

    def _take(self, tag: int, said: int) -> None:
        if tag == NONSENSE:
            raise RemoteProtocolError("that is no tag")
        if tag == 0:
            self._is_open = True
            self._opened.set()
            return
        call = self._pending.pop(tag, None)
        if call is not None:
            call.answer(Answer(said))
        else:
            call = self._given_up.pop(tag)
        self._free(call)

    def _has_part(self) -> bool:
        return bool(self._part)

    def _take_back(self, call: Call[Request, Answer], why: str) -> bool:
        is_unsent = self._outgoing.holds(call.tag)
        self._outgoing.take_back(call.tag)
        return is_unsent


@attrs.define(eq=False)
class Made:
    """One call, and what became of it."""

    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    said: int | None = None
    error: MeshError | None = None


@attrs.define(eq=False)
class Bench:
    """A session, its connection, the endpoint's end, and whether the session was said to be idle, each time it changed."""

    session: Pairs
    connection: Gated
    endpoint: StreamConnection
    nursery: trio.Nursery
    idle: list[bool] = attrs.field(factory=list)

    async def call(self, expiry: Expiry | None = None) -> Made:
        """Make a call, and wait until nothing happens any more."""
        made = Made()

        async def run() -> None:
            request = Request()
            request.context.expiry = expiry
            with made.scope:
                try:
                    made.said = (await self.session(request)).said
                except MeshError as error:
                    made.error = error

        self.nursery.start_soon(run)
        await trio.testing.wait_all_tasks_blocked()
        return made

    async def say(self, *said: int) -> None:
        await self.endpoint.send_all(bytes(said))
        await trio.testing.wait_all_tasks_blocked()

    async def give_up(self, made: Made) -> None:
        made.scope.cancel()
        await trio.testing.wait_all_tasks_blocked()


@contextlib.asynccontextmanager
async def pairs(*, greets: bool = True) -> AsyncIterator[Bench]:
    """Open a session."""
    stream, endpoint = memory_connections()
    near = Gated(stream)
    async with trio.open_nursery() as nursery:
        life = Life(nursery, "test")
        limits = Limits(stream_idle_timeout_s=IDLE, header_deadline_s=PIECE)
        bench = Bench(Pairs(near, life, limits), near, endpoint, nursery)
        bench.session.on_change = lambda session: bench.idle.append(session.is_idle())
        if greets:
            await bench.say(0, 0)
        yield bench
        life.close()
        nursery.cancel_scope.cancel()


async def test_answers_in_any_order_reach_their_calls() -> None:
    async with pairs() as bench:
        first, second = await bench.call(), await bench.call()
        await bench.say(2, 20, 1, 10)

        assert (first.said, second.said) == (10, 20)
        assert (bench.session.capacity, bench.session.is_idle()) == (CALLS, True)


async def test_a_call_waits_until_calls_can_be_sent_and_the_session_is_not_idle_meanwhile() -> None:
    async with pairs(greets=False) as bench:
        made = await bench.call()
        is_idle = bench.session.is_idle()
        await bench.say(0, 0)
        await bench.say(1, 10)

        assert (is_idle, made.said) == (False, 10)


async def test_a_call_waits_for_that_no_longer_than_its_expiry_allows(autojump_clock: trio.testing.MockClock) -> None:
    async with pairs(greets=False) as bench:
        made = await bench.call(Expiry(trio.current_time() + 2, AttemptTimeout, "too slow"))
        await trio.sleep(3)

        assert isinstance(made.error, AttemptTimeout)
        assert bench.session.capacity == CALLS


async def test_a_call_that_waits_for_that_is_told_what_ended_the_session() -> None:
    async with pairs(greets=False) as bench:
        made = await bench.call()
        await bench.say(NONSENSE, 0)

        assert isinstance(made.error, UpstreamProtocolError)
        assert (made.error.retryable, "made no sense: that is no tag" in str(made.error)) == (True, True)


async def test_a_call_after_the_end_is_told_what_ended_the_session_and_may_be_repeated() -> None:
    async with pairs() as bench:
        bench.session.close()
        made = await bench.call()

        assert isinstance(made.error, UpstreamBroken)
        assert (made.error.retryable, "was closed" in str(made.error)) == (True, True)


async def test_calls_end_with_the_connection_and_those_that_were_not_sent_may_be_repeated() -> None:
    async with pairs() as bench:
        sent = await bench.call()
        bench.connection.gate = trio.Event()
        await bench.call()  # it is being written
        unsent = await bench.call()
        await bench.say(3)
        bench.endpoint.close()
        await trio.testing.wait_all_tasks_blocked()

        found = [made.error for made in (sent, unsent)]
        assert [(error.retryable, error.reply_begun) for error in found if isinstance(error, UpstreamBroken)] == [
            (False, False),
            (True, False),
        ]
        assert bench.session.closed


async def test_a_part_of_an_answer_is_that_of_the_only_call() -> None:
    async with pairs() as bench:
        made = await bench.call()
        await bench.say(3)
        bench.endpoint.close()
        await trio.testing.wait_all_tasks_blocked()

        assert isinstance(made.error, UpstreamBroken)
        assert (made.error.retryable, made.error.reply_begun) == (False, True)


async def test_a_free_session_whose_endpoint_hung_up_is_not_usable_but_one_with_calls_goes_on() -> None:
    async with pairs() as bench:
        bench.connection.hung_up = True
        free = bench.session.is_usable()
        bench.connection.hung_up = False
        made = await bench.call()
        bench.connection.hung_up = True
        late = await bench.call()
        busy = bench.session.is_usable()
        await bench.say(1, 10)

        assert (free, busy, made.said) == (False, True, 10)
        assert isinstance(late.error, UpstreamBroken)
        assert late.error.retryable


async def test_a_call_that_is_given_up_before_it_was_sent_leaves_nothing() -> None:
    async with pairs() as bench:
        bench.connection.gate = trio.Event()
        await bench.call()  # it is being written
        made = await bench.call()
        before = bench.session.capacity
        await bench.give_up(made)

        assert (before, bench.session.capacity) == (CALLS - 2, CALLS - 1)


async def test_the_place_of_a_call_that_is_given_up_stays_taken_until_its_answer_comes() -> None:
    async with pairs() as bench:
        await bench.give_up(await bench.call())
        before = (bench.session.capacity, bench.idle[-1])
        await bench.say(1, 10)

        assert (before, bench.session.capacity) == ((CALLS - 1, True), CALLS)


async def test_a_session_with_too_many_calls_that_were_given_up_ends_with_the_last_that_somebody_waits_for() -> None:
    async with pairs() as bench:
        made = [await bench.call() for _ in range(CALLS)]
        for one in made[1:]:
            await bench.give_up(one)
        state = (bench.session.leaving, bench.session.capacity, bench.session.is_usable(), bench.session.closed)
        await bench.say(1, 10)

        assert state == (True, 0, False, False)
        assert (made[0].said, bench.session.closed) == (10, True)


async def test_a_late_call_is_given_up_by_itself(autojump_clock: trio.testing.MockClock) -> None:
    async with pairs() as bench:
        late = await bench.call(Expiry(trio.current_time() + 2, AttemptTimeout, "too slow"))
        other = await bench.call()
        await trio.sleep(3)
        before = (type(late.error), other.error, bench.session.closed)
        await trio.sleep(IDLE)

        assert before == (AttemptTimeout, None, False)
        assert isinstance(other.error, IdleTimeout)


async def test_an_endpoint_that_stops_in_the_middle_of_a_message_is_given_up(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with pairs() as bench:
        made = await bench.call()
        await bench.say(1)
        await trio.sleep(PIECE + 1)

        assert "stopped in the middle of a message for 5 s" in str(made.error)


async def test_an_endpoint_that_does_not_read_is_given_up(autojump_clock: trio.testing.MockClock) -> None:
    async with pairs() as bench:
        bench.connection.gate = trio.Event()
        await bench.call(Expiry(trio.current_time() + 1, AttemptTimeout, "too slow"))
        await trio.sleep(IDLE + 1)

        assert bench.session.closed


async def test_an_endpoint_that_does_not_read_gets_no_more_calls_until_it_does() -> None:
    async with pairs() as bench:
        outgoing = bench.session._outgoing
        outgoing.on_full()
        stalled = bench.session.capacity
        outgoing.on_room()

        assert (stalled < 0, bench.session.capacity) == (True, CALLS)


@pytest.mark.parametrize(("size", "is_too_much"), [(MOST_UNSENT - 2, False), (MOST_UNSENT - 1, True)])
async def test_a_session_ends_when_too_much_waits_to_be_sent(size: int, is_too_much: bool) -> None:
    async with pairs() as bench:
        bench.connection.gate = trio.Event()
        made = await bench.call()
        bench.session._outgoing.add(bytes(size))
        bench.session._outgoing.on_excess()
        await trio.testing.wait_all_tasks_blocked()

        assert (made.error is not None, bench.session.closed) == (is_too_much, is_too_much)
