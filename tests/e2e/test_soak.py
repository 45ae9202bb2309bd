"""Everything at once, at random: no reply may reach the wrong client, nothing may be left over, nothing may be logged."""

import json
import random

import attrs
import pytest
import trio

from tests.e2e.raw import Incomplete, Message, RawConnection, chunked, connected, reply
from tests.e2e.stubs import Stub, stub
from tests.proxies import Proxy, proxy, stack

pytestmark = pytest.mark.slow

CLIENTS = 24
SECONDS = 2.5
SETTLED_SECONDS = 30.0  # within which the endpoint has seen every connection end that the proxy closed
LARGE = 300_000


async def fickle(endpoint: Stub, connection: RawConnection) -> None:
    """Do with each request what its field `x-do` says; replies begin with what its field `x-id` says."""
    while (head := await connection.head()) is not None:
        said = (head.value(b"x-id") or b"") + b" "
        what = head.value(b"x-do")
        if what == b"early":
            await connection.send(reply(413, body=said))
            return
        if head.value(b"expect"):
            await connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        size = 0
        async for piece in connection.body(head):
            size += len(piece)
        if what == b"vanish":
            return
        said += b"%d " % size
        bodiless = head.first.startswith(b"HEAD")
        await _answer(connection, what, said, bodiless=bodiless)
        if what in (b"half", b"end"):
            return


async def _answer(connection: RawConnection, what: bytes | None, said: bytes, *, bodiless: bool) -> None:
    full = reply(body=said)
    if bodiless:
        full = full[: -len(said)]
    match what:
        case b"chunks":
            body = b"" if bodiless else chunked(said[:2], said[2:], trailers="X-Sum: 1\r\n")
            await connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
        case b"large":
            await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % LARGE)
            if not bodiless:
                await connection.send(said.ljust(LARGE, b"x"))
        case b"slow":
            await trio.sleep(0.02)
            await connection.send(full)
        case b"half":
            await connection.send(full[:-3])
        case b"hints":
            await connection.send(b"HTTP/1.1 103 Early Hints\r\n\r\n" + full)
        case b"more":
            await connection.send(full + reply(body=b"nobody asked"))
        case _:
            await connection.send(full)


WHATS = ("ok", "ok", "chunks", "large", "slow", "half", "hints", "more", "vanish", "end", "early")


@attrs.define(eq=False)
class Client:
    """A client that does anything a client may do. `answered` counts whole replies, `wrong` holds those of others."""

    source: random.Random
    name: str
    answered: int = 0
    wrong: list[Message] = attrs.field(factory=list)
    number: int = 0

    async def run(self, port: int) -> None:
        while True:
            try:
                async with connected(port) as connection:
                    await self._use(connection)
            except* (Incomplete, trio.BrokenResourceError, trio.ClosedResourceError):
                pass  # the proxy closed the connection, as it may: the next request goes over another

    async def _use(self, connection: RawConnection) -> None:
        while True:
            asked = [self._request() for _number in range(self.source.choice((1, 1, 1, 2, 5)))]
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._send, connection, b"".join(octets for _name, octets, _head in asked))
                for name, _octets, is_head in asked:
                    if self.source.random() < 0.05:
                        nursery.cancel_scope.cancel()
                        self.source.choice((connection.close, connection.reset))()
                        return
                    answer = await connection.reply(bodiless=is_head)
                    while answer.status < 200:
                        answer = await connection.reply(bodiless=is_head)
                    self._check(name, answer, is_head=is_head)
                    if answer.value(b"connection") == b"close":
                        nursery.cancel_scope.cancel()
                        return

    async def _send(self, connection: RawConnection, octets: bytes) -> None:
        cuts = sorted(self.source.sample(range(len(octets)), min(len(octets), 4)))
        try:
            for start, end in zip([0, *cuts], [*cuts, len(octets)], strict=True):
                await connection.send(octets[start:end])
                await trio.lowlevel.checkpoint()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return  # refused early: the answer is still to be read

    def _check(self, name: bytes, answer: Message, *, is_head: bool) -> None:
        self.answered += 1
        if answer.status in (200, 413) and not is_head and not answer.body.startswith(name + b" "):
            self.wrong.append(answer)
        if answer.status not in (200, 413, 502):
            self.wrong.append(answer)

    def _request(self) -> tuple[bytes, bytes, bool]:
        self.number += 1
        name = f"{self.name}-{self.number}"
        method = self.source.choice(("GET", "GET", "HEAD", "POST", "PUT"))
        lines = [f"{method} / HTTP/1.1", "Host: web", f"X-Id: {name}", f"X-Do: {self.source.choice(WHATS)}"]
        body = b""
        if method in ("POST", "PUT"):
            size = self.source.choice((0, 5, 3000, 20_000, 200_000))
            body = b"b" * size
            if size and self.source.random() < 0.2:
                lines.append("Expect: 100-continue")
            if self.source.random() < 0.4:
                lines.append("Transfer-Encoding: chunked")
                body = chunked(body[: size // 2], body[size // 2 :]) if size > 1 else b"0\r\n\r\n"
            else:
                lines.append(f"Content-Length: {size}")
        return name.encode(), "\r\n".join([*lines, "", ""]).encode() + body, method == "HEAD"


@pytest.mark.parametrize("engine", ["fast", "reference"])
async def test_no_reply_goes_astray_and_nothing_is_left_over(engine: str) -> None:
    clients = [Client(random.Random(number), str(number)) for number in range(CLIENTS)]

    async with stub(fickle) as endpoint, proxy(stack(endpoint.port, engine=engine)) as running:
        with trio.move_on_after(SECONDS):
            async with trio.open_nursery() as nursery:
                for client in clients:
                    nursery.start_soon(client.run, running.ports[0])
        gauges, left = await gauges_of(running), -1
        with trio.move_on_after(SETTLED_SECONDS):
            while pool_size(gauges) != left:
                await trio.sleep(0.05)
                gauges = await gauges_of(running)
                left = sum(not end.ended for end in endpoint.connections)

    assert [client.wrong for client in clients if client.wrong] == []
    assert min(client.answered for client in clients) > 0
    assert {name: value for name, value in gauges.items() if name.endswith(("/pending", "/load")) and value} == {}
    assert pool_size(gauges) == left


def pool_size(gauges: dict[str, float]) -> float:
    """Return how many connections the proxy has to its endpoint."""
    return sum(value for name, value in gauges.items() if name.endswith("/pool_size"))


async def gauges_of(running: Proxy) -> dict[str, float]:
    """Return the metrics of a proxy."""
    async with connected(running.admin_port) as admin:
        await admin.send(b"GET /admin/metrics.json HTTP/1.1\r\nHost: x\r\n\r\n")
        metrics: dict[str, float] = json.loads((await admin.reply()).body)
    return metrics
