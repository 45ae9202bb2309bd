"""Plain TCP, and TLS that passes through, by a running proxy, with real clients and servers at either end."""

import contextlib
import pathlib
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import trio

from tests.certificates import Authority
from tests.e2e.memory import resident_bytes
from tests.e2e.raw import RawConnection
from tests.e2e.stubs import Stub, stub, ungrouped
from tests.proxies import FS, Proxy, disco, proxy, stack

MIB = 2**20
SNI = [{"kind": "io.l5d.sni"}]


async def echo(_stub: Stub, connection: RawConnection) -> None:
    """Send back whatever comes, and end when the client does."""
    while piece := await connection.stream.receive_some(65536):
        await connection.stream.send_all(piece)
    await connection.send_end()


def tcp(dtab: str | int, **router: Any) -> str:
    return stack(dtab, protocol="tcp", **router)


@contextlib.asynccontextmanager
async def tls_server(folder: pathlib.Path, authority: Authority, name: str) -> AsyncIterator[int]:
    """Run a TLS server that has a certificate for `name`, and says it to whoever connects; return its port."""
    files = authority.issue(name, file=name)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files.cert, files.key)
    (tcp_listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    listener = trio.SSLListener(tcp_listener, context)

    async def serve(stream: trio.SSLStream[trio.SocketStream]) -> None:
        with contextlib.suppress(trio.BrokenResourceError, ssl.SSLError):
            await stream.send_all(f"this is {name}".encode())
            await stream.aclose()

    with ungrouped():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.serve_listeners, serve, [listener])
            yield tcp_listener.socket.getsockname()[1]
            nursery.cancel_scope.cancel()


async def ask(running: Proxy, authority: Authority, name: str) -> str:
    """Connect with TLS to `name` through the proxy, check its certificate, and return what it says."""
    context = ssl.create_default_context(cafile=authority.path)
    stream = await trio.open_tcp_stream("127.0.0.1", running.ports[0])
    secure = trio.SSLStream(stream, context, server_hostname=name, https_compatible=True)
    with trio.fail_after(5):
        said = b"".join([bytes(piece) async for piece in secure])
        await secure.aclose()
    return said.decode()


async def test_a_connection_goes_to_the_endpoint_that_its_port_names() -> None:
    async with stub(echo) as endpoint:
        dtab = f"/svc/0 => /$/inet/127.0.0.1/{endpoint.port};"
        async with proxy(tcp(dtab)) as running, running.connect() as client:
            await client.send(b"hello")
            back = await client.exactly(5)
            await client.send_end()
            ended = await client.is_closed()

    assert (back, ended, client.was_reset) == (b"hello", True, False)


async def test_a_connection_may_have_a_fixed_name() -> None:
    async with stub(echo) as endpoint:
        dtab = f"/svc/db => /$/inet/127.0.0.1/{endpoint.port};"
        text = tcp(dtab, identifier={"kind": "io.l5d.static", "path": "/db"})
        async with proxy(text) as running, running.connect() as client:
            await client.send(b"hello")
            back = await client.exactly(5)

    assert back == b"hello"


async def test_a_server_that_speaks_first_is_heard() -> None:
    async def greet(_stub: Stub, connection: RawConnection) -> None:
        await connection.send(b"220 welcome\r\n")
        await connection.is_closed()

    async with stub(greet) as endpoint, proxy(tcp(endpoint.port)) as running, running.connect() as client:
        greeting = await client.until(b"\r\n")

    assert greeting == b"220 welcome"


async def test_endpoints_that_are_down_are_passed_over(tmp_path: pathlib.Path) -> None:
    answers = []

    async with stub(echo) as good, stub() as bad:
        namers = disco(tmp_path, **{"0": [bad.port, good.port]})
        bad.kill()
        async with proxy(tcp(FS, namers=namers)) as running:
            for _time in range(10):
                async with running.connect() as client:
                    await client.send(b"hello")
                    answers.append(await client.exactly(5))

    assert answers == [b"hello"] * 10


async def test_open_connections_are_spread_by_their_number(tmp_path: pathlib.Path) -> None:
    async with stub(echo) as one, stub(echo) as other, contextlib.AsyncExitStack() as clients:
        namers = disco(tmp_path, **{"0": [one.port, other.port]})
        async with proxy(tcp(FS, namers=namers)) as running:
            for _time in range(20):
                client = await clients.enter_async_context(running.connect())
                await client.send(b"x")
                await client.exactly(1)
            shares = (len(one.connections), len(other.connections))

    assert shares == (10, 10)


async def test_a_connection_that_leads_nowhere_is_reset() -> None:
    async with proxy(tcp("/svc/other => /$/inet/127.0.0.1/1;")) as running, running.connect() as client:
        ended = await client.is_closed()

    assert (ended, client.was_reset) == (True, True)


async def test_connections_beyond_the_limit_are_reset() -> None:
    async with stub(echo) as endpoint:
        text = tcp(endpoint.port, server={"maxConcurrentRequests": 1})
        async with proxy(text) as running, running.connect() as first:
            await first.send(b"a")
            await first.exactly(1)
            async with running.connect() as second:
                await second.is_closed()
            await first.send(b"b")
            back = await first.exactly(1)

    assert (second.was_reset, back) == (True, b"b")


async def test_a_connection_in_which_nothing_moves_is_closed() -> None:
    async with (
        stub(echo) as endpoint,
        proxy(tcp(endpoint.port, server={"tunnelIdleTimeMs": 100})) as running,
        running.connect() as client,
    ):
        ended = await client.is_closed()

    assert (ended, client.was_reset) == (True, False)


async def test_an_endpoint_that_breaks_is_seen_so_by_the_client() -> None:
    async with stub(echo) as endpoint, proxy(tcp(endpoint.port)) as running, running.connect() as client:
        await client.send(b"x")
        await client.exactly(1)
        endpoint.kill()
        await client.is_closed()

    assert client.was_reset


async def test_tls_goes_unopened_to_the_server_that_the_client_asks_for(tmp_path: pathlib.Path) -> None:
    authority = Authority(tmp_path)

    async with tls_server(tmp_path, authority, "a.test") as one, tls_server(tmp_path, authority, "b.test") as other:
        dtab = f"/svc/a.test => /$/inet/127.0.0.1/{one}; /svc/b.test => /$/inet/127.0.0.1/{other};"
        async with proxy(tcp(dtab, identifier=SNI)) as running:
            said = [await ask(running, authority, name) for name in ("a.test", "b.test", "a.test")]

    assert said == ["this is a.test", "this is b.test", "this is a.test"]


async def test_openssl_gets_through_and_is_told_of_names_that_lead_nowhere(
    tmp_path: pathlib.Path, require: Callable[[str], str]
) -> None:
    program = require("openssl")
    authority = Authority(tmp_path)

    async def client(running: Proxy, name: str) -> str:
        place = f"127.0.0.1:{running.ports[0]}"
        command = [program, "s_client", "-connect", place, "-servername", name, "-CAfile", authority.path, "-ign_eof"]
        with trio.fail_after(10):
            done = await trio.run_process(
                command, capture_stdout=True, stderr=subprocess.STDOUT, check=False, stdin=b""
            )
        return done.stdout.decode("latin-1")

    async with (
        tls_server(tmp_path, authority, "a.test") as port,
        proxy(tcp(f"/svc/a.test => /$/inet/127.0.0.1/{port};", identifier=SNI)) as running,
    ):
        found = await client(running, "a.test")
        refused = await client(running, "nowhere.test")

    assert "this is a.test" in found
    assert "Verify return code: 0 (ok)" in found
    assert "unrecognized name" in refused


async def test_a_client_without_a_server_name_may_be_named_otherwise() -> None:
    async with stub(echo) as endpoint:
        dtab = f"/svc/rest => /$/inet/127.0.0.1/{endpoint.port};"
        text = tcp(dtab, identifier=[*SNI, {"kind": "io.l5d.static", "path": "/rest"}])
        async with proxy(text) as running, running.connect() as client:
            await client.send(b"PING")
            back = await client.exactly(4)

    assert back == b"PING"


async def test_a_client_without_a_server_name_is_reset_if_nothing_else_names_it() -> None:
    async with proxy(tcp(1, identifier=SNI)) as running, running.connect() as client:
        await client.send(b"PING")
        await client.is_closed()

    assert client.was_reset


@pytest.mark.slow
async def test_64_mib_go_through_in_both_directions_with_little_memory() -> None:
    async with stub(echo) as endpoint, proxy(tcp(endpoint.port)) as running, running.connect() as client:
        before = resident_bytes()
        most = 0
        left = 64 * MIB
        piece = bytes(MIB)

        async def send() -> None:
            for _number in range(64):
                await client.stream.send_all(piece)
            await client.send_end()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(send)
            while left:
                left -= len(await client.stream.receive_some(65536))
                most = max(most, resident_bytes() - before)

    assert most < 24 * MIB
