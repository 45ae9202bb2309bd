"""One connection to an endpoint: calls, replies, the upgrade, and what goes wrong."""

import contextlib

import pytest
import trio
import trio.testing

from mesh import (
    Context,
    DeadlineExceeded,
    Expiry,
    IdleTimeout,
    Life,
    Limits,
    MeshError,
    RemoteProtocolError,
    StreamConnection,
    UpstreamBroken,
    UpstreamProtocolError,
)
from mesh.testing import memory_connections
from mesh_plugins.thrift.exceptions import ExceptionType, write_exception
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
    read_request,
)
from mesh_plugins.thrift.peer import Peer
from mesh_plugins.thrift.session import ThriftSession
from mesh_plugins.thrift.sessions import new_session
from mesh_plugins.thrift.ttwitter import agrees, asks, read_request_header
from mesh_plugins.thrift.walking import Bounds
from mesh_plugins.thrift.wire import CALL, ONEWAY, REPLY
from tests.plugins.thrift.benches import ARGS, a_call, session
from tests.plugins.thrift.samples import ENCODINGS, STRUCTS, call


def asked(message: bytes, header: RequestHeader | None = None) -> ThriftRequest:
    return read_request(message, Context(), header)


def in_frame(frame: bytes) -> ThriftRequest:
    return ThriftRequest(BINARY, BINARY.read_head(frame, 4), Frame(frame))


PART = 10  # bytes of a reply that breaks off
CALLED = BINARY.message(CALL, b"echo", 7, ARGS)
REPLIED = framed(BINARY.message(REPLY, b"echo", 7, ARGS))


async def exchange(
    made: ThriftSession, endpoint: StreamConnection, request: ThriftRequest, answer: bytes
) -> tuple[bytes, ThriftReply]:
    """Make a call, and answer it when all of it has come; return what the endpoint got, and the reply.

    After an answer of a few bytes the endpoint closes. Raises what the session does.
    """
    got = b""
    replies: list[ThriftReply] = []
    errors: list[MeshError] = []

    async def ask() -> None:
        try:
            replies.append(await made(request))
        except MeshError as error:
            errors.append(error)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        await trio.testing.wait_all_tasks_blocked()
        got = await endpoint.receive_some()
        await endpoint.send_all(answer)
        if len(answer) < PART:
            await endpoint.aclose()
    for error in errors:
        raise error
    return got, replies[0]


async def test_a_frame_is_passed_on_as_it_is() -> None:
    async with session() as (made, endpoint):
        got, reply = await exchange(made, endpoint, in_frame(a_call()), REPLIED)

    assert (got, reply.body.buffered, reply.head.seqid) == (a_call(), REPLIED[4:], 7)


@pytest.mark.parametrize("is_framed", [True, False])
@pytest.mark.parametrize("target", ENCODINGS)
@pytest.mark.parametrize("source", ENCODINGS)
async def test_an_endpoint_gets_calls_as_it_wants_them(source: Encoding, target: Encoding, is_framed: bool) -> None:
    answer = target.message(REPLY, b"echo", 7, STRUCTS[target.name])
    async with session(Peer(target, is_framed)) as (made, endpoint):
        got, reply = await exchange(made, endpoint, asked(call(source)), framed(answer) if is_framed else answer)

    assert got.hex() == (framed(call(target)) if is_framed else call(target)).hex()
    kept = target if target.has_structs_of(source) else source
    assert (reply.encoding, reply.body.buffered) == (kept, kept.message(REPLY, b"echo", 7, STRUCTS[kept.name]))


async def test_a_session_takes_one_call_at_a_time() -> None:
    async with session() as (made, endpoint):
        before = (made.capacity, made.is_usable())
        async with trio.open_nursery() as nursery:
            nursery.start_soon(made, in_frame(a_call()))
            await trio.testing.wait_all_tasks_blocked()
            during = made.capacity
            await endpoint.send_all(REPLIED)
        after = (made.capacity, made.is_usable())

    assert (before, during, after) == ((1, True), 0, (1, True))


async def test_a_one_way_call_is_over_when_it_is_sent() -> None:
    async with session() as (made, endpoint):
        reply = await made(asked(BINARY.message(ONEWAY, b"log", 1, ARGS)))

        assert (reply.closed, made.capacity) == (True, 1)
        assert await endpoint.receive_some() == a_call(b"log", 1, ONEWAY)


@pytest.mark.parametrize(
    "answer",
    [
        framed(BINARY.message(REPLY, b"echo", 8, ARGS)),
        framed(BINARY.message(REPLY, b"other", 7, ARGS)),
        framed(BINARY.message(CALL, b"echo", 7, ARGS)),
        framed(COMPACT.message(REPLY, b"echo", 7, b"\0")),
        b"\0\0\0\0",
        b"\xff\xff\xff\xff",
        b"\0\0\0\2\x80\1",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
    ],
)
async def test_what_is_no_reply_to_the_call_fails_it_and_closes(answer: bytes) -> None:
    async with session() as (made, endpoint):
        with pytest.raises(UpstreamProtocolError):
            await exchange(made, endpoint, asked(CALLED), answer)

        assert made.closed


async def test_a_reply_nobody_asked_for_closes_the_session() -> None:
    async with session() as (made, endpoint):
        _got, reply = await exchange(made, endpoint, asked(CALLED), REPLIED + REPLIED)

        assert (reply.head.seqid, made.closed) == (7, True)


async def test_an_endpoint_that_closes_breaks_the_call() -> None:
    async with session() as (made, endpoint):
        await endpoint.aclose()
        with pytest.raises(UpstreamBroken) as caught:
            await made(asked(CALLED))

    assert (caught.value.retryable, caught.value.reply_begun) == (False, False)


async def test_a_reply_that_breaks_off_has_begun() -> None:
    async with session() as (made, endpoint):
        with pytest.raises(UpstreamBroken) as caught:
            await exchange(made, endpoint, asked(CALLED), REPLIED[: PART - 1])

    assert caught.value.reply_begun


async def test_an_endpoint_that_says_nothing_is_given_up(autojump_clock: object) -> None:
    async with session(limits=Limits(stream_idle_timeout_s=5.0)) as (made, _endpoint):
        with pytest.raises(IdleTimeout):
            await made(asked(CALLED))

        assert made.closed


@pytest.mark.parametrize("is_framed", [True, False])
async def test_an_endpoint_that_stops_in_the_middle_of_a_reply_is_given_up_sooner(
    is_framed: bool, autojump_clock: object
) -> None:
    async with session(Peer(is_framed=is_framed)) as (made, endpoint):
        with pytest.raises(IdleTimeout, match="nothing for 10 s"):
            await exchange(made, endpoint, asked(CALLED), (REPLIED if is_framed else REPLIED[4:])[:PART])

        assert trio.current_time() == 10.0


async def test_a_deadline_ends_the_wait(autojump_clock: object) -> None:
    request = asked(CALLED)
    async with session() as (made, _endpoint):
        request.context.expiry = Expiry(trio.current_time() + 2, DeadlineExceeded, "late", stays=True)
        with pytest.raises(DeadlineExceeded):
            await made(request)

        assert (made.closed, trio.current_time()) == (True, 2.0)


async def test_nothing_is_sent_of_a_call_that_is_late(autojump_clock: object) -> None:
    request = asked(CALLED)
    async with session() as (made, _endpoint):
        request.context.expiry = Expiry(trio.current_time(), DeadlineExceeded, "late", stays=True)
        with pytest.raises(DeadlineExceeded):
            await made(request)

        assert (made.closed, made.capacity) == (False, 1)


async def test_a_call_that_cannot_be_written_in_another_encoding_is_the_client_s_fault() -> None:
    async with session(Peer(COMPACT)) as (made, _endpoint):
        with pytest.raises(RemoteProtocolError):
            await made(asked(BINARY.message(CALL, b"echo", 7, b"\x63")))


@pytest.mark.parametrize("is_framed", [True, False])
@pytest.mark.parametrize("encoding", [BINARY, COMPACT])
async def test_an_endpoint_that_agrees_gets_headers(encoding: Encoding, is_framed: bool) -> None:
    def sent(message: bytes) -> bytes:
        return framed(message) if is_framed else message

    header = RequestHeader(None, b"me", [(b"x", b"1")])
    struct = STRUCTS[encoding.name]
    replied = sent(b"\0" + encoding.message(REPLY, b"echo", 7, struct))
    async with session(Peer(encoding, is_framed, True)) as (made, endpoint):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(made, asked(call(encoding), header))
            await trio.testing.wait_all_tasks_blocked()
            question = await endpoint.receive_some()
            await endpoint.send_all(sent(agrees(encoding, 0)))
            await trio.testing.wait_all_tasks_blocked()
            got = await endpoint.receive_some()
            await endpoint.send_all(replied)
        again, reply = await exchange(made, endpoint, asked(call(encoding), header), replied)

    assert question == sent(asks(encoding))
    assert again == got
    read, at = read_request_header(encoding, got, 4 * is_framed, Bounds())
    assert (read.client_id, read.contexts, got[at:]) == (b"me", [(b"x", b"1")], call(encoding))
    assert reply.body.buffered == encoding.message(REPLY, b"echo", 7, struct)


async def test_what_comes_beside_a_reply_is_kept() -> None:
    async with session(Peer(upgrades=True)) as (made, endpoint):
        made._is_upgraded = True
        context = bytes.fromhex("0f0002 0c 00000001 0b0001 00000001 61 0b0002 00000001 31 00 00")
        _got, reply = await exchange(made, endpoint, asked(CALLED), framed(context + REPLIED[4:]))

    assert reply.contexts == [(b"a", b"1")]


async def test_an_endpoint_that_knows_no_such_method_gets_plain_calls() -> None:
    async with session(Peer(upgrades=True)) as (made, endpoint):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(made, asked(CALLED))
            await trio.testing.wait_all_tasks_blocked()
            await endpoint.receive_some()
            declined = write_exception(BINARY, b"__can__finagle__trace__v3__", 0, ExceptionType.UNKNOWN_METHOD, "no")
            await endpoint.send_all(framed(declined))
            await trio.testing.wait_all_tasks_blocked()
            got = await endpoint.receive_some()
            await endpoint.send_all(REPLIED)
        again, _reply = await exchange(made, endpoint, asked(CALLED), REPLIED)

    assert (got, again) == (framed(CALLED), framed(CALLED))


async def test_an_endpoint_that_hangs_up_on_the_question_was_sent_nothing() -> None:
    async with session(Peer(upgrades=True)) as (made, endpoint):
        await endpoint.aclose()
        with pytest.raises(UpstreamBroken) as caught:
            await made(asked(CALLED))

    assert caught.value.retryable


async def test_an_endpoint_that_takes_the_question_badly_gets_plain_calls_over_the_next_connection() -> None:
    new = new_session(Peer(upgrades=True), Limits())
    got = []
    for answer in (b"HTTP/1.1 400 Bad Request", REPLIED):
        near, endpoint = memory_connections()
        made = new(near, Life(None))
        assert isinstance(made, ThriftSession)
        with contextlib.suppress(UpstreamProtocolError):
            sent, _reply = await exchange(made, endpoint, asked(CALLED), answer)
            got.append(sent)

    assert got == [framed(CALLED)]


async def test_an_old_endpoint_may_answer_a_strict_call() -> None:
    async with session() as (made, endpoint):
        _got, reply = await exchange(made, endpoint, asked(CALLED), framed(OLD_BINARY.message(REPLY, b"echo", 7, ARGS)))

    assert reply.encoding is OLD_BINARY


@pytest.mark.parametrize(
    "answer", [COMPACT.message(REPLY, b"echo", 7, b"\x1e\0"), COMPACT.message(REPLY, b"echo", 7, b"\0J")]
)
async def test_a_reply_whose_values_cannot_be_written_anew_is_the_endpoint_s_fault(answer: bytes) -> None:
    async with session(Peer(COMPACT)) as (made, endpoint):
        with pytest.raises(UpstreamProtocolError):
            await exchange(made, endpoint, asked(CALLED), framed(answer))


async def test_a_reply_that_does_not_end_with_its_frame_is_none_for_a_client_without_frames() -> None:
    async with session() as (made, endpoint):
        with pytest.raises(UpstreamProtocolError):
            await exchange(made, endpoint, asked(CALLED), framed(REPLIED[4:] + b"J"))
    async with session() as (made, endpoint):
        _got, reply = await exchange(made, endpoint, in_frame(a_call()), framed(REPLIED[4:] + b"J"))

    assert reply.body.buffered == REPLIED[4:] + b"J"


async def test_a_long_reply_comes_in_pieces(autojump_clock: object) -> None:
    struct = b"\x0b\0\1" + (100_000).to_bytes(4, "big") + bytes(100_000) + b"\0"
    answer = BINARY.message(REPLY, b"echo", 7, struct)
    async with session(Peer(is_framed=False)) as (made, endpoint):
        _got, reply = await exchange(made, endpoint, asked(CALLED), answer)

    assert reply.body.buffered == answer
