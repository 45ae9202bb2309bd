"""What the access log keeps of a call of Mux."""

import pytest

from mesh import Buffered, Path
from mesh_plugins.access_log.exchange import Exchange
from mesh_plugins.access_log.formats import read_format
from mesh_plugins.mux.exchange import MuxExchange
from mesh_plugins.mux.message import MuxReply, MuxRequest, failed
from mesh_plugins.mux.wire import NACK, OK

LINE = read_format(
    "%PROTOCOL% %REQ(:METHOD)% %REQ(:PATH)% %RESPONSE_CODE% %BYTES_RECEIVED% %BYTES_SENT% %RESPONSE_FLAGS%"
)


def asked(*, is_plain: bool = False) -> MuxRequest:
    return MuxRequest(Path.read("/a"), Buffered(b"hi"), is_plain=is_plain)


@pytest.mark.parametrize(
    ("request_", "reply", "line"),
    [
        (asked(), MuxReply(OK, b"you"), "Mux TDISPATCH /a 0 2 3 -"),
        (asked(is_plain=True), failed("no"), "Mux TREQ /a 1 2 2 -"),
        (asked(), MuxReply(NACK), "Mux TDISPATCH /a 2 2 0 -"),
    ],
)
async def test_a_call_makes_a_line(request_: MuxRequest, reply: MuxReply, line: str) -> None:
    ended: list[Exchange] = []
    exchange = MuxExchange(request_, ended.append)
    exchange.begin_reply(request_, reply)
    await reply.aclose()

    assert [LINE(exchange) for exchange in ended] == [line]


@pytest.mark.parametrize(("flags", "line"), [("DC client_gone", "499 2 0 DC"), ("", "1 2 0 -")])
async def test_a_call_without_an_answer_makes_a_line(flags: str, line: str) -> None:
    ended: list[Exchange] = []
    request = asked()
    request.context.flags = flags

    MuxExchange(request, ended.append).end()

    assert [LINE(exchange) for exchange in ended] == [f"Mux TDISPATCH /a {line}"]
