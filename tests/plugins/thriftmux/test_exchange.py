"""What the access log keeps of a call of ThriftMux."""

import pytest

from mesh import Buffered, Path
from mesh_plugins.access_log.exchange import Exchange
from mesh_plugins.access_log.formats import read_format
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
