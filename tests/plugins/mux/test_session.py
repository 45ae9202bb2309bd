"""The client's side of Mux; tests/conformance/mux has the dialogues of Finagle's own client."""

import pytest
import trio
import trio.testing

from mesh import (
    AttemptTimeout,
    Expiry,
    IdleTimeout,
    UpstreamBroken,
    UpstreamProtocolError,
)
from mesh_plugins.mux import messages, wire
from mesh_plugins.mux.detector import Detection
from mesh_plugins.mux.fragments import pieces
from mesh_plugins.mux.speaking import Speaking
from mesh_plugins.mux.wire import frame
from tests.plugins.mux.callers import Caller, answer, call, discarded, seen
from tests.plugins.mux.ends import MARKER, RINIT, RPING, TINIT, TPING, limits, spoken

NO_PINGS = Detection(float("inf"))


async def test_calls_are_made_side_by_side_and_answered_in_any_order() -> None:
    async with spoken() as bench:
        callers = [call(bench, payload) for payload in (b"one", b"two")]
        tags = {payload: tag for tag, payload in seen(await bench.endpoint.received())}
        await bench.endpoint.ask(answer(tags[b"two"], b"TWO"))
        first = [caller.content for caller in callers]
        await bench.endpoint.ask(answer(tags[b"one"], b"ONE"))

        assert sorted(tags.values()) == [2, 3]
        assert first == [None, b"TWO"]
        assert callers[0].content == b"ONE"


async def test_a_call_made_before_the_handshake_waits_for_it() -> None:
    async with spoken(shake=False) as bench:
        caller = call(bench)
        frames = await bench.endpoint.received()
        frames += await bench.endpoint.ask(MARKER)
        last = await bench.endpoint.ask(RINIT)
        await bench.endpoint.ask(answer(2))

        assert frames == [MARKER, TINIT]
        assert (last[0], len(last), caller.content) == (TPING, 2, b"ok")


async def test_an_endpoint_that_does_not_negotiate_is_spoken_to_all_the_same() -> None:
    async with spoken(shake=False) as bench:
        caller = call(bench)
        await bench.endpoint.received()
        frames = await bench.endpoint.ask(messages.Error(1, "what is that?").encode())
        await bench.endpoint.ask(answer(2))

        assert (frames[0], caller.content) == (TPING, b"ok")


@pytest.mark.parametrize("reply", [RPING, messages.Error(1, "no").encode(), "0000000403000001"])
async def test_only_an_rinit_answers_a_tinit(reply: str | bytes) -> None:
    async with spoken(shake=False) as bench:
        caller = call(bench)
        await bench.endpoint.ask(MARKER)
        await bench.endpoint.ask(reply)

        assert isinstance(caller.error, UpstreamBroken)
        assert (caller.error.retryable, bench.session.closed) == (True, True)


async def test_an_endpoint_that_says_nothing_is_given_up(autojump_clock: trio.testing.MockClock) -> None:
    async with spoken(shake=False) as bench:
        caller = call(bench)
        await trio.sleep(5)

        assert isinstance(caller.error, UpstreamBroken)
        assert (caller.error.retryable, bench.session.closed) == (True, True)
        assert "was given up after 4 s, before the handshake of Mux was over" in str(caller.error)


async def test_a_call_is_told_that_an_endpoint_hung_up_on_the_handshake() -> None:
    async with spoken(shake=False) as bench:
        caller = call(bench)
        await bench.endpoint.received()
        bench.endpoint.connection.close()
        await bench.endpoint.received()
        later = call(bench)
        await bench.endpoint.received()

        for made in (caller, later):
            assert "was closed by the endpoint, before the handshake of Mux was over" in str(made.error)


async def test_a_call_is_told_that_an_endpoint_answered_the_handshake_with_nonsense() -> None:
    async with spoken(shake=False) as bench:
        caller = call(bench)
        await bench.endpoint.ask(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        assert isinstance(caller.error, UpstreamProtocolError)
        assert caller.error.retryable
        assert "made no sense: " in str(caller.error)
        assert str(caller.error).endswith(", before the handshake of Mux was over")


async def test_after_the_handshake_nothing_is_said_of_it() -> None:
    async with spoken() as bench:
        caller = call(bench)
        await bench.endpoint.received()
        bench.endpoint.connection.close()
        await bench.endpoint.received()

        assert str(caller.error).endswith(" was closed by the endpoint")


async def test_the_place_of_a_call_is_given_back_with_its_answer() -> None:
    changes: list[int] = []
    async with spoken(Speaking(limits(mux_max_pending=1))) as bench:
        bench.session.on_change = lambda session: changes.append(session.capacity)
        call(bench)
        await bench.endpoint.received()
        taken = (bench.session.capacity, bench.session.is_idle())
        await bench.endpoint.ask(answer(2))

        assert (taken, bench.session.capacity, bench.session.is_idle(), changes) == ((0, False), 1, True, [1])


async def test_a_caller_that_goes_away_tells_the_endpoint_and_keeps_the_tag_until_it_answers() -> None:
    async with spoken() as bench:
        caller = call(bench)
        await bench.endpoint.received()
        full = bench.session.capacity
        caller.scope.cancel()
        told = await bench.endpoint.received()
        call(bench, b"next")
        second = seen(await bench.endpoint.received())
        await bench.endpoint.ask(frame(wire.RDISCARDED, 2))
        call(bench, b"third")

        assert (discarded(told[0]), second) == (2, [(3, b"next")])
        assert seen(await bench.endpoint.received()) == [(2, b"third")]
        assert bench.session.capacity == full - 1


async def test_a_late_answer_to_a_call_that_was_given_up_frees_its_tag_too() -> None:
    async with spoken() as bench:
        before = bench.session.capacity
        caller = call(bench)
        await bench.endpoint.received()
        caller.scope.cancel()
        await bench.endpoint.received()
        await bench.endpoint.ask(answer(2))

        assert (bench.session.capacity, caller.reply) == (before, None)


async def test_a_call_that_was_not_sent_yet_vanishes() -> None:
    async with spoken() as bench:
        before = bench.session.capacity
        caller = Caller()
        caller.scope.cancel()
        bench.nursery.start_soon(caller.call, bench, b"hi", None)

        assert (await bench.endpoint.received(), bench.session.capacity) == ([], before)


async def test_a_call_ends_by_its_expiry(autojump_clock: trio.testing.MockClock) -> None:
    async with spoken(Speaking(detection=NO_PINGS), shake=False) as bench:
        await bench.endpoint.ask(MARKER, RINIT)
        caller = call(bench, expiry=Expiry(trio.current_time() + 2, AttemptTimeout, "too slow"))
        other = call(bench)
        await bench.endpoint.received()
        await trio.sleep(1.9)
        before = caller.error
        await trio.sleep(0.2)

        assert before is None
        assert isinstance(caller.error, AttemptTimeout)
        assert discarded((await bench.endpoint.received())[0]) in (2, 3)
        assert (other.error, bench.session.closed) == (None, False)


async def test_a_call_that_is_late_already_is_not_sent() -> None:
    async with spoken() as bench:
        caller = call(bench, expiry=Expiry(trio.current_time() - 1, AttemptTimeout, "too slow"))

        assert await bench.endpoint.received() == []
        assert isinstance(caller.error, AttemptTimeout)


async def test_a_call_without_an_expiry_does_not_wait_for_ever(autojump_clock: trio.testing.MockClock) -> None:
    async with spoken(Speaking(detection=NO_PINGS), shake=False) as bench:
        await bench.endpoint.ask(MARKER, RINIT)
        caller = call(bench)
        await trio.sleep(301)

        assert isinstance(caller.error, IdleTimeout)


async def test_an_endpoint_that_does_not_answer_a_ping_is_dead(autojump_clock: trio.testing.MockClock) -> None:
    found = Detection()
    async with spoken(Speaking(detection=found)) as bench:
        caller = call(bench)
        await bench.endpoint.received()
        await trio.sleep(5.5)
        asked = await bench.endpoint.received()
        await trio.sleep(4)

        assert (asked, bench.session.closed, found.closes.value) == ([TPING], True, 1)
        assert isinstance(caller.error, UpstreamBroken)
        assert not caller.error.retryable


async def test_an_endpoint_that_stops_within_a_frame_is_given_up(autojump_clock: trio.testing.MockClock) -> None:
    async with spoken(Speaking(detection=NO_PINGS), shake=False) as bench:
        await bench.endpoint.ask(MARKER, RINIT)
        first, other = call(bench), call(bench)
        await bench.endpoint.ask(answer(2)[:-1])
        await trio.sleep(9)
        before = bench.session.closed
        await trio.sleep(2)

        assert (before, bench.session.closed) == (False, True)
        assert [type(caller.error) for caller in (first, other)] == [UpstreamBroken, UpstreamBroken]
        assert "stopped in the middle of a message for 10 s" in str(other.error)


async def test_an_endpoint_that_answers_pings_lives(autojump_clock: trio.testing.MockClock) -> None:
    async with spoken() as bench:
        for _ in range(3):
            await trio.sleep(5)
            assert await bench.endpoint.received() == [TPING]
            await bench.endpoint.send(RPING)

        assert not bench.session.closed


async def test_pings_are_answered() -> None:
    async with spoken() as bench:
        assert await bench.endpoint.ask("000000044100004d") == ["00000004bf00004d"]


async def test_an_answer_in_pieces_is_put_together() -> None:
    async with spoken() as bench:
        caller = call(bench)
        await bench.endpoint.received()
        await bench.endpoint.ask(*pieces(answer(2, b"0123456789"), 3))

        assert caller.content == b"0123456789"


async def test_a_long_call_goes_out_in_pieces_if_the_endpoint_wants_them() -> None:
    async with spoken(shake=False) as bench:
        window = messages.Init(wire.RINIT, 1, 1, ((b"mux-framer", (32).to_bytes(4)),)).encode()
        await bench.endpoint.ask(MARKER, window)
        await bench.endpoint.received()
        call(bench, bytes(100))
        frames = await bench.endpoint.received()

        assert len(frames) > 3
        assert [bytes.fromhex(part)[5] >> 7 for part in frames][-1] == 0


@pytest.mark.parametrize("data", [answer(77), frame(wire.RDISCARDED, 77), messages.Error(77, "x").encode(), RPING])
async def test_answers_that_nobody_asked_for_mean_nothing(data: str | bytes) -> None:
    async with spoken() as bench:
        caller = call(bench)
        await bench.endpoint.received()
        await bench.endpoint.ask(data)
        await bench.endpoint.ask(answer(2))

        assert caller.content == b"ok"


async def test_an_error_to_a_call_is_its_answer() -> None:
    async with spoken() as bench:
        first, second = call(bench), call(bench)
        await bench.endpoint.received()
        await bench.endpoint.ask(answer(2))
        await bench.endpoint.ask(messages.Error(3, "no such thing").encode())

        replies = [caller.reply for caller in (first, second)]
        assert sorted((reply.status, reply.body.buffered) for reply in replies if reply) == [
            (wire.OK, b"ok"),
            (wire.ERROR, b"no such thing"),
        ]
