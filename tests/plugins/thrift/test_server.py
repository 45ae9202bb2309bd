"""The serving side of Thrift: calls in order, broken ones answered, connections that end."""

import contextlib
import struct

import pytest
import trio
import trio.testing

from mesh import Limits, Unroutable
from mesh_plugins.connections.ages import Ages
from mesh_plugins.thrift.exceptions import ExceptionType, exception
from mesh_plugins.thrift.framing import framed
from mesh_plugins.thrift.header import RequestHeader
from mesh_plugins.thrift.message import (
    BINARY,
    COMPACT,
    OLD_BINARY,
    Encoding,
    Frame,
    ThriftReply,
    ThriftRequest,
    read_reply,
)
from mesh_plugins.thrift.serving import Serving
from mesh_plugins.thrift.ttwitter import agrees, asks, write_request_header
from mesh_plugins.thrift.walking import Bounds
from mesh_plugins.thrift.wire import CALL, EXCEPTION, ONEWAY, REPLY
from tests.plugins.thrift.benches import ARGS, a_call, echo, served
from tests.plugins.thrift.samples import ENCODINGS, STRUCTS, call


def is_exception(message: bytes, kind: ExceptionType) -> bool:
    return read_reply(message).head.kind == EXCEPTION and struct.pack(">bhi", 8, 2, kind) in message


async def test_calls_are_answered_in_order() -> None:
    async with served() as bench:
        await bench.client.send_all(b"".join(a_call(seqid=number) for number in range(40)))
        replies = [read_reply(await bench.frame()).head for _number in range(40)]

    assert [head[:3] for head in replies] == [(REPLY, b"echo", number) for number in range(40)]


@pytest.mark.parametrize("is_framed", [True, False])
@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_every_encoding_is_served_however_the_bytes_come(encoding: Encoding, is_framed: bool) -> None:
    configured = BINARY if encoding is OLD_BINARY else encoding
    wanted = encoding.message(REPLY, b"echo", 7, STRUCTS[encoding.name])
    async with served(serving=Serving(configured, is_framed)) as bench:
        for byte in framed(call(encoding)) if is_framed else call(encoding):
            await bench.client.send_all(bytes((byte,)))
        found = await bench.receive(len(wanted) + 4 * is_framed)

    assert found.hex() == (framed(wanted) if is_framed else wanted).hex()


async def test_a_reply_is_written_in_the_client_s_encoding_with_its_sequence_id() -> None:
    async def answer(_request: ThriftRequest) -> ThriftReply:
        return read_reply(COMPACT.message(REPLY, b"echo", 99, STRUCTS["compact"]))

    async with served(answer) as bench:
        await bench.client.send_all(a_call(seqid=-7))
        found = await bench.frame()

    assert found.hex() == BINARY.message(REPLY, b"echo", -7, STRUCTS["binary"]).hex()


async def test_a_one_way_call_is_not_answered() -> None:
    async with served() as bench:
        await bench.client.send_all(a_call(b"log", 1, ONEWAY) + a_call(seqid=2))
        found = read_reply(await bench.frame())

    assert [request.method for request in bench.asked] == [b"log", b"echo"]
    assert found.head.seqid == 2


async def test_one_way_calls_are_made_although_their_client_is_gone(autojump_clock: object) -> None:
    async def slowly(request: ThriftRequest) -> ThriftReply:
        await trio.sleep(0.1)
        done.append(request.head.seqid)
        return await echo(request)

    done: list[int] = []
    async with served(slowly) as bench:
        await bench.client.send_all(a_call(b"log", 1, ONEWAY) + a_call(b"log", 2, ONEWAY))
        await bench.client.aclose()
        bench.server._hung_up()
        await trio.sleep(1)

    assert done == [1, 2]


async def test_a_call_whose_client_is_gone_is_cancelled(autojump_clock: object) -> None:
    cancelled = trio.Event()

    async def never(_request: ThriftRequest) -> ThriftReply:
        try:
            await trio.sleep_forever()
        finally:
            cancelled.set()

    async with served(never) as bench:
        await bench.client.send_all(a_call())
        await trio.testing.wait_all_tasks_blocked()
        bench.server._hung_up()
        with trio.fail_after(1):
            await cancelled.wait()

    assert bench.asked[0].context.flags == "DC client_gone"


@pytest.mark.parametrize(
    "args",
    [
        "0f0002 08 7fffffff 00",
        "0b0004 fffffffb 00",
        "0f0002 00 0fffffff 00",
        "630009 7878 00",
        "00 4a554e4b",
        "0b0001 00",
    ],
)
async def test_a_broken_call_is_answered_and_its_connection_lives(args: str) -> None:
    async with served() as bench:
        await bench.client.send_all(a_call(args=bytes.fromhex(args)) + a_call(seqid=8))
        refused, answered = await bench.frame(), await bench.frame()

    assert is_exception(refused, ExceptionType.PROTOCOL_ERROR)
    assert (read_reply(refused).head.seqid, read_reply(answered).head.seqid) == (7, 8)
    assert (len(bench.asked), len(bench.refused)) == (1, 1)


async def test_a_broken_one_way_call_is_not_answered() -> None:
    async with served() as bench:
        await bench.client.send_all(a_call(b"log", 1, ONEWAY, b"\x63") + a_call(seqid=8))
        found = read_reply(await bench.frame())

    assert (found.head.seqid, len(bench.refused)) == (8, 1)


async def test_a_name_that_is_not_utf_8_is_refused() -> None:
    async with served() as bench:
        await bench.client.send_all(a_call(b"\xff\xfe"))
        found = await bench.frame()

    assert is_exception(found, ExceptionType.PROTOCOL_ERROR)
    assert bench.asked == []


@pytest.mark.parametrize("kind", [0, REPLY, EXCEPTION, 5])
async def test_a_message_that_is_no_call_is_refused(kind: int) -> None:
    async with served() as bench:
        await bench.client.send_all(a_call(kind=kind))
        found = await bench.frame()

    assert is_exception(found, ExceptionType.INVALID_MESSAGE_TYPE)


@pytest.mark.parametrize(
    "octets",
    [
        b"\0\0\0\0",
        b"\0\0\0\0" * 10000,
        b"GET / HTTP/1.1\r\n\r\n",
        framed(b"GET / HTTP"),
        framed(call(COMPACT)),
        b"\0\0\0\2\x80\1",
    ],
)
async def test_what_is_no_thrift_ends_the_connection(octets: bytes, autojump_clock: object) -> None:
    async with served() as bench, trio.open_nursery() as nursery:
        nursery.start_soon(bench.client.send_all, octets)
        found = await bench.everything()

    assert (found, bench.asked, len(bench.refused)) == (b"", [], 1)


async def test_a_broken_message_without_a_frame_is_answered_and_the_connection_ends(autojump_clock: object) -> None:
    async with served(serving=Serving(is_framed=False)) as bench:
        await bench.client.send_all(BINARY.message(CALL, b"echo", 7, b"\x0b\0\1\xff\xff\xff\xff"))
        found = await bench.everything()

    assert is_exception(found, ExceptionType.PROTOCOL_ERROR)


async def test_a_reply_that_cannot_be_passed_on_is_an_internal_error() -> None:
    async def answer(request: ThriftRequest) -> ThriftReply:
        data = framed(BINARY.message(REPLY, b"echo", 7, b"\x63"))
        return ThriftReply(BINARY, BINARY.read_head(data, 4), Frame(data))

    async with served(answer, Serving(COMPACT)) as bench:
        await bench.client.send_all(framed(call(COMPACT)))
        found = read_reply(await bench.frame())

    assert (found.head.kind, found.encoding) == (EXCEPTION, COMPACT)


async def test_an_error_that_nothing_turned_into_a_reply_is_answered(caplog: pytest.LogCaptureFixture) -> None:
    async def answer(_request: ThriftRequest) -> ThriftReply:
        raise Unroutable("nowhere")

    async with served(answer) as bench:
        await bench.client.send_all(a_call())
        found = await bench.frame()

    assert is_exception(found, ExceptionType.INTERNAL_ERROR)
    assert "not answered" in caplog.text


@pytest.mark.parametrize("is_framed", [True, False])
async def test_the_upgrade_is_accepted_and_headers_are_read(is_framed: bool) -> None:
    header = write_request_header(BINARY, RequestHeader(None, b"me", [(b"a", b"1")], b"/dest"))

    def sent(message: bytes) -> bytes:
        return framed(message) if is_framed else message

    async def answer(request: ThriftRequest) -> ThriftReply:
        reply = await echo(request)
        reply.contexts = [(b"b", b"2")] if request.head.seqid == 2 else []
        return reply

    async with served(answer, Serving(is_framed=is_framed)) as bench:
        await bench.client.send_all(sent(asks(BINARY, 5)))
        agreed = await bench.receive(len(sent(agrees(BINARY, 5))))
        message = BINARY.message(CALL, b"echo", 1, ARGS)
        again = BINARY.message(CALL, b"echo", 2, ARGS)
        for byte in sent(header + message) + sent(header + again):
            await bench.client.send_all(bytes((byte,)))
        plain = sent(b"\0" + BINARY.message(REPLY, b"echo", 1, ARGS))
        first = await bench.receive(len(plain))
        second = await bench.receive(len(plain) + 20)

    assert (agreed, first) == (sent(agrees(BINARY, 5)), plain)
    assert second[4 * is_framed :].startswith(bytes.fromhex("0f0002 0c 00000001 0b0001 00000001 62"))
    (seen, _other) = bench.asked
    assert seen.header is not None
    assert (seen.header.client_id, seen.header.dest, seen.body.buffered) == (b"me", b"/dest", message)


async def test_a_broken_header_ends_the_connection(autojump_clock: object) -> None:
    async with served() as bench:
        await bench.client.send_all(framed(asks(BINARY)) + framed(b"\x63\0\1"))
        found = await bench.everything()

    assert found == framed(agrees(BINARY, 0))


@pytest.mark.parametrize("sent", [b"\0\0", a_call()[:10]])
async def test_a_client_that_stops_in_the_middle_is_closed(sent: bytes, autojump_clock: trio.testing.MockClock) -> None:
    async with served() as bench:
        await bench.client.send_all(sent)
        assert await bench.everything() == b""
        elapsed = trio.current_time()

    assert 10 <= elapsed < 12
    assert len(bench.refused) == 1


async def test_an_idle_connection_is_closed_and_counted(autojump_clock: object) -> None:
    serving = Serving(limits=Limits(idle_timeout_s=5.0))
    async with served(serving=serving) as bench:
        assert await bench.everything() == b""

    assert (serving.ages.idle.value, serving.ages.lifetime.value, bench.refused) == (1, 0, [])


async def test_a_connection_that_became_too_old_ends_with_its_reply(autojump_clock: object) -> None:
    async def slowly(request: ThriftRequest) -> ThriftReply:
        await trio.sleep(10)
        return await echo(request)

    serving = Serving(ages=Ages(5.0))
    async with served(slowly, serving) as bench:
        await bench.client.send_all(a_call())
        found = await bench.everything()

    assert (len(found) > 0, serving.ages.lifetime.value) == (True, 1)


async def test_a_listener_that_drains_lets_the_open_call_end(autojump_clock: object) -> None:
    async def slowly(request: ThriftRequest) -> ThriftReply:
        await trio.sleep(10)
        return await echo(request)

    async with served(slowly) as bench:
        await bench.client.send_all(a_call())
        await trio.testing.wait_all_tasks_blocked()
        bench.switch.drain()
        found = await bench.everything()
        elapsed = trio.current_time()

    assert read_reply(found[4:]).head.seqid == 7
    assert 10 <= elapsed < 11


async def test_a_client_that_never_pauses_goes_after_a_reply_when_its_listener_drains(autojump_clock: object) -> None:
    async def slowly(request: ThriftRequest) -> ThriftReply:
        await trio.sleep(0.9)
        return await echo(request)

    answered = 0
    async with served(slowly) as bench:
        await bench.client.send_all(a_call())
        bench.switch.drain()
        while await bench.frame():
            answered += 1
            await trio.sleep(0.1)
            with contextlib.suppress(trio.BrokenResourceError):
                await bench.client.send_all(a_call())

    assert answered == 8


async def test_a_service_is_left_once_its_call_is_over(autojump_clock: object) -> None:
    async def slowly(request: ThriftRequest) -> ThriftReply:
        await trio.sleep(10)
        return await echo(request)

    async with served(slowly) as bench:
        before, bench.switch.service = bench.switch.service, echo
        await trio.testing.wait_all_tasks_blocked()
        assert bench.server.leaves(before)
        bench.switch.service = before
        await bench.client.send_all(a_call())
        await trio.testing.wait_all_tasks_blocked()
        bench.switch.service = echo
        assert not bench.server.leaves(before)
        await bench.frame()
        assert bench.server.leaves(before)


async def test_limits_bound_what_is_read(autojump_clock: object) -> None:
    async with served(serving=Serving(bounds=Bounds(max_bytes=100, depth=2))) as bench:
        await bench.client.send_all(a_call(args=b"\x0c\0\1\x0c\0\1\0\0\0") + a_call(args=b"\x0b\0\1" + bytes(200)))
        refused, rest = await bench.frame(), await bench.everything()

    assert is_exception(refused, ExceptionType.PROTOCOL_ERROR)
    assert (rest, bench.asked) == (b"", [])


async def test_a_reply_made_by_a_filter_is_sent() -> None:
    async def answer(request: ThriftRequest) -> ThriftReply:
        return exception(request.encoding, request.head, ExceptionType.UNKNOWN_METHOD, "no")

    async with served(answer) as bench:
        await bench.client.send_all(a_call())

        assert is_exception(await bench.frame(), ExceptionType.UNKNOWN_METHOD)
