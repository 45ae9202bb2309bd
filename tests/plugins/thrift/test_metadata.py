"""What Envoy notes of a call, in its words."""

import pytest

from mesh_plugins.thrift.exceptions import ExceptionType, exception
from mesh_plugins.thrift.header import RequestHeader
from mesh_plugins.thrift.message import BINARY, COMPACT, OLD_BINARY, Encoding, ThriftReply, read_reply, read_request
from mesh_plugins.thrift.metadata import FRAMED, metadata
from mesh_plugins.thrift.wire import CALL, ONEWAY, REPLY

CALLED = read_request(BINARY.message(CALL, b"get", 1, b"\0"))


@pytest.mark.parametrize(
    ("encoding", "word"), [(BINARY, b"binary"), (OLD_BINARY, b"binary/non-strict"), (COMPACT, b"compact")]
)
def test_the_protocol_is_the_client_s(encoding: Encoding, word: bytes) -> None:
    request = read_request(encoding.message(CALL, b"get", 1, b"\0"))

    assert metadata("request:protocol_type", request, None, FRAMED) == word


def test_a_client_with_headers_of_ttwitter_speaks_twitter() -> None:
    request = read_request(BINARY.message(CALL, b"get", 1, b"\0"), header=RequestHeader())

    assert metadata("request:protocol_type", request, None, FRAMED) == b"twitter"


@pytest.mark.parametrize(("kind", "word"), [(CALL, b"call"), (ONEWAY, b"oneway"), (9, None)])
def test_the_type_of_a_call_is_told(kind: int, word: bytes | None) -> None:
    request = read_request(BINARY.message(kind, b"get", 1, b"\0"))

    assert metadata("request:message_type", request, None, FRAMED) == word


@pytest.mark.parametrize(
    ("reply", "message", "kind"),
    [
        (read_reply(BINARY.message(REPLY, b"get", 1, b"\0")), b"reply", b"success"),
        (read_reply(BINARY.message(REPLY, b"get", 1, b"\x0c\0\1\0\0")), b"reply", b"error"),
        (read_reply(BINARY.message(REPLY, b"get", 1, b"\x0c")), b"reply", None),
        (exception(BINARY, CALLED.head, ExceptionType.UNKNOWN, ""), b"exception", None),
        (None, None, None),
    ],
)
def test_the_type_of_a_reply_is_told(reply: ThriftReply | None, message: bytes | None, kind: bytes | None) -> None:
    told = [metadata(f"response:{what}", CALLED, reply, FRAMED) for what in ("message_type", "reply_type")]

    assert told == [message, kind]
