"""What the access log keeps of a call of ThriftMux."""

import pytest

from mesh import Buffered, Path
from mesh_plugins.access_log.exchange import Exchange
from mesh_plugins.access_log.formats import read_format
from mesh_plugins.access_log.operators import THRIFT_KEYS
from mesh_plugins.mux.message import MuxReply, MuxRequest, failed
from mesh_plugins.mux.wire import OK
from mesh_plugins.thrift.message import BINARY, COMPACT
from mesh_plugins.thrift.wire import CALL, EXCEPTION, ONEWAY, REPLY
from mesh_plugins.thriftmux.exchange import ThriftMuxExchange

LINE = read_format("%PROTOCOL% %REQ(:METHOD)% %REQ(:PATH)% %RESPONSE_CODE%")


@pytest.mark.parametrize(
    ("payload", "reply", "line"),
    [
        (BINARY.message(CALL, b"get", 1, b"\0"), BINARY.message(REPLY, b"get", 1, b"\0"), "CALL get 0"),
        (COMPACT.message(ONEWAY, b"get", 1, b"\0"), b"", "ONEWAY get 0"),
        (BINARY.message(CALL, b"get", 1, b"\0"), BINARY.message(EXCEPTION, b"get", 1, b"\0"), "CALL get 3"),
        (BINARY.message(CALL, b"get", 1, b"\0"), b"what?", "CALL get 0"),
        (BINARY.message(CALL, b"get", 1, b"\0"), None, "CALL get 1"),
        (b"", None, "TDISPATCH /a 1"),
    ],
)
async def test_a_call_makes_a_line(payload: bytes, reply: bytes | None, line: str) -> None:
    ended: list[Exchange] = []
    request = MuxRequest(Path.read("/a"), Buffered(payload))
    answer = failed("no") if reply is None else MuxReply(OK, reply)

    exchange = ThriftMuxExchange(request, ended.append)
    exchange.begin_reply(request, answer)
    await answer.aclose()

    assert [LINE(exchange) for exchange in ended] == [f"ThriftMux {line}"]


NOTED = read_format("".join(f"%DYNAMIC_METADATA(thrift.proxy:{key})% " for key in THRIFT_KEYS))
CALLED = COMPACT.message(CALL, b"get", 1, b"\0")


@pytest.mark.parametrize(
    ("payload", "reply", "line"),
    [
        (CALLED, MuxReply(OK, COMPACT.message(REPLY, b"get", 1, b"\0")), "get - compact call - compact reply success "),
        (
            CALLED,
            MuxReply(OK, COMPACT.message(EXCEPTION, b"get", 1, b"\0")),
            "get - compact call - compact exception - ",
        ),
        (CALLED, MuxReply(OK, b"what?"), "get - compact call - - - - "),
        (CALLED, failed("no"), "get - compact call - - - - "),
        (b"", failed("no"), "- - - - - - - - "),
        (b"\x80\x01", failed("no"), "- - - - - - - - "),
    ],
)
async def test_a_line_has_what_envoy_notes_of_a_call(payload: bytes, reply: MuxReply, line: str) -> None:
    ended: list[Exchange] = []
    request = MuxRequest(Path.read("/a"), Buffered(payload))
    ThriftMuxExchange(request, ended.append).begin_reply(request, reply)
    await reply.aclose()

    assert [NOTED(exchange) for exchange in ended] == [line]


async def test_a_call_without_a_reply_is_noted_too() -> None:
    ended: list[Exchange] = []

    ThriftMuxExchange(MuxRequest(Path(), Buffered(CALLED)), ended.append).end()

    assert [NOTED(exchange) for exchange in ended] == ["get - compact call - - - - "]
