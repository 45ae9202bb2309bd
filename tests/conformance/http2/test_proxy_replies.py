"""The published bad endpoints of HTTP/2 through a running proxy: what its client gets, and what the endpoint is told."""

import contextlib
from collections.abc import AsyncIterator, Callable

import attrs
import pytest
import trio

from mesh_plugins.http2.engine import NO_ERROR
from mesh_plugins.http2.frames import DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PREFACE, RST_STREAM, SETTINGS
from tests.e2e.h2cases import CODES, cases
from tests.e2e.raw import Incomplete, Message, request
from tests.plugins.http2.driving import block, frame, frames_of
from tests.proxies import Proxy, one, proxy, stacks

pytestmark = pytest.mark.slow

OK = block((b":status", b"200"))
SECONDS = 60.0


@attrs.define(eq=False)
class Endpoint:
    """An endpoint that greets, and answers the head of each request with the bytes that `answer` returns for its number.

    `codes` are those of the resets that came, and of the farewells that were not friendly.
    """

    port: int
    answer: Callable[[int, int], bytes]
    heads: int = 0
    codes: list[str] = attrs.Factory(list)
    ended: trio.Event = attrs.Factory(trio.Event)

    async def serve(self, stream: trio.SocketStream) -> None:
        """Serve one connection."""
        received = b""
        with contextlib.suppress(trio.BrokenResourceError):
            await stream.send_all(frame(SETTINGS, 0, 0))
            async for data in stream:
                received += data
                taken = received.removeprefix(PREFACE)
                whole, received = _whole(taken)
                for kind, _, number, payload in frames_of(whole):
                    if kind == HEADERS:
                        self.heads += 1
                        await stream.send_all(self.answer(number, self.heads))
                    elif kind == RST_STREAM:
                        self.codes.append(CODES[int.from_bytes(payload)])
                    elif kind == GOAWAY and (code := int.from_bytes(payload[4:8])) != NO_ERROR:
                        self.codes.append(CODES[code])
        self.ended.set()
        await trio.aclose_forcefully(stream)


def _whole(data: bytes) -> tuple[bytes, bytes]:
    """Divide bytes behind the last frame that has come whole."""
    at = 0
    while len(data) - at >= 9 and at + 9 + int.from_bytes(data[at : at + 3]) <= len(data):
        at += 9 + int.from_bytes(data[at : at + 3])
    return data[:at], data[at:]


@contextlib.asynccontextmanager
async def between(answer: Callable[[int, int], bytes], **client: object) -> AsyncIterator[tuple[Endpoint, Proxy]]:
    """Run such an endpoint behind a linker that takes HTTP/1.1."""
    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        endpoint = Endpoint(listener.socket.getsockname()[1], answer)
        nursery.start_soon(trio.serve_listeners, endpoint.serve, [listener])
        router = one(endpoint.port, client={"protocol": "h2", "failureAccrual": {"kind": "none"}, **client})
        async with proxy(stacks(router), warnings=True) as running:
            yield endpoint, running
        nursery.cancel_scope.cancel()


async def ask(running: Proxy, method: str = "GET") -> Message | None:
    """Return what a client is answered, or None if that breaks off."""
    async with running.connect() as client:
        await client.send(request(method))
        with trio.fail_after(SECONDS):
            try:
                return await client.reply()
            except Incomplete:
                return None


def answered(number: int) -> bytes:
    return frame(HEADERS, END_HEADERS, number, OK) + frame(DATA, END_STREAM, number, b"ok")


async def test_h2up_refused_stream() -> None:
    def answer(number: int, head: int) -> bytes:
        return frame(RST_STREAM, 0, number, (7).to_bytes(4)) if head == 1 else answered(number)

    async with between(answer) as (endpoint, running):
        reply = await ask(running, "POST")

    assert reply is not None
    assert (reply.status, reply.body, endpoint.heads) == (200, b"ok", 2)


async def test_h2up_push() -> None:
    async with between(lambda number, _: frame(5, END_HEADERS, number, b"\0\0\0\x02" + OK)) as (endpoint, running):
        reply = await ask(running, "POST")
        with trio.fail_after(SECONDS):
            await endpoint.ended.wait()

    assert reply is not None
    assert (reply.status, endpoint.codes) == (502, ["PROTOCOL_ERROR"])


async def test_h2up_settings_flood() -> None:
    async with between(lambda *_: frame(SETTINGS, 0, 0) * 10_000) as (endpoint, running):
        reply = await ask(running, "POST")
        with trio.fail_after(SECONDS):
            await endpoint.ended.wait()

    assert reply is not None
    assert (reply.status, endpoint.codes) == (502, ["ENHANCE_YOUR_CALM"])


async def test_h2up_cl_mismatch() -> None:
    def answer(number: int, _: int) -> bytes:
        head = OK + block((b"content-length", b"10"))
        return frame(HEADERS, END_HEADERS, number, head) + frame(DATA, END_STREAM, number, b"abc")

    async with between(answer) as (endpoint, running):
        reply = await ask(running)

    assert reply is None or reply.status == 502
    assert set(endpoint.codes) <= {"PROTOCOL_ERROR"}
    assert endpoint.codes


@pytest.mark.parametrize(
    ("flags", "head"),
    [
        pytest.param(END_HEADERS | END_STREAM, OK + block((b"x-a", b"b\r\nx-evil: 1")), id="h2up-header-injection"),
        pytest.param(END_HEADERS | END_STREAM, block((b":status", b"103")), id="h2up-1xx-endstream"),
    ],
)
async def test_a_reply_that_is_malformed_is_a_bad_gateway(flags: int, head: bytes) -> None:
    async with between(lambda number, _: frame(HEADERS, flags, number, head)) as (endpoint, running):
        reply = await ask(running)

    assert reply is not None
    assert reply.status == 502
    assert b"evil" not in bytes(repr(reply), "ascii")
    assert set(endpoint.codes) == {"PROTOCOL_ERROR"}


async def test_h2up_ping_dead() -> None:
    async with between(lambda *_: b"", pingIntervalMs=100, pingTimeoutMs=100) as (endpoint, running):
        reply = await ask(running, "POST")
        with trio.fail_after(SECONDS):
            await endpoint.ended.wait()

    assert reply is not None
    assert reply.status in (502, 504)


def test_every_case_has_its_test() -> None:
    here = {name.removeprefix("test_").replace("_", "-") for name in globals() if name.startswith("test_h2up")}

    missing = {case["id"] for case in cases("http2-upstream")} - here

    assert missing == {"h2up-header-injection", "h2up-1xx-endstream"}  # which are the parameters above
