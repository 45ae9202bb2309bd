"""The published bad inputs of TLS and of the PROXY protocol, through a running proxy; and another client goes on meanwhile."""

import pathlib
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import pytest
import trio
import yaml
from trio.testing import MockClock

from tests.certificates import Authority
from tests.e2e.stubs import OK, Stub, stub
from tests.proxies import Proxy, proxy, stack

# A case's own shape depends on its protocol, so it is `Any` until it is taken apart.
Case = Any

FILE = yaml.safe_load((pathlib.Path(__file__).parent / "bad_inputs.yaml").read_text())
CASES: dict[str, Case] = {case["id"]: case for case in FILE["inputs"]}
OTHERWISE = {
    "tls-sni-mismatch": "a listener makes the same demands whatever name is asked for, so there is nothing to get around",
}
"""Cases that are answered otherwise, and why."""
SECONDS = 60.0  # that anything may take before a test gives up


@attrs.frozen
class Ground:
    """A running proxy, what it leads to, and who signs certificates."""

    running: Proxy
    endpoint: Stub
    authority: Authority

    @property
    def port(self) -> int:
        return self.running.ports[0]

    def context(self, *names: str, days: float = 1, authority: Authority | None = None) -> ssl.SSLContext:
        """Return what a client begins with that shows a certificate for `names`."""
        context = ssl.create_default_context(cafile=self.authority.path)
        if names:
            files = (authority or self.authority).issue(*names, file="client", days=days)
            context.load_cert_chain(files.cert, files.key)
        return context


def octets_of(part: Any) -> bytes:
    if "hex" in part:
        return bytes.fromhex(part["hex"])
    octets: bytes = part.get("bytes", "").encode("latin-1") * part.get("repeat", 1)
    return octets


async def say(port: int, data: bytes, *, ends: bool = False) -> bytes:
    """Send, and return all that comes back."""
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        pieces: list[bytes] = []
        try:
            await stream.send_all(data)
            if ends:
                await stream.send_eof()
            while piece := await stream.receive_some():
                pieces.append(bytes(piece))
        except trio.BrokenResourceError:
            pass
        return b"".join(pieces)


async def ask(port: int, context: ssl.SSLContext) -> bytes:
    """Ask over TLS; return the reply, or nothing if the connection was refused."""
    tls = trio.SSLStream(await trio.open_tcp_stream("127.0.0.1", port), context, server_hostname="web.example")
    try:
        await tls.send_all(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
        return bytes(await tls.receive_some())
    except trio.BrokenResourceError:
        return b""
    finally:
        await trio.aclose_forcefully(tls)


@pytest.mark.parametrize(
    "case", [case for case in CASES.values() if case["proto"] == "proxy-protocol"], ids=lambda c: c["id"]
)
async def test_the_proxy_protocol(case: Case, idle_clock: MockClock) -> None:
    said = b"".join(map(octets_of, case["input"]))
    ends = any("eof" in part for part in case["input"])
    async with (
        stub(OK) as endpoint,
        proxy(stack(endpoint.port, server={"proxyProtocol": True, "limits": {"idle_timeout_s": 0.3}})) as running,
    ):
        with trio.fail_after(SECONDS):
            reply = await say(running.ports[0], said, ends=ends)
            other = await say(running.ports[0], b"PROXY UNKNOWN\r\nGET / HTTP/1.1\r\nHost: a.test\r\n\r\n")

        status = int(reply.split()[1]) if reply else 0
        assert status in case["expect"].get("status", [0])
        assert len(endpoint.requests) == case["expect"]["upstream_requests"] + 1
        assert other.startswith(b"HTTP/1.1 200")


async def plain_http(ground: Ground) -> bool:
    reply = await say(ground.port, b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
    return reply.startswith(b"HTTP/1.1 400") and any("plain HTTP" in warning for warning in ground.running.warnings)


async def slow_handshake(ground: Ground) -> bool:
    return await say(ground.port, b"\x16\x03\x01\x02") == b""


async def expired(ground: Ground) -> bool:
    return await ask(ground.port, ground.context("client.example", days=-1)) == b""


async def wrong_authority(ground: Ground) -> bool:
    stranger = Authority(pathlib.Path(ground.authority.path).parent, "stranger")
    return await ask(ground.port, ground.context("client.example", authority=stranger)) == b""


async def two_uris(ground: Ground) -> bool:
    return await ask(ground.port, ground.context("spiffe://mesh/a", "spiffe://mesh/b")) == b""


async def unknown_protocol(ground: Ground) -> bool:
    context = ground.context("client.example")
    context.set_alpn_protocols(["acme"])
    return await ask(ground.port, context) == b""


SITUATIONS: dict[str, Callable[[Ground], Awaitable[bool]]] = {
    "tls-plain-http": plain_http,
    "tls-slow-handshake": slow_handshake,
    "tls-client-cert-expired": expired,
    "tls-client-cert-wrong-ca": wrong_authority,
    "tls-client-cert-two-uri-san": two_uris,
    "tls-alpn-none": unknown_protocol,
}


@pytest.mark.parametrize("name", SITUATIONS)
async def test_a_client_of_tls_is_refused_and_others_go_on(
    name: str, tmp_path: pathlib.Path, idle_clock: MockClock
) -> None:
    authority = Authority(tmp_path)
    files = authority.issue("web.example")
    tls = files.keys(caCertPath=authority.path, requireClientAuth=True, handshakeTimeoutMs=300)
    async with stub(OK) as endpoint, proxy(stack(endpoint.port, server={"tls": tls}), warnings=True) as running:
        ground = Ground(running, endpoint, authority)
        with trio.fail_after(SECONDS):
            refused = await SITUATIONS[name](ground)
            before = len(endpoint.requests)
            other = await ask(ground.port, ground.context("client.example"))

        assert refused
        assert before == CASES[name]["expect"].get("upstream_requests", 0)
        assert other.startswith(b"HTTP/1.1 200")


async def test_a_certificate_is_rotated_and_garbage_keeps_the_last_good_one(tmp_path: pathlib.Path) -> None:
    authority = Authority(tmp_path)
    files = authority.issue("web.example")
    async with (
        stub(OK) as endpoint,
        proxy(stack(endpoint.port, server={"tls": files.keys()}), warnings=True) as running,
    ):
        ground = Ground(running, endpoint, authority)
        scope = running.linker.metrics.scope("rt", "http", "server", "127.0.0.1/0", "tls")
        replies = [await ask(ground.port, ground.context())]

        authority.issue("web.example", "new.example")
        await trio.sleep(1.1)
        replies.append(await ask(ground.port, ground.context()))
        reloads = scope.counter("reloads").read()
        pathlib.Path(files.cert).write_text("garbage")
        for _look in range(2):
            await trio.sleep(1.1)
            replies.append(await ask(ground.port, ground.context()))

        assert [reply[:12] for reply in replies] == [b"HTTP/1.1 200"] * 4
        assert (reloads, scope.counter("reload_failures").read(), scope.gauge("stale").read()) == (1, 1, 1)


def test_every_case_is_run_or_has_its_reason() -> None:
    run = {*SITUATIONS, "tls-cert-rotate", *(name for name in CASES if name.startswith("pp"))}

    assert set(CASES) - run == set(OTHERWISE)
