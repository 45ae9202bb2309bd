"""Several calls at a time over one connection: their ids, and replies in any order."""

import pytest
import trio
import trio.testing

from mesh import (
    AttemptTimeout,
    Context,
    Expiry,
    UpstreamBroken,
)
from mesh_plugins.thrift.exceptions import ExceptionType, write_exception
from mesh_plugins.thrift.framing import framed
from mesh_plugins.thrift.message import BINARY, Encoding, read_request
from mesh_plugins.thrift.multiplexed import SILENT
from mesh_plugins.thrift.peer import Peer
from mesh_plugins.thrift.ttwitter import CAN_TRACE, agrees, asks, read_request_header
from mesh_plugins.thrift.walking import Bounds
from mesh_plugins.thrift.wire import CALL, EXCEPTION, ONEWAY, REPLY
from tests.plugins.thrift.samples import ENCODINGS, STRUCTS, call
from tests.plugins.thrift.sharing import IDLE, asked, replied, several


async def test_calls_go_out_side_by_side_with_ids_of_their_own() -> None:
    async with several() as bench:
        for _ in range(3):
            await bench.call()

        assert [head.seqid for head in await bench.heads(3)] == [1, 2, 3]
        assert bench.session.capacity == 1


async def test_replies_in_any_order_reach_their_calls() -> None:
    async with several() as bench:
        calls = [await bench.call(asked(name)) for name in (b"a", b"b", b"c")]
        await bench.send(replied(3, b"c") + replied(1, b"a"))
        await bench.send(replied(2, b"b"))

        assert [made.reply and made.reply.head.name for made in calls] == [b"a", b"b", b"c"]
        assert (bench.session.capacity, bench.session.closed) == (4, False)


@pytest.mark.parametrize("is_framed", [True, False])
@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_endpoints_get_calls_as_they_want_them(encoding: Encoding, is_framed: bool) -> None:
    def sent(message: bytes) -> bytes:
        return framed(message) if is_framed else message

    struct = STRUCTS[encoding.name]
    async with several(Peer(encoding, is_framed, calls=4)) as bench:
        first, second = [await bench.call(read_request(call(source), Context())) for source in (BINARY, encoding)]
        got = await bench.got(2)
        answers = b"".join(sent(encoding.message(REPLY, b"echo", seqid, struct)) for seqid in (2, 1))
        for at in range(len(answers)):
            await bench.endpoint.send_all(answers[at : at + 1])
        await trio.testing.wait_all_tasks_blocked()

        assert got == [encoding.message(CALL, b"echo", seqid, struct) for seqid in (1, 2)]
        assert first.reply is not None
        assert second.reply is not None
        kept = [source if encoding is ENCODINGS[2] else encoding for source in (BINARY, encoding)]
        assert [made.reply.encoding for made in (first, second) if made.reply] == kept
        assert [
            made.reply.body.buffered[-5:] for made in (first, second) if made.reply and made.reply.body.buffered
        ] == [STRUCTS[one.name][-5:] for one in kept]


async def test_ids_begin_anew_after_the_last_without_those_of_open_calls() -> None:
    async with several() as bench:
        await bench.call()
        bench.session._last_id = (1 << 31) - 2
        for _ in range(2):
            await bench.call()

        assert [head.seqid for head in await bench.heads(3)] == [1, (1 << 31) - 1, 2]


async def test_one_way_calls_are_over_when_they_are_written() -> None:
    async with several() as bench:
        made = await bench.call(asked(b"log", kind=ONEWAY))

        assert (made.reply and made.reply.closed, bench.session.capacity) == (True, 4)
        assert [head.kind for head in await bench.heads(1)] == [ONEWAY]


async def test_a_reply_to_a_one_way_call_is_passed_over() -> None:
    async with several() as bench:
        await bench.call(asked(b"log", kind=ONEWAY))
        other = await bench.call()
        await bench.send(framed(write_exception(BINARY, b"log", 1, ExceptionType.UNKNOWN_METHOD, "")) + replied(2))

        assert (other.reply is not None, bench.session.closed) == (True, False)


async def test_one_way_calls_long_gone_are_forgotten() -> None:
    async with several() as bench:
        for _ in range(SILENT + 1):
            await bench.call(asked(b"log", kind=ONEWAY))
        await bench.send(replied(2))
        before = bench.session.closed
        await bench.send(replied(1))

        assert (before, bench.session.closed) == (False, True)


async def test_headers_stand_before_calls_once_the_endpoint_has_agreed() -> None:
    async with several(Peer(upgrades=True, calls=4)) as bench:
        first, second = await bench.call(), await bench.call()
        question = await bench.got(1)
        await bench.send(framed(agrees(BINARY, 0)))
        calls = await bench.got(2)
        await bench.send(b"".join(framed(b"\0" + replied(seqid)[4:]) for seqid in (2, 1)))

        assert question == [asks(BINARY)]
        starts = [read_request_header(BINARY, data, 0, Bounds())[1] for data in calls]
        assert [BINARY.read_head(data, at).seqid for data, at in zip(calls, starts, strict=True)] == [1, 2]
        assert first.reply is not None
        assert second.reply is not None


async def test_an_endpoint_that_declines_gets_plain_calls() -> None:
    async with several(Peer(upgrades=True, calls=4)) as bench:
        made = await bench.call()
        await bench.got(1)
        await bench.send(framed(BINARY.message(EXCEPTION, CAN_TRACE, 0, b"\0")))
        heads = await bench.heads(1)
        await bench.send(replied(1))

        assert ([head.name for head in heads], made.reply is not None) == ([b"echo"], True)


async def test_an_endpoint_that_hangs_up_on_the_question_loses_no_call() -> None:
    async with several(Peer(upgrades=True, calls=4)) as bench:
        first, second = await bench.call(), await bench.call()
        await bench.endpoint.aclose()
        await trio.testing.wait_all_tasks_blocked()

        assert [isinstance(made.error, UpstreamBroken) and made.error.retryable for made in (first, second)] == [
            True
        ] * 2
        assert bench.session._refusals.has(bench.session._connection.peer)


async def test_a_call_does_not_wait_for_the_question_longer_than_it_may(autojump_clock: object) -> None:
    async with several(Peer(upgrades=True, calls=4)) as bench:
        late = asked()
        late.context.expiry = Expiry(trio.current_time() + 2, AttemptTimeout, "too slow")
        first = await bench.call(late)
        await trio.sleep(2)
        second = await bench.call()
        await trio.sleep(IDLE)

        assert isinstance(first.error, AttemptTimeout)
        assert isinstance(second.error, UpstreamBroken)
        assert second.error.retryable
