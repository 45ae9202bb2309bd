"""How sessions with endpoints end, and what keeps them from being used."""

import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from mesh import (
    Health,
    Status,
    UpstreamBroken,
    UpstreamProtocolError,
)
from mesh_plugins.mux import messages, wire
from mesh_plugins.mux.detector import Detection
from mesh_plugins.mux.fragments import pieces
from mesh_plugins.mux.speaking import Speaking
from mesh_plugins.mux.wire import frame
from tests.plugins.mux.callers import Caller, answer, call, discarded, seen
from tests.plugins.mux.ends import MARKER, RINIT, limits, spoken

NO_PINGS = Detection(float("inf"))


async def test_an_endpoint_that_drains_gets_no_more_calls_and_answers_the_open_ones() -> None:
    changes: list[bool] = []
    async with spoken() as bench:
        bench.session.on_change = lambda session: changes.append(session.leaving)
        caller = call(bench)
        await bench.endpoint.received()
        agreed = await bench.endpoint.ask("0000000440000005")
        state = (bench.session.leaving, bench.session.capacity, bench.endpoint.closed)
        late = call(bench, b"late")
        await bench.endpoint.ask(answer(2))

        assert (agreed, state, changes[0]) == (["00000004c0000005"], (True, 0, False), True)
        assert (caller.content, bench.endpoint.closed) == (b"ok", True)
        assert isinstance(late.error, UpstreamBroken)
        assert late.error.retryable


async def test_an_idle_session_ends_as_soon_as_its_endpoint_drains() -> None:
    async with spoken() as bench:
        assert await bench.endpoint.ask("0000000440000001") == ["00000004c0000001"]
        assert bench.endpoint.closed


async def test_an_endpoint_that_drains_is_not_waited_for_with_calls_that_were_given_up() -> None:
    async with spoken() as bench:
        caller = call(bench)
        await bench.endpoint.received()
        await bench.endpoint.ask("0000000440000005")
        caller.scope.cancel()
        told = await bench.endpoint.received()

        assert (discarded(told[0]), bench.endpoint.closed) == (2, True)


async def test_an_endpoint_that_drains_during_the_handshake_gets_no_call() -> None:
    speaking = Speaking()

    async with spoken(speaking, shake=False) as bench:
        caller = call(bench)
        told = await bench.endpoint.ask(MARKER, "0000000441000007", "0000000440000005")

        assert [frame[:16] for frame in told[2:]] == ["00000004bf000007", "00000004c0000005"]
        assert isinstance(caller.error, UpstreamBroken)
        assert (caller.error.retryable, bench.endpoint.closed) == (True, True)
        assert (speaking.draining.value, speaking.drained.value) == (1, 1)


async def test_a_session_with_a_call_that_waits_for_the_handshake_is_not_idle() -> None:
    async with spoken(shake=False) as bench:
        before = bench.session.is_idle()
        caller = call(bench)
        await bench.endpoint.received()
        waiting = bench.session.is_idle()
        caller.scope.cancel()
        await bench.endpoint.received()

        assert (before, waiting, bench.session.is_idle()) == (True, False, True)


async def test_whoever_waits_for_a_session_to_be_idle_is_told_when_its_last_call_is_given_up() -> None:
    told: list[bool] = []
    async with spoken() as bench:
        bench.session.on_change = lambda session: told.append(session.is_idle())
        caller = call(bench)
        await bench.endpoint.received()
        caller.scope.cancel()
        await bench.endpoint.received()

        assert told == [True]


async def test_the_rest_of_an_answer_in_pieces_is_passed_over_after_its_call_was_given_up() -> None:
    first, last = pieces(answer(2, b"\7" * 12), 11)
    async with spoken() as bench:
        given_up = call(bench)
        await bench.endpoint.ask(first)
        other = call(bench)
        await bench.endpoint.received()
        given_up.scope.cancel()
        await bench.endpoint.ask(answer(3), last)
        later = call(bench)
        tag, _payload = seen(await bench.endpoint.received())[0]
        await bench.endpoint.ask(answer(tag, b"later"))

        assert (other.content, tag, later.content) == (b"ok", 2, b"later")


@pytest.mark.parametrize("gives_up", [False, True])
async def test_a_call_after_which_too_much_waits_to_be_sent_ends_the_session_unless_it_is_given_up(
    gives_up: bool,
) -> None:
    async with spoken(Speaking(limits(mux_max_frame_bytes=1000), NO_PINGS), shake=False) as bench:
        await bench.endpoint.ask(MARKER, RINIT)
        bench.session._connection._stream.send_stream.send_all_hook = trio.Event().wait  # type: ignore[attr-defined]  # for ever
        other, last = call(bench), Caller()
        await bench.endpoint.received()
        if gives_up:
            last.scope.cancel()
        bench.nursery.start_soon(last.call, bench, bytes(2 << 20), None)
        await bench.endpoint.received()
        ended = [isinstance(caller.error, UpstreamBroken) for caller in (other, last)]

        assert [bench.session.closed, *ended] == [not gives_up] * 3


async def test_a_lease_says_how_long_an_endpoint_takes_calls(autojump_clock: trio.testing.MockClock) -> None:
    health = Health()
    speaking = Speaking(detection=NO_PINGS, health=health)

    async with spoken(speaking, shake=False) as bench:
        await bench.endpoint.ask(MARKER, RINIT)
        await bench.endpoint.ask(messages.Lease(2000).encode())
        statuses = [health.status]
        await trio.sleep(2.1)
        statuses.append(health.status)
        await bench.endpoint.ask(messages.Lease(2000).encode())
        statuses.append(health.status)
        await bench.endpoint.ask(messages.Lease(0).encode())
        statuses.append(health.status)
        bench.session.close()
        statuses.append(health.status)

        assert statuses == [Status.OPEN, Status.BUSY, Status.OPEN, Status.BUSY, Status.OPEN]
        assert speaking.leased.value == 3


@pytest.mark.parametrize(
    "data",
    [
        "0000000463000005",
        "0000000c020000020000000000006869",
        "0000000d43000000010000000000001388",
        "00000003410000",
        "00000005fe00000209",
    ],
)
async def test_what_no_endpoint_may_say_ends_the_session(data: str) -> None:
    async with spoken() as bench:
        caller = call(bench)
        await bench.endpoint.received()
        await bench.endpoint.ask(data)

        assert isinstance(caller.error, UpstreamProtocolError)
        assert (caller.error.retryable, bench.endpoint.closed) == (False, True)


async def test_calls_fail_with_the_connection() -> None:
    async with spoken() as bench:
        caller = call(bench)
        await bench.endpoint.received()
        bench.endpoint.connection.close()
        await bench.endpoint.received()

        assert isinstance(caller.error, UpstreamBroken)
        assert not caller.error.retryable
        assert (bench.session.closed, bench.session.is_usable()) == (True, False)


async def test_a_session_can_be_closed_any_number_of_times() -> None:
    closes: list[bool] = []
    async with spoken() as bench:
        bench.session.on_change = lambda session: closes.append(session.closed)
        bench.session.close()
        bench.session.close()
        await bench.endpoint.received()

        assert (closes, bench.endpoint.closed) == ([True], True)


async def test_a_session_whose_endpoint_never_answers_what_is_given_up_is_replaced() -> None:
    async with spoken(Speaking(limits(mux_max_pending=4))) as bench:
        for _ in range(3):
            caller = call(bench)
            await bench.endpoint.received()
            caller.scope.cancel()
            await bench.endpoint.received()

        assert bench.session.closed


async def test_an_endpoint_that_does_not_read_gets_no_more_calls() -> None:
    async with spoken() as bench:
        outgoing = bench.session._outgoing
        outgoing.on_full()
        stalled = bench.session.capacity
        outgoing.on_room()

        assert (stalled < 0, bench.session.capacity > 0) == (True, True)


@given(st.binary(max_size=200), st.integers(0, 4))
@settings(max_examples=60, deadline=None)
def test_any_bytes_of_an_endpoint_are_survived(data: bytes, shape: int) -> None:
    kinds = (None, wire.RDISPATCH, wire.RREQ, wire.TLEASE, wire.RERR)
    kind = kinds[shape]

    async def try_it() -> Caller:
        async with spoken() as bench:
            caller = call(bench)
            await bench.endpoint.received()
            await bench.endpoint.ask(data if kind is None else frame(kind, 2, data))
            await bench.endpoint.ask(answer(2))
            bench.session.close()
            await bench.endpoint.received()
            return caller

    caller = trio.run(try_it)

    assert (caller.reply is None) is not (caller.error is None)
