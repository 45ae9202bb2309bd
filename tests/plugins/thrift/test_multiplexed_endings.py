"""What ends a call, and a connection, that others share."""

import pytest
import trio
import trio.testing

from mesh import (
    AttemptTimeout,
    Expiry,
    IdleTimeout,
    RemoteProtocolError,
    UpstreamBroken,
    UpstreamProtocolError,
)
from mesh_plugins.thrift.framing import framed
from mesh_plugins.thrift.peer import Peer
from mesh_plugins.thrift.wire import CALL
from tests.plugins.thrift.samples import ENCODINGS
from tests.plugins.thrift.sharing import IDLE, PIECE, asked, replied, several


@pytest.mark.parametrize(
    "nonsense",
    [
        replied(9),
        replied(0),
        replied(-1),
        replied(1, b"other"),
        replied(1, kind=CALL),
        framed(b"\x80"),
        b"\0\0\0\0",
        b"\xff\xff\xff\xff",
        b"\x7f\xff\xff\xff",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
    ],
)
async def test_what_belongs_to_no_call_ends_the_connection_and_all_calls(nonsense: bytes) -> None:
    async with several() as bench:
        first, second = await bench.call(), await bench.call()
        await bench.send(nonsense)

        for made in (first, second):
            assert isinstance(made.error, UpstreamProtocolError)
            assert not made.error.retryable
        assert first.error is not second.error
        assert (bench.session.closed, bench.session.is_usable()) == (True, False)


async def test_a_second_reply_to_a_call_is_one_too_many() -> None:
    async with several() as bench:
        first, second = await bench.call(), await bench.call()
        await bench.send(replied(1) + replied(1))

        assert first.reply is not None
        assert isinstance(second.error, UpstreamProtocolError)


async def test_a_reply_while_no_call_is_open_ends_the_connection() -> None:
    async with several() as bench:
        await bench.send(replied(1))

        assert (bench.session.closed, bench.changes) == (True, 1)


async def test_a_call_that_was_not_written_may_be_repeated() -> None:
    async with several() as bench:
        first = await bench.call()
        bench.connection.gate = trio.Event()
        await bench.call()
        second = await bench.call()
        await bench.endpoint.aclose()
        await trio.testing.wait_all_tasks_blocked()

        errors = [made.error for made in (first, second)]
        assert [isinstance(error, UpstreamBroken) and error.retryable for error in errors] == [False, True]


async def test_a_reply_that_breaks_off_has_begun() -> None:
    async with several() as bench:
        made = await bench.call()
        await bench.send(replied(1)[:9])
        await bench.endpoint.aclose()
        await trio.testing.wait_all_tasks_blocked()

        assert isinstance(made.error, UpstreamBroken)
        assert made.error.reply_begun


async def test_a_call_that_is_given_up_harms_no_other_and_its_late_reply_is_dropped() -> None:
    async with several() as bench:
        first, second = await bench.call(), await bench.call()
        first.scope.cancel()
        await trio.testing.wait_all_tasks_blocked()
        between = bench.session.capacity
        await bench.send(replied(1) + replied(2))

        assert (between, bench.session.capacity, bench.session.closed) == (2, 4, False)
        assert second.reply is not None


async def test_a_timeout_of_one_call_is_its_own(autojump_clock: object) -> None:
    async with several() as bench:
        late = asked()
        late.context.expiry = Expiry(trio.current_time() + 2, AttemptTimeout, "too slow")
        first, second = await bench.call(late), await bench.call()
        await trio.sleep(2)
        await bench.send(replied(1) + replied(2))

        assert (type(first.error), second.reply is not None) == (AttemptTimeout, True)


async def test_nothing_is_sent_of_a_call_that_is_late(autojump_clock: object) -> None:
    async with several() as bench:
        late = asked()
        late.context.expiry = Expiry(trio.current_time(), AttemptTimeout, "too slow")
        made = await bench.call(late)

        assert (type(made.error), bench.session.capacity, bench.changes) == (AttemptTimeout, 4, 1)


async def test_a_session_with_too_many_calls_that_were_given_up_takes_no_more_and_ends_with_the_last() -> None:
    async with several() as bench:
        calls = [await bench.call() for _ in range(4)]
        for made in calls[:3]:
            made.scope.cancel()
        await trio.testing.wait_all_tasks_blocked()
        leaving = (bench.session.leaving, bench.session.closed)
        await bench.send(replied(4))

        assert leaving == (True, False)
        assert (calls[3].reply is not None, bench.session.closed) == (True, True)


async def test_a_connection_on_which_nothing_comes_is_dead(autojump_clock: object) -> None:
    async with several() as bench:
        first = await bench.call()
        await trio.sleep(10)
        second = await bench.call()
        await trio.sleep(IDLE - 9)

        assert isinstance(first.error, IdleTimeout)
        assert isinstance(second.error, UpstreamBroken)


async def test_calls_that_are_late_at_once_all_end(autojump_clock: object) -> None:
    async with several() as bench:
        calls = [await bench.call() for _ in range(3)]
        await trio.sleep(IDLE + 1)

        assert [type(made.error) for made in calls] == [IdleTimeout, UpstreamBroken, UpstreamBroken]


async def test_a_call_without_an_answer_is_given_up_while_others_are_answered(autojump_clock: object) -> None:
    async with several() as bench:
        first = await bench.call()
        await trio.sleep(10)
        await bench.call()
        await bench.send(replied(2))
        await trio.sleep(IDLE - 9)

        assert (type(first.error), bench.session.closed) == (IdleTimeout, False)


async def test_a_long_reply_is_waited_for_as_long_as_it_goes_on_coming(autojump_clock: object) -> None:
    answer = replied(1, args=bytes.fromhex("0b0000 00000003 616263 00"))
    async with several() as bench:
        made = await bench.call()
        for at in range(len(answer)):
            await trio.sleep(PIECE - 1)
            await bench.send(answer[at : at + 1])

        assert made.reply is not None


async def test_an_endpoint_that_stops_in_the_middle_of_a_reply_is_not_waited_for(autojump_clock: object) -> None:
    async with several() as bench:
        made = await bench.call()
        await bench.send(replied(1)[:9])
        await trio.sleep(PIECE + 1)

        assert isinstance(made.error, UpstreamBroken)
        assert made.error.reply_begun


async def test_a_call_that_cannot_be_written_harms_no_other() -> None:
    async with several(Peer(ENCODINGS[2], calls=4)) as bench:
        good = await bench.call()
        bad = await bench.call(asked(args=b"\x63"))

        assert isinstance(bad.error, RemoteProtocolError)
        assert (good.is_open, bench.session.capacity, bench.session.closed) == (True, 3, False)


async def test_closing_fails_what_is_open() -> None:
    async with several() as bench:
        made = await bench.call()
        bench.session.close()
        after = await bench.call()

        assert [type(made.error), type(after.error)] == [UpstreamBroken, UpstreamBroken]
        assert after.error is not None
        assert after.error.retryable
        assert bench.session.is_idle()
