"""What the access log keeps of requests and replies."""

from collections.abc import Sequence

import pytest
import trio

from mesh import Body, Buffered, HttpReply, MeshError, UpstreamBroken
from mesh_plugins.access_log.exchange import Exchange
from tests.plugins.access_log.exchanges import a_request, an_exchange, routed


class Streaming(Body):
    """A body that comes in pieces, then ends, or breaks."""

    def __init__(self, pieces: Sequence[bytes], error: MeshError | None = None) -> None:
        self.pieces = list(pieces)
        self.error = error

    async def receive(self) -> bytes:
        if not self.pieces and self.error is not None:
            raise self.error
        return self.pieces.pop(0) if self.pieces else b""


async def streamed(body: Body, receive: int) -> Exchange:
    """Return the exchange of a reply of which so many pieces were received."""
    reply = HttpReply(200, [], body)
    ended: list[Exchange] = []
    request = a_request()
    exchange = Exchange(request, ended.append)
    exchange.begin_reply(request, reply)
    for _number in range(receive):
        try:
            await reply.body.receive()
        except MeshError:
            break
    await reply.aclose()
    return ended[0]


async def test_a_whole_exchange_is_counted() -> None:
    exchange = await an_exchange(routed(a_request(body=b"question")))

    assert (exchange.status, exchange.received, exchange.sent, exchange.declared) == (200, 8, 5, 5)
    assert (str(exchange.context.path), exchange.context.peer) == ("/svc/web", "10.0.0.9:5555")
    assert exchange.flags == ""


async def test_times_run_to_the_head_and_to_the_last_byte(autojump_clock: trio.testing.MockClock) -> None:
    request, reply = a_request(), HttpReply(200, [], Streaming([b"ab"]))
    exchange = Exchange(request, lambda _ended: None)

    await trio.sleep(2)
    exchange.begin_reply(request, reply)
    await trio.sleep(3)
    await reply.aclose()

    assert (exchange.to_head, exchange.seconds) == (2.0, 5.0)


@pytest.mark.parametrize(
    ("receive", "error", "sent", "flags"),
    [
        (3, None, 5, ""),
        (1, None, 2, "DC client_gone"),
        (3, UpstreamBroken("gone"), 5, "UC upstream_broken"),
    ],
)
async def test_a_streamed_body_is_counted_and_its_end_is_told(
    receive: int, error: MeshError | None, sent: int, flags: str
) -> None:
    exchange = await streamed(Streaming([b"ab", b"cde"], error), receive)

    assert (exchange.sent, exchange.flags, exchange.declared) == (sent, flags, None)


async def test_a_streamed_request_body_is_counted() -> None:
    request = a_request()
    request.body = Streaming([b"ab", b"cde"])
    ended: list[Exchange] = []
    exchange = Exchange(request, ended.append)

    await request.body.receive()
    exchange.end()

    assert exchange.received == 2


async def test_a_reply_to_head_has_a_length_but_no_body() -> None:
    reply = HttpReply(402)
    reply.declared_size = 304374

    exchange = await an_exchange(a_request(method=b"HEAD"), reply)

    assert (exchange.declared, exchange.sent) == (304374, 0)


@pytest.mark.parametrize(("flags", "status"), [("DC client_gone", 499), ("", 0)])
async def test_a_request_without_a_reply_is_kept_too(flags: str, status: int) -> None:
    request = a_request()
    exchange = Exchange(request, lambda _ended: None)
    request.context.flags = flags

    exchange.end()

    assert (exchange.status, exchange.flags) == (status, flags)


async def test_the_target_is_as_the_client_sent_it() -> None:
    request = a_request(b"/a/b")
    exchange = Exchange(request, lambda _ended: None)

    request.target = b"/b"
    request.headers = []
    exchange.end()

    assert (exchange.target, exchange.headers) == (b"/a/b", [(b"host", b"monkeys")])


async def test_a_body_in_memory_is_left_as_it_is() -> None:
    request = a_request(body=b"x")
    body = request.body

    Exchange(request, lambda _ended: None)

    assert request.body is body
    assert isinstance(body, Buffered)
