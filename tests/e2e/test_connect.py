"""Tunnels that begin with CONNECT, through a running proxy, byte by byte."""

import pathlib
import subprocess
from collections.abc import Callable

import pytest
import trio

from tests.e2e.raw import RawConnection, request
from tests.e2e.stubs import OK, Stub, stub
from tests.proxies import FS, between, disco, proxy, stack


async def plain_echo(_stub: Stub, connection: RawConnection) -> None:
    """Send back whatever comes, without a word of HTTP, and end when the client does."""
    while connection.rest or await connection.more():
        piece, connection.rest = connection.rest, b""
        await connection.send(piece)
    await connection.send_end()


async def test_connect_is_refused_unless_it_is_offered() -> None:
    async with between(plain_echo) as (endpoint, client):
        await client.send(request("CONNECT", "web:443", host="web:443"))
        found = await client.reply()
        ended = await client.is_closed()

    assert (found.status, ended, endpoint.received) == (501, True, b"")


@pytest.mark.parametrize("engine", ["fast", "reference"])
async def test_connect_opens_a_tunnel_to_the_endpoint_that_the_authority_is_routed_to(engine: str) -> None:
    async with stub(plain_echo) as endpoint:
        dtab = f"/svc/db.test:5432 => /$/inet/127.0.0.1/{endpoint.port};"
        async with proxy(stack(dtab, server={"connect": True}, engine=engine)) as running, running.connect() as client:
            await client.send(request("CONNECT", "DB.test:5432", host="other") + b"early")
            head = await client.head()
            early = await client.exactly(5)
            await client.send(b"late")
            late = await client.exactly(4)
            await client.send_end()
            ended = await client.is_closed()

    assert head is not None
    assert head.status == 200
    assert {name for name, _value in head.fields}.isdisjoint({b"content-length", b"transfer-encoding", b"connection"})
    assert (early, late, ended) == (b"early", b"late", True)
    assert endpoint.received == b"earlylate"


async def test_a_tunnel_never_takes_a_connection_on_which_http_was_spoken() -> None:
    async with between(OK, server={"connect": True}) as (endpoint, client):
        await client.send(request(host="web:80"))
        await client.reply()
        await client.send(request("CONNECT", "web:80", host="web:80"))
        await client.head()

    assert len(endpoint.connections) == 2


async def test_curl_speaks_through_a_tunnel(require: Callable[[str], str]) -> None:
    program = require("curl")

    async with stub(OK) as endpoint:
        dtab = f"/svc/web.test:80 => /$/inet/127.0.0.1/{endpoint.port};"
        async with proxy(stack(dtab, server={"connect": True})) as running:
            through = ["--proxytunnel", "--proxy", f"127.0.0.1:{running.ports[0]}", "--max-time", "10"]
            command = [program, "-sS", *through, "http://web.test/1", "http://web.test/2"]
            done = await trio.run_process(command, capture_stdout=True, stderr=subprocess.STDOUT)

    assert done.stdout == b"okok"
    assert [(asked.target, asked.value(b"via")) for asked in endpoint.requests] == [(b"/1", None), (b"/2", None)]


@pytest.mark.parametrize("engine", ["fast", "reference"])
@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (request("CONNECT", "web", host="web"), 400),
        (request("CONNECT", "web:", host="web"), 400),
        (request("CONNECT", "http://web:80/", host="web"), 400),
        (request("CONNECT", "/path", host="web"), 400),
        (request("CONNECT", "web:99999", host="web"), 400),
        (request("CONNECT", "web:80", "Content-Length: 2", host="web:80") + b"hi", 400),
        (request("CONNECT", "web:80", "Transfer-Encoding: chunked", host="web:80") + b"0\r\n\r\n", 400),
        (request("CONNECT", "nowhere:80", host="nowhere:80") + request(host="web"), 502),
    ],
)
async def test_a_connect_that_cannot_be_is_refused_and_ends_the_connection(
    asked: bytes, status: int, engine: str
) -> None:
    async with stub(OK) as endpoint:
        dtab = f"/svc/web => /$/inet/127.0.0.1/{endpoint.port};"
        text = stack(dtab, server={"connect": True}, engine=engine)
        async with proxy(text) as running, running.connect() as client:
            await client.send(asked)
            found = await client.reply()
            ended = await client.is_closed()

    assert (found.status, ended, endpoint.requests) == (status, True, [])


async def test_a_connect_whose_endpoint_is_down_goes_to_another(tmp_path: pathlib.Path) -> None:
    seen = set()

    async with stub(plain_echo) as good, stub() as bad:
        namers = disco(tmp_path, **{"web:1": [bad.port, good.port]})
        bad.kill()
        async with proxy(stack(FS, namers=namers, server={"connect": True})) as running:
            for _time in range(10):
                async with running.connect() as client:
                    await client.send(request("CONNECT", "web:1", host="web:1"))
                    head = await client.head()
                    assert head is not None
                    seen.add(head.status)

    assert seen == {200}
