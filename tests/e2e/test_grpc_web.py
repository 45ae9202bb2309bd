"""Browsers' calls over HTTP/1.1, to a server of gRPC by its own library."""

import base64
import contextlib
from collections.abc import AsyncIterator

import pytest

from mesh_plugins.grpc import messages
from mesh_plugins.grpc.messages import MessageReader, encode
from tests.e2e.grpc_peers import SPLIT, UNARY, Backend, backend
from tests.e2e.raw import Message, RawConnection, request
from tests.proxies import one, proxy, stacks

pytestmark = pytest.mark.slow

WEB, TEXT = "application/grpc-web+proto", "application/grpc-web-text"
TRAILERS = 0x80


@contextlib.asynccontextmanager
async def browser(dtab: str = "") -> AsyncIterator[tuple[Backend, RawConnection]]:
    """Run a server of gRPC and a linker, and connect to that as a browser does."""
    filters = {"server": [{"kind": "io.l5d.grpcWeb"}]}
    async with (
        backend() as server,
        proxy(stacks(one(dtab or server.port, client={"protocol": "h2"}, filters=filters))) as running,
        running.connect() as connection,
    ):
        yield server, connection


async def ask(connection: RawConnection, method: str, body: bytes, content_type: str, *headers: str) -> Message:
    fields = (f"Content-Type: {content_type}", f"Content-Length: {len(body)}", "X-Grpc-Web: 1", *headers)
    await connection.send(request("POST", method, *fields) + body)
    return await connection.reply()


def said(reply: Message, content_type: str) -> list[messages.Message]:
    body = reply.body
    if content_type == TEXT:
        quanta = [body[place : place + 4] for place in range(0, len(body), 4)]
        body = b"".join(base64.b64decode(quantum) for quantum in quanta)
    return MessageReader().feed(body)


@pytest.mark.parametrize("content_type", [WEB, TEXT])
async def test_a_browser_calls_a_method_and_reads_the_status_in_the_body(content_type: str) -> None:
    sent = encode(b"hello")
    async with browser() as (server, connection):
        body = base64.b64encode(sent) if content_type == TEXT else sent
        reply = await ask(connection, UNARY, body, content_type, "x-echo: yes")
        again = await ask(connection, UNARY, body, content_type)

    message, trailers = said(reply, content_type)
    answered = b"application/grpc-web-text" if content_type == TEXT else b"application/grpc-web"
    assert (reply.status, reply.value(b"content-type")) == (200, answered)
    assert (message.content, trailers.flags) == (b"hello", TRAILERS)
    assert {b"grpc-status: 0", b"x-echo: yes"} <= set(trailers.content.split(b"\r\n"))
    assert said(again, content_type)[0].content == b"hello"
    assert "x-grpc-web" not in server.calls[0].metadata


@pytest.mark.parametrize("content_type", [WEB, TEXT])
async def test_a_stream_of_answers_comes_as_one_body(content_type: str) -> None:
    sent = encode(b"abc")
    async with browser() as (_server, connection):
        body = base64.b64encode(sent) if content_type == TEXT else sent
        reply = await ask(connection, SPLIT, body, content_type)

    assert [message.content for message in said(reply, content_type)[:-1]] == [b"a", b"b", b"c"]


async def test_a_call_that_fails_has_its_status_too() -> None:
    async with browser() as (_server, connection):
        reply = await ask(connection, UNARY, encode(b""), WEB, "x-fail: NOT_FOUND")

    ended = reply.body + b"".join(b"%s: %s\r\n" % field for field in reply.fields)
    assert (reply.status, b"grpc-status: 5" in ended) == (200, True)


async def test_so_has_one_that_leads_nowhere() -> None:
    async with browser("/nothing => /svc") as (_server, connection):
        reply = await ask(connection, UNARY, encode(b""), WEB)

    assert (reply.status, reply.value(b"grpc-status")) == (200, b"14")
    assert (reply.value(b"content-type") or b"").startswith(b"application/grpc-web")


async def test_a_deadline_is_kept() -> None:
    async with browser() as (server, connection):
        reply = await ask(connection, UNARY, encode(b""), WEB, "grpc-timeout: 200m", "x-wait: yes")

    assert reply.value(b"grpc-status") == b"4"
    assert server.calls[0].left is not None
