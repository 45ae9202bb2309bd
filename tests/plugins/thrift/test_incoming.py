"""Messages from endpoints."""

import pytest
import trio

from mesh.testing import memory_connections
from mesh_plugins.thrift.framing import framed, new_messages
from mesh_plugins.thrift.incoming import check_name, echoing, is_answer, next_message, reply_in
from mesh_plugins.thrift.message import BINARY, COMPACT, OLD_BINARY, Encoding, Frame, Message, ThriftRequest
from mesh_plugins.thrift.walking import Bounds
from mesh_plugins.thrift.wire import CALL, EXCEPTION, REPLY, Head, Malformed

REPLIED = BINARY.message(REPLY, b"echo", 7, b"\0")


async def test_a_message_is_put_together_from_its_pieces() -> None:
    near, endpoint = memory_connections()
    messages = new_messages(BINARY, Bounds(), is_framed=True)
    messages.feed(framed(REPLIED)[:3])
    await endpoint.send_all(framed(REPLIED)[3:])

    message = await next_message(near, messages, lambda: trio.current_time() + 5)

    assert message.buffered == REPLIED


async def test_a_connection_that_ends_first_is_broken() -> None:
    near, endpoint = memory_connections()
    messages = new_messages(BINARY, Bounds(), is_framed=True)
    await endpoint.send_all(framed(REPLIED)[:3])
    await endpoint.aclose()

    with pytest.raises(trio.BrokenResourceError):
        await next_message(near, messages, lambda: trio.current_time() + 5)


@pytest.mark.parametrize(
    ("name", "seqid", "expected"),
    [
        (b"users:get", 7, True),
        (b"get", 7, True),
        (b"", 7, True),
        (b"users", 7, False),
        (b"other", 7, False),
        (b"get", 8, False),
    ],
)
def test_an_answer_has_the_id_and_the_name_of_its_call(name: bytes, seqid: int, expected: bool) -> None:
    assert is_answer(Head(REPLY, name, seqid, 0), Head(CALL, b"users:get", 7, 0)) is expected


def test_a_reply_is_read_with_what_comes_beside_it() -> None:
    reply = reply_in(Message(b"\0" + REPLIED), BINARY, Bounds(), is_upgraded=True)

    assert (reply.head.seqid, reply.body.buffered, reply.contexts) == (7, REPLIED, [])


def asked() -> tuple[ThriftRequest, bytes]:
    """Return a call in a frame, and its bytes."""
    call = framed(BINARY.message(CALL, b"echo", 7, b"\0"))
    return ThriftRequest(BINARY, BINARY.read_head(call, 4), Frame(call)), call


def test_a_result_with_the_head_of_its_call_is_read_as_any_other() -> None:
    result = Frame(framed(REPLIED))

    reply, read = echoing(result, *asked()), reply_in(result, BINARY, Bounds(), is_upgraded=False)

    assert reply is not None
    assert (reply.head, reply.encoding, reply.body, reply.whole) == (read.head, read.encoding, read.body, read.whole)


@pytest.mark.parametrize(
    ("encoding", "kind", "name", "seqid"),
    [
        (BINARY, EXCEPTION, b"echo", 7),
        (BINARY, CALL, b"echo", 7),
        (BINARY, REPLY, b"ohce", 7),
        (BINARY, REPLY, b"ech", 7),
        (BINARY, REPLY, b"echo", 8),
        (OLD_BINARY, REPLY, b"echo", 7),
        (COMPACT, REPLY, b"echo", 7),
    ],
)
def test_what_begins_otherwise_than_its_call_is_left_to_be_read(
    encoding: Encoding, kind: int, name: bytes, seqid: int
) -> None:
    message = framed(encoding.message(kind, name, seqid, b"\0"))

    assert [echoing(Frame(message[:end]), *asked()) for end in (len(message), 12, 6)] == [None] * 3


@pytest.mark.parametrize(
    "data", [BINARY.message(CALL, b"echo", 7, b"\0"), COMPACT.message(REPLY, b"e", 7, b"\0"), b"\0"]
)
def test_what_is_no_reply_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        reply_in(Message(data), BINARY, Bounds(), is_upgraded=False)


@pytest.mark.parametrize(
    ("kind", "name", "asked", "fits"),
    [
        (REPLY, b"echo", b"echo", True),
        (REPLY, b"echo", b"users:echo", True),
        (REPLY, b"users:echo", b"users:echo", True),
        (REPLY, b"other", b"echo", False),
        (REPLY, b"", b"echo", False),
        (EXCEPTION, b"", b"echo", True),
    ],
)
def test_a_reply_is_of_the_method_that_was_called(kind: int, name: bytes, asked: bytes, fits: bool) -> None:
    reply, call = Head(kind, name, 7, 0), Head(CALL, asked, 7, 0)

    if fits:
        check_name(reply, call)
    else:
        with pytest.raises(Malformed):
            check_name(reply, call)
