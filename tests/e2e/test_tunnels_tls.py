"""Tunnels over TLS that ends, or begins, at the proxy."""

import pathlib
import socket
import ssl
from typing import Any

import attrs
import pytest
import trio
import websockets.sync.client

from tests.certificates import Authority
from tests.e2e.raw import RawConnection
from tests.e2e.stubs import Stub, stub
from tests.e2e.test_websockets import SECONDS, echo_server
from tests.proxies import Proxy, proxy, stack, stacks

NAME = "web.example"


@attrs.define(eq=False)
class Ground:
    """An authority, and the keys of servers and clients that go by it."""

    authority: Authority
    server: dict[str, Any]
    client: dict[str, Any]

    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.authority.path)

    async def connect(self, running: Proxy, server: int = 0) -> trio.SSLStream[trio.SocketStream]:
        stream = await trio.open_tcp_stream("127.0.0.1", running.ports[server])
        return trio.SSLStream(stream, self.context(), server_hostname=NAME)


@pytest.fixture
def ground(tmp_path: pathlib.Path) -> Ground:
    authority = Authority(tmp_path)
    files = authority.issue(NAME)
    return Ground(authority, {"tls": files.keys()}, {"tls": {"commonName": NAME, "trustCertsBundle": authority.path}})


async def test_websockets_come_with_tls(ground: Ground) -> None:
    answers = []

    def talk(port: int) -> None:
        sock = socket.create_connection(("127.0.0.1", port))
        url = f"wss://{NAME}/"
        with websockets.sync.client.connect(url, sock=sock, ssl=ground.context(), open_timeout=SECONDS) as client:
            for message in ("hello", b"x" * 300_000):
                client.send(message)
                answers.append(client.recv(timeout=SECONDS))

    with echo_server() as port:
        async with proxy(stack(port, server=ground.server)) as running:
            await trio.to_thread.run_sync(talk, running.ports[0])

    assert answers == ["hello", b"x" * 300_000]


async def gather(_endpoint: Stub, connection: RawConnection) -> None:
    """Wait for all that the client says, then say how much that was."""
    await connection.is_closed(SECONDS)
    await connection.send(b"%d bytes" % len(connection.rest))


async def greet(_endpoint: Stub, connection: RawConnection) -> None:
    """Say something, end, and go on listening."""
    await connection.send(b"welcome")
    await connection.send_end()
    await connection.is_closed(SECONDS)


async def echo(_endpoint: Stub, connection: RawConnection) -> None:
    while piece := await connection.stream.receive_some(65536):
        await connection.stream.send_all(piece)


async def test_the_server_name_of_tls_that_ends_here_names_a_connection(ground: Ground) -> None:
    async with stub(greet) as endpoint:
        dtab = f"/svc/{NAME} => /$/inet/127.0.0.1/{endpoint.port};"
        text = stack(dtab, protocol="tcp", identifier={"kind": "io.l5d.sni"}, server=ground.server)
        async with proxy(text) as running:
            secure = await ground.connect(running)
            with trio.fail_after(SECONDS):
                said = b"".join([bytes(piece) async for piece in secure])
                await secure.aclose()

    assert said == b"welcome"


async def test_plain_bytes_come_with_tls_and_go_without(ground: Ground) -> None:
    async with stub(echo) as endpoint, proxy(stack(endpoint.port, protocol="tcp", server=ground.server)) as running:
        secure = await ground.connect(running)
        heard = b""
        with trio.fail_after(SECONDS):
            await secure.send_all(b"x" * 100_000)
            while len(heard) < 100_000:
                heard += await secure.receive_some()
        await secure.aclose()

    assert heard == b"x" * 100_000


async def test_plain_bytes_go_out_with_tls_and_in_both_directions_ends_are_passed_on(ground: Ground) -> None:
    """Two routers: the first speaks TLS with the second, which speaks plainly with the endpoint."""
    async with stub(gather) as endpoint:
        inner = {
            "protocol": "tcp",
            "label": "inner",
            "dtab": f"/svc => /$/inet/127.0.0.1/{endpoint.port};",
            "servers": [{"port": 0, **ground.server}],
        }
        async with proxy(stacks(inner)) as second:
            outer = {
                "protocol": "tcp",
                "label": "outer",
                "dtab": f"/svc => /$/inet/127.0.0.1/{second.ports[0]};",
                "servers": [{"port": 0}],
                "client": ground.client,
            }
            async with proxy(stacks(outer)) as first, first.connect() as client:
                await client.send(b"y" * 200_000)
                await client.send_end()
                ended = await client.is_closed()

    assert (ended, client.was_reset, client.rest) == (True, False, b"200000 bytes")


async def test_the_end_of_an_endpoint_is_a_proper_farewell(ground: Ground) -> None:
    async with stub(greet) as endpoint, proxy(stack(endpoint.port, protocol="tcp", server=ground.server)) as running:
        secure = await ground.connect(running)
        with trio.fail_after(SECONDS):
            said = b"".join([bytes(piece) async for piece in secure])  # raises if the end is not a proper one
            await secure.aclose()

    assert said == b"welcome"


async def test_an_endpoint_that_breaks_is_no_proper_farewell(ground: Ground) -> None:
    async def vanish(_endpoint: Stub, connection: RawConnection) -> None:
        await connection.send(b"half")
        await connection.more()
        connection.reset()

    async with stub(vanish) as endpoint, proxy(stack(endpoint.port, protocol="tcp", server=ground.server)) as running:
        secure = await ground.connect(running)
        with trio.fail_after(SECONDS):
            half = await secure.receive_some()
            await secure.send_all(b"x")
            with pytest.raises(trio.BrokenResourceError):
                await secure.receive_some()
        await trio.aclose_forcefully(secure)

    assert half == b"half"
