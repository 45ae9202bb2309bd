"""Thrift's own exceptions, and those that methods declare."""

import pytest

from mesh_plugins.thrift.exceptions import ExceptionType, exception, failure_name, result_field
from mesh_plugins.thrift.message import BINARY, COMPACT, Encoding, read_reply
from mesh_plugins.thrift.wire import CALL, EXCEPTION, REPLY, Head
from tests.plugins.thrift.samples import ENCODINGS


def test_an_exception_has_the_call_s_name_and_sequence_id() -> None:
    reply = exception(BINARY, Head(CALL, b"echo", 7, 0), ExceptionType.INTERNAL_ERROR, "sad")

    assert (reply.body.buffered or b"").hex() == (
        "80010003000000046563686f000000070b0001000000037361640800020000000600"
    )
    assert (reply.is_exception, reply.head.name, reply.head.seqid) == (True, b"echo", 7)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_an_exception_can_be_read_in_every_encoding(encoding: Encoding) -> None:
    reply = exception(encoding, Head(CALL, b"echo", -7, 0), ExceptionType.PROTOCOL_ERROR, "bäd")

    read = read_reply(reply.body.buffered or b"")

    assert (read.encoding, read.head) == (encoding, reply.head)


@pytest.mark.parametrize(
    ("encoding", "struct", "number"),
    [
        (BINARY, "0b0000 00000002 6f6b 00", 0),
        (BINARY, "0c0001 00 00", 1),
        (BINARY, "00", 0),
        (COMPACT, "08 00 02 6f6b 00", 0),
        (COMPACT, "1c 00 00", 1),
        (COMPACT, "00", 0),
    ],
)
def test_the_field_of_a_result_says_what_it_is(encoding: Encoding, struct: str, number: int) -> None:
    reply = read_reply(encoding.message(REPLY, b"echo", 7, bytes.fromhex(struct)))

    assert result_field(reply) == number


def test_a_text_is_cut_off_somewhere() -> None:
    reply = exception(BINARY, Head(EXCEPTION, b"", 0, 0), ExceptionType.UNKNOWN, "x" * 100_000)

    assert 16384 < (reply.body.size or 0) < 17000


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("kind", [ExceptionType.UNKNOWN, ExceptionType.MISSING_RESULT])
def test_an_exception_is_named_by_its_type(encoding: Encoding, kind: ExceptionType) -> None:
    reply = exception(encoding, Head(CALL, b"echo", 7, 0), kind, "sad")

    assert failure_name(reply) == f"TApplicationException/{kind.name}"


@pytest.mark.parametrize(
    ("kind", "struct", "name"),
    [
        (EXCEPTION, "00", "TApplicationException/UNKNOWN"),
        (EXCEPTION, "080002 00000063 00", "TApplicationException/UNKNOWN"),
        (EXCEPTION, "080002 00000007 0b0001 00000000 00", "TApplicationException/PROTOCOL_ERROR"),
        (EXCEPTION, "0c0001 080002 00000007 00 00", "TApplicationException/UNKNOWN"),
        (EXCEPTION, "020003 01 " * 9 + "080002 00000007 00", "TApplicationException/UNKNOWN"),
        (EXCEPTION, "080002 0000", "TApplicationException/UNKNOWN"),
        (REPLY, "0c0001 00 00", "DeclaredException"),
        (REPLY, "0b0000 00000000 00", None),
        (REPLY, "00", None),
        (REPLY, "0c", None),
    ],
)
def test_a_reply_has_one_of_few_names_whatever_it_says(kind: int, struct: str, name: str | None) -> None:
    reply = read_reply(BINARY.message(kind, b"echo", 7, bytes.fromhex(struct)))

    assert failure_name(reply) == name
