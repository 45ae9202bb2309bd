"""What the access log keeps of a call."""

import pytest

from mesh_plugins.access_log.exchange import Exchange
from mesh_plugins.access_log.formats import read_format
from mesh_plugins.access_log.operators import THRIFT_KEYS
from mesh_plugins.thrift.exceptions import ExceptionType, exception
from mesh_plugins.thrift.exchange import ThriftExchange, UnframedExchange
from mesh_plugins.thrift.message import BINARY, ThriftReply, ThriftRequest, nothing, read_reply, read_request
from mesh_plugins.thrift.wire import CALL, ONEWAY, REPLY

RESULT = BINARY.message(REPLY, b"get", 1, b"\0")
LINE = read_format(
    "%PROTOCOL% %REQ(:METHOD)% %REQ(:PATH)% %RESPONSE_CODE% %BYTES_RECEIVED% %BYTES_SENT% %RESPONSE_FLAGS%"
)


def asked(kind: int = CALL) -> ThriftRequest:
    return read_request(BINARY.message(kind, b"get", 1, b"\0"))


@pytest.mark.parametrize(
    ("request_", "reply", "line"),
    [
        (asked(), read_reply(RESULT), "Thrift CALL get 2 16 16 -"),
        (asked(), exception(BINARY, asked().head, ExceptionType.UNKNOWN, ""), "Thrift CALL get 3 16 30 -"),
        (asked(ONEWAY), nothing(asked(ONEWAY)), "Thrift ONEWAY get 0 16 0 -"),
    ],
)
async def test_a_call_makes_a_line(request_: ThriftRequest, reply: ThriftReply, line: str) -> None:
    ended: list[Exchange] = []
    exchange = ThriftExchange(request_, ended.append)
    exchange.begin_reply(request_, reply)
    await reply.aclose()

    assert [LINE(exchange) for exchange in ended] == [line]


async def test_a_call_whose_client_went_away_makes_a_line() -> None:
    ended: list[Exchange] = []
    request = asked()
    request.context.flags = "DC client_gone"

    ThriftExchange(request, ended.append).end()

    assert [LINE(exchange) for exchange in ended] == ["Thrift CALL get 499 16 0 DC"]


NOTED = read_format("".join(f"%DYNAMIC_METADATA(thrift.proxy:{key})% " for key in THRIFT_KEYS))


@pytest.mark.parametrize(
    ("new", "transport"), [(ThriftExchange, "framed"), (UnframedExchange, "unframed")], ids=["framed", "unframed"]
)
async def test_a_line_has_what_envoy_notes_of_a_call(new: type[ThriftExchange], transport: str) -> None:
    ended: list[Exchange] = []
    request, reply = asked(), read_reply(RESULT)
    exchange = new(request, ended.append)
    exchange.begin_reply(request, reply)
    await reply.aclose()

    assert [NOTED(exchange) for exchange in ended] == [f"get {transport} binary call {transport} binary reply success "]


async def test_of_a_one_way_call_nothing_is_noted_but_the_call() -> None:
    ended: list[Exchange] = []
    request = asked(ONEWAY)
    reply = nothing(request)
    ThriftExchange(request, ended.append).begin_reply(request, reply)

    assert [NOTED(exchange) for exchange in ended] == ["get framed binary oneway - - - - "]
