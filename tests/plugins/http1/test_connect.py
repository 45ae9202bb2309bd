"""CONNECT: the request line, the head, and the two ways below it."""

import pytest

from mesh import SESSION, AnyService, HttpReply, HttpRequest, Limits, Params, RemoteProtocolError
from mesh_plugins.http1.connect import CONNECT_TUNNELS, FastConnectServer, parse_connect_line
from mesh_plugins.http1.grammar import RequestLine
from mesh_plugins.http1.head import ServerEngine
from mesh_plugins.http1.reference import ReferenceConnectServer
from mesh_plugins.tunnels.tunnel import TUNNELS
from tests.plugins.http1.driving import cuttings

ENGINES = [FastConnectServer, ReferenceConnectServer]


@pytest.mark.parametrize("target", [b"db.test:5432", b"10.0.0.1:1", b"[::1]:443"])
def test_the_target_becomes_the_authority(target: bytes) -> None:
    found = parse_connect_line(b"CONNECT " + target + b" HTTP/1.1")

    assert found == RequestLine(b"CONNECT", target, (1, 1), b"http", target)


@pytest.mark.parametrize(
    "rest",
    [
        b"web HTTP/1.1",
        b"web: HTTP/1.1",
        b"web:x HTTP/1.1",
        b"[::1] HTTP/1.1",
        b"u@web:1 HTTP/1.1",
        b"/ HTTP/1.1",
        b"* HTTP/1.1",
        b"http://web:1/ HTTP/1.1",
        b" HTTP/1.1",
        b"web:1",
        b"web:1  HTTP/1.1",
        b"web:1 HTTP/2.0",
        b"web:70000 HTTP/1.1",
    ],
)
def test_a_target_that_is_not_host_and_port_is_refused(rest: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        parse_connect_line(b"CONNECT " + rest)


@pytest.mark.parametrize("new_engine", ENGINES)
def test_a_connect_is_the_last_request_of_its_connection_however_it_is_cut(
    new_engine: type[FastConnectServer | ReferenceConnectServer],
) -> None:
    octets = b"CONNECT web:1 HTTP/1.1\r\nhost: other\r\nx-a: 1\r\n\r\nhello"

    for pieces in cuttings(octets):
        engine: ServerEngine = new_engine(Limits())
        head = None
        for piece in pieces:
            engine.feed(piece)
            head = head or engine.read_head()
        assert head is not None
        assert (head.method, head.target, head.headers) == (
            b"CONNECT",
            b"web:1",
            [(b"host", b"web:1"), (b"x-a", b"1")],
        )
        assert not head.keep_alive
        assert engine.take_rest() == b"hello"


@pytest.mark.parametrize("new_engine", ENGINES)
@pytest.mark.parametrize("field", [b"content-length: 1", b"transfer-encoding: chunked"])
def test_a_connect_with_a_body_is_refused(
    new_engine: type[FastConnectServer | ReferenceConnectServer], field: bytes
) -> None:
    engine = new_engine(Limits())
    engine.feed(b"CONNECT web:1 HTTP/1.1\r\nhost: web:1\r\n" + field + b"\r\n\r\n")

    with pytest.raises(RemoteProtocolError, match="with a body"):
        engine.read_head()


@pytest.mark.parametrize("new_engine", ENGINES)
def test_other_requests_are_read_as_ever(new_engine: type[FastConnectServer | ReferenceConnectServer]) -> None:
    engine = new_engine(Limits())
    engine.feed(b"GET /a HTTP/1.1\r\nhost: web\r\n\r\n")

    head = engine.read_head()

    assert head is not None
    assert (head.method, head.target, head.keep_alive) == (b"GET", b"/a", True)


async def ask(params: Params, method: bytes) -> tuple[int, int]:
    """Return the status of the way that a request takes, and how many ways were built."""
    built = []

    def rest(below: Params) -> AnyService:
        status = 200 if below[SESSION] is None else 201
        built.append(status)

        async def answer(_request: HttpRequest) -> HttpReply:
            return HttpReply(status)

        return answer

    reply: HttpReply = await CONNECT_TUNNELS.wrap(params, rest)(HttpRequest(method, b"/", []))
    return reply.status, len(built)


async def test_tunnels_have_connections_of_their_own() -> None:
    params = Params().put(TUNNELS, True)

    assert await ask(params, b"CONNECT") == (201, 2)
    assert await ask(params, b"GET") == (200, 2)


async def test_nothing_is_added_where_no_server_offers_tunnels() -> None:
    assert await ask(Params(), b"GET") == (200, 1)
