"""Thrift's own exceptions: what is answered when a method's result, or an exception that it declares, cannot be.

Source: Apache Thrift, doc/specs/thrift-rpc.md, Exceptions.
"""

from collections.abc import Mapping
from enum import IntEnum

from mesh import Reply
from mesh_plugins.thrift.message import Encoding, Message, ThriftReply
from mesh_plugins.thrift.wire import EXCEPTION, I32, SCALARS, STOP, STRING, Head, Incomplete, Malformed

MOST_TEXT = 16384  # bytes of an exception's message
MOST_FIELDS = 8  # that are looked at for an exception's type: it has two
DECLARED = "DeclaredException"


class ExceptionType(IntEnum):
    """What a `TApplicationException` may be about."""

    UNKNOWN = 0
    UNKNOWN_METHOD = 1
    INVALID_MESSAGE_TYPE = 2
    WRONG_METHOD_NAME = 3
    BAD_SEQUENCE_ID = 4
    MISSING_RESULT = 5
    INTERNAL_ERROR = 6
    PROTOCOL_ERROR = 7
    INVALID_TRANSFORM = 8
    INVALID_PROTOCOL = 9
    UNSUPPORTED_CLIENT_TYPE = 10


_NAMES: Mapping[int, str] = {kind.value: f"TApplicationException/{kind.name}" for kind in ExceptionType}
UNKNOWN_NAME = _NAMES[ExceptionType.UNKNOWN]


def write_exception(encoding: Encoding, name: bytes, seqid: int, kind: ExceptionType, text: str) -> bytes:
    """Return the message of an exception."""
    out = bytearray(encoding.write_head(EXCEPTION, name, seqid))
    writer = encoding.writer(out)
    writer.enter()
    writer.field(STRING, 1)
    writer.string(text.encode()[:MOST_TEXT])
    writer.field(I32, 2)
    writer.number(I32, kind)
    writer.field(STOP, 0)
    return bytes(out)


def exception(encoding: Encoding, head: Head, kind: ExceptionType, text: str) -> ThriftReply:
    """Return an exception as the reply to the call with this head."""
    message = write_exception(encoding, head.name, head.seqid, kind, text)
    return ThriftReply(encoding, encoding.read_head(message, 0), Message(message))


def failure_name(reply: Reply) -> str | None:
    """Return what a reply is called if it is a failure, as by Finagle's clients; None for a result.

    The wire tells the type of a `TApplicationException`, but only the IDL tells that of an exception which a method declares.
    """
    if not isinstance(reply, ThriftReply):
        return None
    if reply.is_exception:
        return _NAMES.get(_type_in(reply), UNKNOWN_NAME)
    try:
        return DECLARED if result_field(reply) != 0 else None
    except (Incomplete, Malformed):
        return None


def _type_in(reply: ThriftReply) -> int:
    """Return the type that an exception says; 0 if it says none."""
    message = reply.body.buffered or b""
    reader = reply.encoding.reader(message, reply.encoding.read_head(message, 0).at, len(message))
    try:
        reader.enter()
        for _ in range(MOST_FIELDS):
            kind, number = reader.field()
            if (kind, number) == (I32, 2):
                return reader.number(I32)
            if kind not in SCALARS:
                break
            reader.skip(kind)
    except (Incomplete, Malformed):
        pass
    return ExceptionType.UNKNOWN


def result_field(reply: ThriftReply) -> int:
    """Return the number of the first field in a result: 0 for what the method returns, another for an exception it declares.

    0 too if there is no field at all, as of a method that returns nothing.
    """
    message = reply.body.buffered or b""
    at = reply.encoding.read_head(message, 0).at if message else 0
    if message[at : at + 1] in (b"\0", b""):
        return 0
    reader = reply.encoding.reader(message, at, len(message))
    reader.enter()
    return reader.field()[1]
