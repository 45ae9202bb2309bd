"""Accepting TLS clients, the hostile ones included."""

import contextlib
import logging
import pathlib
import ssl
from collections.abc import AsyncIterator
from typing import Any

import attrs
import pytest
import trio
import trio.testing

from mesh.message import TlsPeer
from mesh.metrics import Metrics, flat
from mesh.settings import ServerCertificate, TlsServer
from mesh.tls import TlsAcceptor, TlsConnection, UnusableFilesError
from mesh.tls.server import NO_PROTOCOL, HandshakeError
from mesh.transport import Connection, SocketConnection
from tests.certificates import Authority, Files
from tests.tls.handshakes import socket_pair
from tests.waiting import settled


@attrs.define(eq=False)
class Desk:
    """An acceptor, and what became of those who came."""

    acceptor: TlsAcceptor
    metrics: Metrics
    authority: Authority
    nursery: trio.Nursery
    accepted: list[Connection] = attrs.field(factory=list)
    refused: list[HandshakeError] = attrs.field(factory=list)
    _clients: list[SocketConnection] = attrs.field(factory=list)

    def meet(self) -> SocketConnection:
        """Let a client come in; return its end of the socket."""
        ours, theirs = socket_pair()
        self._clients.append(theirs)
        self.nursery.start_soon(self._accept, ours)
        return theirs

    async def _accept(self, below: SocketConnection) -> None:
        try:
            self.accepted.append(await self.acceptor.shake_hands(below))
        except HandshakeError as error:
            self.refused.append(error)

    async def shake(self, context: ssl.SSLContext, server_name: str = "web.example") -> TlsConnection:
        client = TlsConnection(self.meet(), context, server_name=server_name)
        self._clients.append(client)
        await client.shake_hands()
        await settled()
        return client

    def client(self, files: Files | None = None, *protocols: str) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.authority.path)
        if files is not None:
            context.load_cert_chain(files.cert, files.key)
        if protocols:
            context.set_alpn_protocols(list(protocols))
        return context

    @property
    def causes(self) -> list[str]:
        return [error.cause for error in self.refused]


@contextlib.asynccontextmanager
async def desk(folder: pathlib.Path, **keys: Any) -> AsyncIterator[Desk]:
    authority, metrics = Authority(folder), Metrics()
    files = authority.issue("web.example")
    if "ca" in keys:
        keys["ca_cert_path"] = authority.path
        del keys["ca"]
    tls = TlsServer(cert_path=files.cert, key_path=files.key, **keys)
    async with trio.open_nursery() as nursery:
        made = Desk(TlsAcceptor(tls, "web", metrics, ("http/1.1", "http/1.0")), metrics, authority, nursery)
        made.acceptor.show()
        yield made
        for connection in (*made.accepted, *made._clients):
            connection.close()
        nursery.cancel_scope.cancel()


async def test_a_client_is_known_by_what_it_asked_for(tmp_path: pathlib.Path) -> None:
    async with desk(tmp_path) as server:
        client = await server.shake(server.client(None, "h2", "http/1.1"))
        peer = server.accepted[0].tls

        assert isinstance(peer, TlsPeer)
        assert (peer.server_name, peer.protocol, peer.certificate) == ("web.example", "TLSv1.3", b"")
        assert client.protocol == "http/1.1"
        assert flat(server.metrics, "tls")["handshakes"] == 1


async def test_a_client_is_known_by_its_certificate(tmp_path: pathlib.Path) -> None:
    async with desk(tmp_path, ca=True, require_client_auth=True, client_names=("spiffe://mesh/*",)) as server:
        files = server.authority.issue("spiffe://mesh/api", file="client")

        await server.shake(server.client(files))

        peer = server.accepted[0].tls
        assert peer is not None
        assert peer.sans == ("URI:spiffe://mesh/api",)


@pytest.mark.parametrize(
    ("names", "days", "cause", "message"),
    [
        ((), 1, "certificate", "peer did not return a certificate"),
        (("spiffe://mesh/api",), -1, "certificate", "certificate has expired"),
        (("spiffe://mesh/a", "spiffe://mesh/b"), 1, "name", "has 2 URIs"),
        (("api.example",), 1, "name", "is for api.example, who may not come here"),
    ],
)
async def test_a_client_without_the_right_certificate_is_refused(
    tmp_path: pathlib.Path, names: tuple[str, ...], days: float, cause: str, message: str
) -> None:
    async with desk(tmp_path, ca=True, require_client_auth=True, client_names=("spiffe://mesh/*",)) as server:
        files = server.authority.issue(*names, file="client", days=days) if names else None

        client = await server.shake(server.client(files))

        assert server.causes == [cause]
        assert message in str(server.refused[0])
        with contextlib.suppress(trio.BrokenResourceError):
            assert await client.receive_some() == b""


async def test_a_certificate_of_another_authority_is_refused(tmp_path: pathlib.Path) -> None:
    async with desk(tmp_path, ca=True) as server:
        stranger = Authority(tmp_path, "stranger").issue("spiffe://mesh/api", file="client")

        await server.shake(server.client(stranger))

        assert server.causes == ["certificate"]


async def test_a_client_that_offers_only_other_protocols_is_told_so(tmp_path: pathlib.Path) -> None:
    async with desk(tmp_path) as server:
        with pytest.raises(ssl.SSLError, match="no application protocol"):
            await server.shake(server.client(None, "acme"))

        assert server.causes == ["protocol"]
        assert NO_PROTOCOL[0] == 0x15


@pytest.mark.parametrize(
    ("said", "cause", "heard"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "plain", b"HTTP/1.1 400 Bad Request"),
        (b"SSH-2.0-x\r\n", "garbage", b""),
        (b"\x16\x03\x01\x00\x06\x01\x00\x00\x02\x03\x03", "garbage", b""),
    ],
)
async def test_what_is_no_tls_is_refused_and_told_once(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture, said: bytes, cause: str, heard: bytes
) -> None:
    async with desk(tmp_path) as server:
        for _time in range(3):
            client = server.meet()
            await client.send_all(said)
            with contextlib.suppress(trio.BrokenResourceError):
                assert (await client.receive_some())[:24] == heard
        await settled()

        assert server.causes == [cause] * 3
        assert flat(server.metrics, "tls")[f"failures/{cause}"] == 3
        assert [record.levelno for record in caplog.records if "was refused" in record.message] == [logging.WARNING]


async def test_a_slow_handshake_ends_at_its_deadline_however_the_client_drips(tmp_path: pathlib.Path) -> None:
    async with desk(tmp_path, handshake_timeout_ms=50) as server:
        client = server.meet()
        for byte in b"\x16\x03\x01":
            await client.send_all(bytes([byte]))
            await settled()
        with trio.fail_after(60):
            assert await client.receive_some() == b""

        assert server.causes == ["timeout"]


async def test_a_handshake_that_stops_in_the_middle_ends_at_its_deadline(tmp_path: pathlib.Path) -> None:
    async with desk(tmp_path, handshake_timeout_ms=50) as server:
        client = server.meet()
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        greeting = server.client().wrap_bio(incoming, outgoing, server_hostname="web.example")
        with pytest.raises(ssl.SSLWantReadError):
            greeting.do_handshake()
        await client.send_all(outgoing.read())
        with trio.fail_after(60):
            while await client.receive_some():
                pass

        assert server.causes == ["timeout"]


async def test_a_client_that_leaves_is_no_reason_for_a_warning(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with desk(tmp_path) as server:
        client = server.meet()
        await client.send_all(b"\x16\x03\x01")
        client.close()
        await settled()

        assert server.causes == ["gone"]
        assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_of_too_many_handshakes_the_longest_gives_way(tmp_path: pathlib.Path) -> None:
    async with desk(tmp_path, max_handshakes=2) as server:
        silent = []
        for _number in range(2):
            silent.append(server.meet())
            await settled()

        await server.shake(server.client())

        assert (len(server.accepted), server.causes) == (1, ["crowd"])
        assert [client.is_quiet() for client in silent] == [False, True]


async def test_many_handshakes_at_once_all_succeed(tmp_path: pathlib.Path) -> None:
    async with desk(tmp_path) as server:
        context = server.client()
        async with trio.open_nursery() as nursery:
            for _number in range(30):
                nursery.start_soon(server.shake, context)

        assert len(server.accepted) == 30


async def test_a_new_certificate_is_used_for_new_connections(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with desk(tmp_path) as server:
        before = await server.shake(server.client())
        server.authority.issue("web.example", "new.example", days=3)
        server.acceptor._certificates._next_look = 0

        after = await server.shake(server.client())

        names = [len(each.describe("").sans) for each in (before, after)]
        shown = flat(server.metrics, "tls")
        assert (names, shown["reloads"], shown["reload_failures"], shown["stale"]) == ([1, 2], 1, 0, 0)
        assert 2.9 * 86400 < shown["seconds_to_expiry"] < 3.1 * 86400
        await before.send_all(b"still here")
        assert await server.accepted[0].receive_some() == b"still here"


async def test_the_certificate_goes_by_the_name_that_is_asked_for(tmp_path: pathlib.Path) -> None:
    other = Authority(tmp_path, "other").issue("api.example", file="api")
    more = (ServerCertificate(cert_path=other.cert, key_path=other.key),)
    async with desk(tmp_path, certificates=more) as server:
        context = server.client()
        context.load_verify_locations(str(tmp_path / "other.pem"))

        clients = [await server.shake(context, name) for name in ("web.example", "api.example")]

        assert [client.describe("").sans for client in clients] == [("DNS:web.example",), ("DNS:api.example",)]


async def test_files_that_cannot_be_used_are_named_before_anything_is_served(tmp_path: pathlib.Path) -> None:
    with pytest.raises(UnusableFilesError, match=r"nowhere\.pem: No such file"):
        TlsAcceptor(TlsServer(cert_path="nowhere.pem", key_path="nowhere.key"), "web", Metrics())
