"""Messages and their heads, in every encoding."""

import pytest

from mesh import Context
from mesh_plugins.thrift.header import RequestHeader
from mesh_plugins.thrift.message import (
    BINARY,
    COMPACT,
    OLD_BINARY,
    Encoding,
    Frame,
    encoding_of,
    nothing,
    read_reply,
    read_request,
)
from mesh_plugins.thrift.wire import CALL, EXCEPTION, ONEWAY, Incomplete, Malformed
from tests.plugins.thrift.samples import ENCODINGS, HEADS, STRUCTS, call


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_head_is_read_and_written(encoding: Encoding) -> None:
    head = encoding.read_head(b"before" + call(encoding), 6)

    assert (head.kind, head.name, head.seqid, head.at) == (CALL, b"echo", 7, 6 + len(HEADS[encoding.name]))
    assert encoding.write_head(CALL, b"echo", 7) == HEADS[encoding.name]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("seqid", [0, -1, 2**31 - 1, -(2**31)])
def test_sequence_ids_are_signed(encoding: Encoding, seqid: int) -> None:
    assert encoding.read_head(encoding.write_head(ONEWAY, b"", seqid), 0)[:3] == (ONEWAY, b"", seqid)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_head_that_is_not_whole_is_incomplete(encoding: Encoding) -> None:
    head = HEADS[encoding.name]
    for cut in range(len(head)):
        with pytest.raises(Incomplete):
            encoding.read_head(head[:cut], 0)


@pytest.mark.parametrize(
    ("encoding", "data"),
    [
        (BINARY, b"GET / HTTP/1.1\r\n"),
        (BINARY, bytes.fromhex("80020001 00000004 6563686f 00000007")),
        (BINARY, bytes.fromhex("80010001 ffffffff 6563686f 00000007")),
        (BINARY, bytes.fromhex("80010001 7fffffff 6563686f 00000007")),
        (BINARY, HEADS["compact"]),
        (COMPACT, HEADS["binary"]),
        (COMPACT, bytes.fromhex("8222 07 04 6563686f")),
        (COMPACT, bytes.fromhex("8221 07 ffffff7f 6563686f")),
        (COMPACT, bytes.fromhex("8221 ffffffffffffffffffffff")),
    ],
)
def test_what_is_no_head_is_malformed(encoding: Encoding, data: bytes) -> None:
    with pytest.raises(Malformed):
        encoding.read_head(data, 0)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_an_encoding_is_known_by_the_first_byte_of_a_message(encoding: Encoding) -> None:
    assert encoding_of(call(encoding)) is encoding


def test_old_and_strict_binary_differ_in_heads_alone() -> None:
    assert OLD_BINARY.has_structs_of(BINARY)
    assert not OLD_BINARY.has_structs_of(COMPACT)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_request_is_read_from_a_message(encoding: Encoding) -> None:
    context = Context()

    request = read_request(call(encoding), context)

    assert (request.method, request.is_one_way, request.encoding) == (b"echo", False, encoding)
    assert (request.body.buffered, request.body.size) == (call(encoding), len(call(encoding)))
    assert request.context is context


def test_an_empty_message_is_incomplete() -> None:
    with pytest.raises(Incomplete):
        read_request(b"")


def test_what_is_changed_of_a_request_that_is_sent_again_shows_in_it_alone() -> None:
    request = read_request(call(BINARY), header=RequestHeader(dest=b"/web"))

    again = request.again()
    assert again.header is not None
    again.header.dest = b"/other"

    assert request.header is not None
    assert (request.header.dest, again.context is request.context) == (b"/web", True)


def test_an_exception_is_told_from_a_result() -> None:
    replies = [read_reply(BINARY.write_head(kind, b"echo", 7) + b"\0") for kind in (2, EXCEPTION)]

    assert [(reply.is_exception, reply.whole, reply.closed) for reply in replies] == [
        (False, True, False),
        (True, True, False),
    ]


def test_a_one_way_call_has_a_reply_that_is_empty_and_closed() -> None:
    reply = nothing(read_request(BINARY.write_head(ONEWAY, b"log", 3) + b"\0"))

    assert (reply.closed, reply.body.buffered, reply.is_exception) == (True, b"", False)


async def test_a_message_in_a_frame_can_be_received_once_and_read_again() -> None:
    message = Frame(b"\0\0\0\2hi")

    received = [await message.receive(), await message.receive()]

    assert received == [b"hi", b""]
    assert (message.buffered, message.size) == (b"hi", 2)


def test_a_message_is_put_together() -> None:
    assert COMPACT.message(CALL, b"echo", 7, STRUCTS["compact"]) == call(COMPACT)
