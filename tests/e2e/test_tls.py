"""TLS on both sides, with clients that were not written for it, and between two proxies."""

import hashlib
import pathlib
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import attrs
import pytest
import trio

from tests.certificates import Authority, Files
from tests.e2e.raw import Message, reply
from tests.e2e.stubs import Stub, answering, stub
from tests.proxies import Proxy, proxy, stack

CURL_SECONDS = "60"
OK = "hello from the other side"


def behave(asked: Message) -> bytes:
    return reply(body=OK.encode() + b"" if asked.first.startswith(b"GET / ") else asked.body)


@attrs.define(eq=False)
class Ground:
    """An authority with a certificate for `web.example`, and an endpoint without TLS."""

    authority: Authority
    files: Files
    endpoint: Stub

    def served(self, **tls: Any) -> dict[str, Any]:
        """Return the keys of a server with TLS."""
        return {"tls": self.files.keys(**tls)}

    def trusting(self, name: str = "web.example", **tls: Any) -> dict[str, Any]:
        """Return the keys of clients with TLS."""
        return {"tls": {"commonName": name, "trustCertsBundle": self.authority.path, **tls}}

    def context(self, *shown: Files) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.authority.path)
        for files in shown:
            context.load_cert_chain(files.cert, files.key)
        return context


@pytest.fixture
async def ground(tmp_path: pathlib.Path) -> AsyncIterator[Ground]:
    authority = Authority(tmp_path)
    async with stub(answering(behave)) as endpoint:
        yield Ground(authority, authority.issue("web.example"), endpoint)


async def ask(
    port: int, context: ssl.SSLContext, path: str = "/", *, server_name: str = "web.example", host: str = "web.example"
) -> bytes:
    """Ask once, over a connection of its own, with Python's TLS; return the whole reply."""
    stream = trio.SSLStream(
        await trio.open_tcp_stream("127.0.0.1", port), context, server_hostname=server_name, https_compatible=True
    )
    async with stream:
        await stream.send_all(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        return b"".join([bytes(piece) async for piece in stream])


async def plainly(port: int) -> bytes:
    """Ask once without TLS; return the whole reply."""
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        await stream.send_all(b"GET / HTTP/1.1\r\nHost: web.example\r\nConnection: close\r\n\r\n")
        return b"".join([bytes(piece) async for piece in stream])


Curl = Callable[..., Awaitable[str]]


@pytest.fixture
def curl(require: Callable[[str], str], ground: Ground) -> Curl:
    program = require("curl")

    async def run(port: int, *args: str, path: str = "/") -> str:
        url = f"https://web.example:{port}{path}"
        trust = ["--cacert", ground.authority.path, "--resolve", f"web.example:{port}:127.0.0.1"]
        command = [program, "-sS", "--max-time", CURL_SECONDS, *trust, *args, url]
        done = await trio.run_process(command, capture_stdout=True, check=False, stderr=subprocess.STDOUT)
        return done.stdout.decode()

    return run


@pytest.mark.parametrize("options", [(), ("--tls-max", "1.2"), ("--no-keepalive",), ("--http1.0",)])
async def test_curl_gets_over_tls(ground: Ground, curl: Curl, options: tuple[str, ...]) -> None:
    async with proxy(stack(ground.endpoint.port, server=ground.served())) as running:
        assert await curl(running.ports[0], *options) == OK


async def test_curl_keeps_its_connection(ground: Ground, curl: Curl) -> None:
    async with proxy(stack(ground.endpoint.port, server=ground.served())) as running:
        shown = await curl(running.ports[0], "-d", "abc", "-w", "[%{num_connects}]", path="/[1-3]")

        assert shown == "abc[1]abc[0]abc[0]"


@pytest.mark.slow
async def test_curl_sends_and_gets_what_is_large(ground: Ground, curl: Curl, tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 3_000_000)
    async with proxy(stack(ground.endpoint.port, server=ground.served())) as running:
        shown = await curl(running.ports[0], "--data-binary", f"@{tmp_path}/file", path="/up")

        assert len(shown) == 3_000_000


async def test_openssl_resumes_its_session(
    ground: Ground, require: Callable[[str], str], tmp_path: pathlib.Path
) -> None:
    async with proxy(stack(ground.endpoint.port, server=ground.served())) as running:
        base = [
            require("openssl"),
            "s_client",
            "-connect",
            f"127.0.0.1:{running.ports[0]}",
            "-CAfile",
            ground.authority.path,
        ]
        base += ["-servername", "web.example", "-quiet"]
        asked = b"GET / HTTP/1.1\r\nHost: web.example\r\nConnection: close\r\n\r\n"
        session = str(tmp_path / "session")

        async def talk(*options: str) -> bytes:
            done = await trio.run_process(
                [*base, *options], stdin=asked, capture_stdout=True, capture_stderr=True, check=False
            )
            return done.stdout

        first, second = await talk("-sess_out", session), await talk("-sess_in", session)

        assert first.endswith(OK.encode())
        assert second.endswith(OK.encode())
        assert await metric(running, "tls/handshakes") == 2
        assert await metric(running, "tls/resumed") == 1


async def metric(running: Proxy, name: str) -> float:
    """Return a metric of the first server."""
    found: float = (
        running.linker.metrics.scope("rt", "http", "server", "127.0.0.1/0").counter(*name.split("/")).read() or 0
    )
    return found


async def test_two_proxies_speak_tls_with_each_other(ground: Ground) -> None:
    shown = ground.authority.issue("spiffe://mesh/front", file="front")
    demands = {"caCertPath": ground.authority.path, "requireClientAuth": True, "clientNames": ["spiffe://mesh/*"]}
    async with (
        proxy(stack(ground.endpoint.port, server=ground.served(**demands))) as back,
        proxy(stack(back.ports[0], client=ground.trusting(clientAuth=shown.keys()))) as front,
    ):
        replies = [await plainly(front.ports[0]) for _time in range(3)]

        assert [reply.endswith(OK.encode()) for reply in replies] == [True] * 3
        assert await metric(back, "tls/handshakes") == 1


async def test_the_endpoint_is_told_which_certificate_the_client_has_shown(ground: Ground) -> None:
    shown = ground.authority.issue("https://buoyant.io", "upstream", file="upstream", common_name="upstream")
    demands = {"caCertPath": ground.authority.path, "requireClientAuth": True}
    file = stack(
        ground.endpoint.port,
        server={**ground.served(**demands), "addForwardedHeader": {"by": {"kind": "router"}, "for": {"kind": "ip"}}},
        client={"forwardClientCert": True},
    )
    async with proxy(file) as running:
        await ask(running.ports[0], ground.context(shown))

    der = ssl.PEM_cert_to_DER_cert(pathlib.Path(shown.cert).read_text())
    digest = hashlib.sha256(der).hexdigest().upper()
    (request,) = ground.endpoint.requests
    assert request.value(b"x-forwarded-client-cert") == (
        f'Hash={digest};SAN=https://buoyant.io;DNS=upstream;Subject="CN=upstream"'.encode()
    )
    assert request.value(b"forwarded") == b"by=_http;for=127.0.0.1;host=web.example;proto=https"


@pytest.mark.parametrize(
    ("name", "status", "error"),
    [
        ("web.example", b"200", b""),
        ("api.example", b"502", b"expected api.example, but its certificate is for web.example"),
    ],
)
async def test_a_wrong_name_is_a_502_that_names_both(ground: Ground, name: str, status: bytes, error: bytes) -> None:
    async with (
        proxy(stack(ground.endpoint.port, server=ground.served())) as back,
        proxy(stack(back.ports[0], client=ground.trusting(name))) as front,
    ):
        reply = await plainly(front.ports[0])

        assert (reply.split()[1], error in reply) == (status, True)


async def test_the_name_may_come_from_the_prefix(ground: Ground) -> None:
    async with proxy(stack(ground.endpoint.port, server=ground.served())) as back:
        clients = {
            "kind": "io.l5d.static",
            "configs": [
                {"prefix": "/", "tls": {"disableValidation": True}},
                {"prefix": "/$/inet/{host}/{port}", **ground.trusting("{host}.example")},
            ],
        }
        async with proxy(stack(back.ports[0], client=clients)) as front:
            reply = await plainly(front.ports[0])

    assert b"expected 127.0.0.1.example, but its certificate is for web.example" in reply


async def test_a_certificate_that_changes_under_load_loses_nothing(ground: Ground) -> None:
    replies: list[bytes] = []
    async with proxy(stack(ground.endpoint.port, server=ground.served())) as running:
        context = ground.context()
        async with trio.open_nursery() as nursery:

            async def load() -> None:
                for _time in range(20):
                    replies.append(await ask(running.ports[0], context))
                    await trio.sleep(0.1)

            nursery.start_soon(load)
            nursery.start_soon(load)
            await trio.sleep(0.3)
            ground.authority.issue("web.example", "new.example")

        assert [reply.endswith(OK.encode()) for reply in replies] == [True] * 40
        assert await metric(running, "tls/reloads") == 1
        assert (await ask(running.ports[0], context, server_name="new.example")).endswith(OK.encode())


async def test_plain_http_is_told_what_the_port_speaks_and_others_go_on(ground: Ground) -> None:
    async with proxy(stack(ground.endpoint.port, server=ground.served()), warnings=True) as running:
        told = await plainly(running.ports[0])
        reply = await ask(running.ports[0], ground.context())

        assert told.endswith(b"this port speaks HTTPS only\n")
        assert reply.endswith(OK.encode())
        assert [warning.split(": ", 1)[1].split(" (")[0][-44:] for warning in running.warnings] == [
            "refused: it speaks plain HTTP to a port with TLS"[-44:]
        ]


async def test_the_admin_server_speaks_tls(ground: Ground) -> None:
    text = stack(ground.endpoint.port).replace(
        '"admin": {', f'"admin": {{"tls": {ground.files.keys()}, '.replace("'", '"')
    )
    async with proxy(text) as running:
        reply = await ask(running.admin_port, ground.context(), "/admin/ping")

        assert reply.endswith(b"pong")


async def test_a_reply_that_is_cut_off_is_seen_to_be(ground: Ground, tmp_path: pathlib.Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(ground.files.cert, ground.files.key)

    async def cut(stream: trio.SocketStream) -> None:
        tls = trio.SSLStream(stream, context, server_side=True)
        await tls.receive_some()
        await tls.send_all(b"HTTP/1.1 200 OK\r\n\r\nhalf of a bo")
        await stream.aclose()

    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, cut, listeners)
        port = listeners[0].socket.getsockname()[1]
        async with proxy(stack(port, client=ground.trusting())) as running:
            reply = await plainly(running.ports[0])
        nursery.cancel_scope.cancel()

    assert b"half of a bo" in reply
    assert not reply.endswith(b"0\r\n\r\n")
