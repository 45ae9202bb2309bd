"""How far both engines read before they refuse, and how little they copy."""

import pytest

from mesh import Limits, RemoteProtocolError
from mesh_plugins.http1.wire import FastServer
from tests.plugins.http1.driving import CLIENTS, SERVERS, cuttings, read_reply, read_requests
from tests.work import counted

LIMITS = Limits(
    max_request_line_bytes=20,
    max_header_section_bytes=40,
    max_header_fields=3,
    max_chunk_line_bytes=6,
    max_trailer_bytes=10,
)
LINE = b"GET /4567 HTTP/1.1\r\n"
HOST = b"Host: a.test\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:chunked\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\n"


@pytest.mark.parametrize("engine", SERVERS)
@pytest.mark.parametrize(
    ("octets", "status"),
    [
        (b"GET /456789 HTTP/1.1\r\n" + HOST + b"\r\n", None),
        (b"GET /4567890 HTTP/1.1\r\n" + HOST + b"\r\n", 414),
        (b"GET /" + b"a" * 17, 414),
        (LINE + HOST + b"X: " + b"a" * 21 + b"\r\n\r\n", None),
        (LINE + HOST + b"X: " + b"a" * 22 + b"\r\n\r\n", 431),
        (LINE + HOST + b"X: " + b"a" * 30, 431),
        (LINE + HOST + b"a:b\r\nc:d\r\n\r\n", None),
        (LINE + HOST + b"a:b\r\nc:d\r\ne:f\r\n\r\n", 431),
        (LINE + HOST + b"a:b\r\nc:d\r\ne:f\r\n", 431),
        (CHUNKED + b"1;abcd\r\nx\r\n0\r\n\r\n", None),
        (CHUNKED + b"1;abcde\r\nx\r\n0\r\n\r\n", 413),
        (CHUNKED + b"1;abcdef", 413),
        (CHUNKED + b"0\r\na:b\r\nc:d\r\n\r\n", None),
        (CHUNKED + b"0\r\na:b\r\nc:de\r\n\r\n", 431),
        (CHUNKED + b"0\r\na:bcdefghijklmn", 431),
    ],
)
def test_a_request_is_read_up_to_the_limits(octets: bytes, status: int | None, engine: str) -> None:
    readings = [read_requests(SERVERS[engine](LIMITS), pieces) for pieces in cuttings(octets)]

    assert {(len(reading.whole), reading.refused) for reading in readings} == {(int(status is None), status)}


@pytest.mark.parametrize("engine", CLIENTS)
@pytest.mark.parametrize("octets", [b"HTTP/1.1 200 " + b"a" * 10, b"HTTP/1.1 200 OK\r\nX: " + b"a" * 50])
def test_a_reply_is_read_up_to_the_limits(octets: bytes, engine: str) -> None:
    readings = [read_reply(CLIENTS[engine](LIMITS), pieces) for pieces in cuttings(octets)]

    assert {(len(reading.whole), reading.refused) for reading in readings} == {(0, 502)}


@pytest.mark.parametrize("engine", SERVERS)
def test_a_body_that_came_with_its_head_is_read_at_once(engine: str) -> None:
    server = SERVERS[engine](Limits())
    server.feed(POST + b"hello")
    server.read_head()

    assert [server.read_body(), server.read_body(), server.read_body()] == [b"hello", b"", b""]


@pytest.mark.parametrize("engine", SERVERS)
def test_a_chunked_body_that_came_with_its_head_is_read_at_once(engine: str) -> None:
    server = SERVERS[engine](Limits())
    server.feed(CHUNKED + b"3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n")
    server.read_head()

    assert [server.read_body(), server.read_body()] == [b"hello", b""]


@pytest.mark.parametrize("engine", SERVERS)
def test_a_body_is_read_as_it_comes(engine: str) -> None:
    server = SERVERS[engine](Limits())
    server.feed(POST)
    server.read_head()
    parts = []
    for piece in (b"he", b"l", b"lo"):
        parts += [server.read_body()]
        server.feed(piece)
        parts += [server.read_body()]

    assert parts == [None, b"he", None, b"l", None, b"lo"]


def test_a_piece_of_a_body_is_not_copied() -> None:
    server = FastServer(Limits())
    server.feed(b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 9999999\r\n\r\n")
    server.read_head()
    piece = b"a" * 262144

    server.feed(piece)

    assert server.read_body() is piece


def test_a_piece_of_a_chunk_is_not_copied() -> None:
    server = FastServer(Limits())
    server.feed(b"POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n")
    server.read_head()
    server.read_body()
    piece = b"a" * 262144

    server.feed(piece)

    assert server.read_body() is piece


@pytest.mark.slow
@pytest.mark.parametrize("engine", SERVERS)
def test_the_largest_head_one_byte_at_a_time_costs_no_more_than_its_bytes(engine: str) -> None:
    lines = b"".join(b"X-%02d: %b\r\n" % (at, b"a" * 700) for at in range(80))
    octets = b"GET / HTTP/1.1\r\nHost: a.test\r\n" + lines + b"\r\n"

    with counted() as work:
        reading = read_requests(SERVERS[engine](Limits()), [octets[at : at + 1] for at in range(len(octets))])

    assert len(reading.whole) == 1
    assert work.calls < 50 * len(octets)


@pytest.mark.parametrize("engine", SERVERS)
@pytest.mark.parametrize(
    "octets",
    [
        b"GET / HTTP/1.1\nHost: a.test\n\n",
        b"GET /\r\n",
        b"GET / HTTP/1.1\r\nHost: a.test\r\nX: a\rb",
        b"\x16\x03\x01",
        b"\n",
        CHUNKED + b"5\nhello\n0\n\n",
        CHUNKED + b"x",
        CHUNKED + b"5\r\nhellox",
        CHUNKED + b"0\r\n\n",
        CHUNKED + b"0\r\nX: a\nb",
    ],
)
def test_what_can_become_no_request_is_not_waited_for(octets: bytes, engine: str) -> None:
    readings = [read_requests(SERVERS[engine](Limits()), pieces) for pieces in cuttings(octets)]

    assert {reading.refused for reading in readings} == {400}


@pytest.mark.parametrize("engine", SERVERS)
def test_a_refusal_says_what_was_expected(engine: str) -> None:
    server = SERVERS[engine](Limits())
    server.feed(b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n")

    with pytest.raises(RemoteProtocolError, match="expected host or host:port, not 'a b'"):
        server.read_head()
