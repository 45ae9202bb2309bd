"""Exchanges for tests of the access log."""

from typing import Any

import trio

from mesh import EMPTY_PATH, AddrNeg, BoundName, Buffered, Endpoint, Fields, Fixed, HttpReply, HttpRequest, Path
from mesh_plugins.access_log.exchange import Exchange

TIME = 1452115286.25  # Wed, 06 Jan 2016 21:21:26 GMT


def a_request(
    target: bytes = b"/foo?bar=bah", method: bytes = b"GET", body: bytes = b"", **headers: str
) -> HttpRequest:
    fields: Fields = [(b"host", b"monkeys")]
    fields += [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    made = HttpRequest(method, target, fields, Buffered(body))
    made.context.peer = "10.0.0.9:5555"
    made.context.received_at = trio.current_time()
    return made


def routed(request: HttpRequest) -> HttpRequest:
    """Return a request that went to an endpoint, in its second attempt."""
    context = request.context
    context.path = Path.read("/svc/web")
    context.bound = BoundName(Path.read("/#/io.l5d.fs/web"), EMPTY_PATH, Fixed(AddrNeg()))
    context.endpoint = Endpoint("10.0.0.1", 80)
    context.attempt = 1
    return request


async def an_exchange(request: HttpRequest | None = None, reply: HttpReply | None = None, **more: Any) -> Exchange:
    """Return the exchange of a request and a reply that took 1.5 s, 0.5 of them to the head; `more` are its attributes."""
    asked = a_request() if request is None else request
    answered = HttpReply(200, [(b"content-type", b"text/plain")], b"hello") if reply is None else reply
    ended: list[Exchange] = []
    exchange = Exchange(asked, ended.append)
    exchange.begin_reply(asked, answered)
    while not answered.whole and await answered.body.receive():
        pass
    await answered.aclose()
    assert ended == [exchange]
    exchange.ended, exchange.to_head, exchange.seconds = TIME + 1.5, 0.5, 1.5
    for name, value in more.items():
        setattr(exchange, name, value)
    return exchange
