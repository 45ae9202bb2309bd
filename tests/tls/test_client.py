"""Connecting with TLS: to those who prove who they are, and to nobody else."""

import contextlib
import math
import pathlib
import ssl
from collections.abc import AsyncIterator
from typing import Any

import pytest
import trio

from mesh.endpoint import Endpoint
from mesh.errors import ConnectFailed
from mesh.settings import ClientAuth, TlsClient
from mesh.stream_connection import StreamConnection
from mesh.tls import TlsConnection, TlsConnector, TlsContexts
from mesh.transport import Connection, SocketConnection
from tests.certificates import Authority, Files
from tests.tls.handshakes import socket_pair

WEB = Endpoint("10.0.0.1", 443)


class Server:
    """What every connection leads to. State: the connections it has."""

    def __init__(self, nursery: trio.Nursery, files: Files, authority: Authority) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(files.cert, files.key)
        self.context.load_verify_locations(authority.path)
        self.connections: list[TlsConnection] = []
        self.below: list[SocketConnection] = []
        self._nursery = nursery

    async def connect(self, endpoint: Endpoint) -> Connection:
        ours, theirs = socket_pair()
        theirs.peer = str(endpoint)
        self.connections.append(TlsConnection(ours, self.context))
        self.below.append(theirs)
        self._nursery.start_soon(self._serve, self.connections[-1])
        return theirs

    async def _serve(self, connection: TlsConnection) -> None:
        with contextlib.suppress(ssl.SSLError, trio.BrokenResourceError, trio.ClosedResourceError):
            await connection.shake_hands()
            await connection.send_all(await connection.receive_some())


@contextlib.asynccontextmanager
async def server(authority: Authority, files: Files) -> AsyncIterator[Server]:
    async with trio.open_nursery() as nursery:
        made = Server(nursery, files, authority)
        yield made
        for connection in made.connections:
            connection.close()
        nursery.cancel_scope.cancel()


@pytest.fixture
def authority(tmp_path: pathlib.Path) -> Authority:
    return Authority(tmp_path)


def connector(server: Server, **keys: Any) -> TlsConnector:
    tls = TlsClient(**keys)
    return TlsConnector(tls, server.connect, TlsContexts().get(tls))


async def test_a_server_that_is_who_was_expected_is_spoken_to(authority: Authority) -> None:
    async with server(authority, authority.issue("web.example")) as there:
        connection = await connector(there, common_name="web.example", trust_certs_bundle=authority.path)(WEB)

        await connection.send_all(b"hello")
        assert await connection.receive_some() == b"hello"
        assert connection.deadline == math.inf
        peer = connection.tls
        assert peer is not None
        assert (peer.server_name, peer.sans) == ("web.example", ("DNS:web.example",))
        connection.close()


@pytest.mark.parametrize(
    ("keys", "names", "days", "message"),
    [
        ({"common_name": "web.example"}, ("api.example", "b.example"), 1,
         "expected web.example, but its certificate is for api.example, b.example"),
        ({"common_name": "web.example"}, ("web.example",), -1,
         "expected web.example, but its certificate cannot be trusted: certificate has expired"),
        ({"server_names": ("spiffe://mesh/web", "spiffe://mesh/www")}, ("spiffe://mesh/api",), 1,
         "expected spiffe://mesh/web or spiffe://mesh/www, but its certificate is for spiffe://mesh/api"),
        ({"common_name": "web.example", "server_names": ("spiffe://mesh/web",)}, ("web.example",), 1,
         "expected spiffe://mesh/web, but its certificate is for web.example"),
    ],
)  # fmt: skip
async def test_a_server_that_is_somebody_else_is_refused_and_both_are_named(
    authority: Authority, keys: dict[str, Any], names: tuple[str, ...], days: float, message: str
) -> None:
    async with server(authority, authority.issue(*names, days=days)) as there:
        with pytest.raises(ConnectFailed) as raised:
            await connector(there, trust_certs_bundle=authority.path, **keys)(WEB)

        assert str(raised.value) == f"cannot connect to 10.0.0.1:443 with TLS: {message}"
        assert there.below[0]._socket.fileno() < 0


async def test_a_server_of_an_unknown_authority_is_refused(authority: Authority, tmp_path: pathlib.Path) -> None:
    stranger = Authority(tmp_path, "stranger")
    async with server(authority, authority.issue("web.example")) as there:
        with pytest.raises(
            ConnectFailed, match=r"expected web\.example, but its certificate cannot be trusted: self-signed"
        ):
            await connector(there, common_name="web.example", trust_certs_bundle=stranger.path)(WEB)


async def test_any_name_of_several_is_enough(authority: Authority) -> None:
    async with server(authority, authority.issue("spiffe://mesh/ns/web")) as there:
        names = ("spiffe://mesh/admin", "spiffe://mesh/ns/*")

        connection = await connector(there, server_names=names, trust_certs_bundle=authority.path)(WEB)

        connection.close()


async def test_without_validation_anybody_is_spoken_to(authority: Authority) -> None:
    async with server(authority, authority.issue("api.example", days=-1)) as there:
        connection = await connector(there, disable_validation=True)(WEB)

        await connection.send_all(b"hello")
        assert await connection.receive_some() == b"hello"
        connection.close()


async def test_the_certificate_of_the_client_is_shown(authority: Authority) -> None:
    files = authority.issue("spiffe://mesh/client", file="client", days=2)
    auth = ClientAuth(cert_path=files.cert, key_path=files.key)
    async with server(authority, authority.issue("web.example")) as there:
        there.context.verify_mode = ssl.CERT_REQUIRED
        tls = TlsClient(common_name="web.example", trust_certs=(authority.path,), client_auth=auth)
        contexts = TlsContexts()
        way = contexts.get(tls)

        connection = await TlsConnector(tls, there.connect, way)(WEB)
        await connection.send_all(b"hello")
        await connection.receive_some()

        assert there.connections[0].describe("").sans == ("URI:spiffe://mesh/client",)
        assert abs(contexts.seconds_to_expiry() - 2 * 86400) < 600
        connection.close()


@pytest.mark.parametrize(
    ("name", "sent"),
    [("web.example.", "web.example"), ("*.web.example", ""), ("10.0.0.1", ""), ("fd00::1", "")],
)
async def test_only_a_host_name_is_asked_for(authority: Authority, name: str, sent: str) -> None:
    issued = authority.issue("web.example", "*.web.example", "10.0.0.1", "fd00::1")
    async with server(authority, issued) as there:
        connection = await connector(there, common_name=name, trust_certs_bundle=authority.path)(WEB)

        assert connection.tls is not None
        assert connection.tls.server_name == sent
        connection.close()


async def test_a_name_that_cannot_be_asked_for_is_a_failure_to_connect(authority: Authority) -> None:
    async with server(authority, authority.issue("web.example")) as there:
        with pytest.raises(ConnectFailed, match="cannot be asked for"):
            await connector(there, common_name="x" * 70 + ".example", trust_certs_bundle=authority.path)(WEB)


async def test_files_that_cannot_be_used_are_a_failure_to_connect(authority: Authority) -> None:
    async with server(authority, authority.issue("web.example")) as there:
        with pytest.raises(ConnectFailed, match=r"with TLS: nowhere\.pem: No such file"):
            await connector(there, common_name="web.example", trust_certs_bundle="nowhere.pem")(WEB)

        assert there.below == []


async def test_a_server_that_says_nothing_is_waited_for_a_while_only(authority: Authority) -> None:
    async def silent(_endpoint: Endpoint) -> Connection:
        return ours

    ours, theirs = socket_pair()
    tls = TlsClient(common_name="web.example", handshake_timeout_ms=20, trust_certs=(authority.path,))

    with pytest.raises(ConnectFailed, match=r"no handshake within 0\.02 s"):
        await TlsConnector(tls, silent, TlsContexts().get(tls))(WEB)

    theirs.close()


@pytest.mark.parametrize(("said", "message"), [(b"", "closed the connection"), (b"HTTP/1.1 400 x\r\n\r\n", "version")])
async def test_a_server_without_tls_is_refused(authority: Authority, said: bytes, message: str) -> None:
    async def plain(_endpoint: Endpoint) -> Connection:
        await theirs.send_all(said)
        theirs.shut_down_writing()
        return ours

    ours, theirs = socket_pair()
    tls = TlsClient(common_name="web.example", trust_certs=(authority.path,))

    with pytest.raises(ConnectFailed, match=message):
        await TlsConnector(tls, plain, TlsContexts().get(tls))(WEB)

    theirs.close()


async def test_what_is_no_socket_cannot_speak_tls(authority: Authority) -> None:
    async def memory(_endpoint: Endpoint) -> Connection:
        return StreamConnection(trio.testing.memory_stream_pair()[0])

    tls = TlsClient(common_name="web.example", trust_certs=(authority.path,))

    with pytest.raises(ConnectFailed, match="not reached over a socket"):
        await TlsConnector(tls, memory, TlsContexts().get(tls))(WEB)


def test_clients_that_differ_in_names_alone_share_a_context() -> None:
    contexts = TlsContexts()
    one = contexts.get(TlsClient(common_name="a.example"))
    other = contexts.get(TlsClient(common_name="b.example"))
    third = contexts.get(TlsClient(disable_validation=True))

    assert one is other
    assert one is not third
    assert contexts.seconds_to_expiry() == 0.0
