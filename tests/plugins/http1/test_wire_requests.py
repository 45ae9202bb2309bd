"""What both engines read as requests, from literal bytes, whole and cut."""

import attrs
import pytest

from mesh import Fields, Limits
from mesh_plugins.http1.head import CHUNKED, RequestHead
from tests.plugins.http1.driving import HOST, SERVERS, Message, Reading, cuttings, read_requests

GET = RequestHead(
    method=b"GET",
    target=b"/",
    version=(1, 1),
    headers=HOST,
    body_size=0,
    keep_alive=True,
    expects_continue=False,
    scheme=b"http",
    upgrade=b"",
)
POST = attrs.evolve(GET, method=b"POST")
OLD = attrs.evolve(GET, version=(1, 0), keep_alive=False)


def with_fields(*fields: tuple[bytes, bytes]) -> RequestHead:
    return attrs.evolve(GET, headers=[*HOST, *fields])


def chunked(head: RequestHead, content: bytes, trailers: Fields) -> Message[RequestHead]:
    return Message(attrs.evolve(head, body_size=CHUNKED), content, trailers)


ACCEPTED: dict[str, tuple[bytes, list[Message[RequestHead]]]] = {
    "plain": (b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n", [Message(GET)]),
    "odd but harmless bytes in the target": (
        b'GET /a"<>\\^`{|}%zz?b=[%00] HTTP/1.1\r\nHost: a.test\r\n\r\n',
        [Message(attrs.evolve(GET, target=b'/a"<>\\^`{|}%zz?b=[%00]'))],
    ),
    "two slashes": (b"GET //b//c HTTP/1.1\r\nHost: a.test\r\n\r\n", [Message(attrs.evolve(GET, target=b"//b//c"))]),
    "a method of one's own": (
        b"M-SEARCH!#$%&'*+-.^_`|~ / HTTP/1.1\r\nHost: a.test\r\n\r\n",
        [Message(attrs.evolve(GET, method=b"M-SEARCH!#$%&'*+-.^_`|~"))],
    ),
    "white space around a value": (
        b"GET / HTTP/1.1\r\nhOST:a.test\r\nX-A: \t a \t b\t \r\nX-B:\r\nX-C: \xff\xe9\r\n\r\n",
        [Message(with_fields((b"x-a", b"a \t b"), (b"x-b", b""), (b"x-c", b"\xff\xe9")))],
    ),
    "fields in order, repeated ones too": (
        b"GET / HTTP/1.1\r\nX-B: 1\r\nHost: a.test\r\nX-A: 2\r\nx-b: 3\r\n\r\n",
        [Message(attrs.evolve(GET, headers=[(b"x-b", b"1"), *HOST, (b"x-a", b"2"), (b"x-b", b"3")]))],
    ),
    "empty lines first": (b"\r\n\r\nGET / HTTP/1.1\r\nHost: a.test\r\n\r\n", [Message(GET)]),
    "a body": (
        b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhello",
        [Message(attrs.evolve(POST, body_size=5), b"hello")],
    ),
    "a length with zeros before it": (
        b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 005\r\n\r\nhello",
        [Message(attrs.evolve(POST, body_size=5), b"hello")],
    ),
    "an empty body": (b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0\r\n\r\n", [Message(POST)]),
    "pipelined": (
        b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 2\r\n\r\nhi\r\nGET / HTTP/1.1\r\nHost: a.test\r\n\r\n",
        [Message(attrs.evolve(POST, body_size=2), b"hi"), Message(GET)],
    ),
    "chunked": (
        b"POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n000A\r\n, my world\r\n0\r\n\r\n",
        [chunked(POST, b"hello, my world", [])],
    ),
    "chunk extensions": (
        b"POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n"
        b'1;a\r\nx\r\n1; a = b;c="\\"; d\t\xff"\r\ny\r\n0;last\r\n\r\n',
        [chunked(POST, b"xy", [])],
    ),
    "trailers": (
        b"POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n0\r\nX-Sum:  1 \r\n\r\n",
        [chunked(POST, b"", [(b"x-sum", b"1")])],
    ),
    "trailers that are dropped": (
        b"POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
        b"Content-Length: 5\r\nHost: b\r\nAuthorization: x\r\nSet-Cookie: x\r\nl5d-dtab: x\r\nContent-Type: x\r\n"
        b"Connection: x\r\nX-Forwarded-For: x\r\nTransfer-Encoding: chunked\r\ngrpc-status: 0\r\n\r\n",
        [chunked(POST, b"", [(b"grpc-status", b"0")])],
    ),
    "absolute form": (
        b"GET http://A.test:8080?q HTTP/1.1\r\nHost: b.test\r\n\r\n",
        [Message(attrs.evolve(GET, target=b"/?q", headers=[(b"host", b"A.test:8080")]))],
    ),
    "absolute form, HTTPS, no host before": (
        b"GET HtTpS://a.test HTTP/1.0\r\n\r\n",
        [Message(attrs.evolve(OLD, scheme=b"https"))],
    ),
    "asterisk form": (
        b"OPTIONS * HTTP/1.1\r\nHost: a.test\r\n\r\n",
        [Message(attrs.evolve(GET, method=b"OPTIONS", target=b"*"))],
    ),
    "asterisk form, absolute": (
        b"OPTIONS http://a.test HTTP/1.1\r\nHost: a.test\r\n\r\n",
        [Message(attrs.evolve(GET, method=b"OPTIONS", target=b"*"))],
    ),
    "IPv6 host": (
        b"GET / HTTP/1.1\r\nHost: [::ffff:1.2.3.4]:80\r\n\r\n",
        [Message(attrs.evolve(GET, headers=[(b"host", b"[::ffff:1.2.3.4]:80")]))],
    ),
    "last on its connection": (
        b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: a, Close\r\n\r\nGET /next HTTP/1.1\r\nHost: a.test\r\n\r\n",
        [Message(attrs.evolve(GET, keep_alive=False))],
    ),
    "HTTP/1.0": (b"GET / HTTP/1.0\r\n\r\n", [Message(attrs.evolve(OLD, headers=[]))]),
    "HTTP/1.0 that goes on": (
        b"GET / HTTP/1.0\r\nHost: a.test\r\nConnection: Keep-Alive\r\n\r\nGET / HTTP/1.0\r\nHost: a.test\r\n\r\n",
        [Message(attrs.evolve(OLD, keep_alive=True)), Message(OLD)],
    ),
    "fields of the connection": (
        b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: keep-alive, , x-mine\r\n"
        b"Connection: X-Yours\r\nX-Mine: 1\r\nX-Yours: 1\r\nKeep-Alive: 1\r\nProxy-Connection: x\r\n"
        b"Proxy-Authenticate: x\r\nProxy-Authorization: x\r\nTE: x\r\n"
        b"Trailer: x\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\nX-Rest: 1\r\n\r\n",
        [Message(with_fields((b"x-rest", b"1")))],
    ),
    "nominations without effect": (
        b"GET / HTTP/1.1\r\nHost: a.test\r\n"
        b"Connection: host, authorization, x-forwarded-for, l5d-dtab, cookie, content-length\r\n"
        b"Authorization: x\r\nX-Forwarded-For: x\r\nl5d-dtab: x\r\nCookie: x\r\nContent-Length: 2\r\n\r\nhi",
        [
            Message(
                attrs.evolve(
                    with_fields(
                        (b"authorization", b"x"), (b"x-forwarded-for", b"x"), (b"l5d-dtab", b"x"), (b"cookie", b"x")
                    ),
                    body_size=2,
                ),
                b"hi",
            )
        ],
    ),
    "an upgrade": (
        b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        [Message(attrs.evolve(GET, upgrade=b"websocket"))],
    ),
    "a body to wait for": (
        b"POST / HTTP/1.1\r\nHost: a.test\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\nx",
        [Message(attrs.evolve(POST, body_size=1, expects_continue=True), b"x")],
    ),
    "nothing to wait for": (b"GET / HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\n\r\n", [Message(GET)]),
    "HTTP/1.0 does not wait": (
        b"POST / HTTP/1.0\r\nHost: a.test\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx",
        [Message(attrs.evolve(OLD, method=b"POST", body_size=1), b"x")],
    ),
    "another expectation": (
        b"GET / HTTP/1.1\r\nHost: a.test\r\nExpect: magic\r\n\r\n",
        [Message(with_fields((b"expect", b"magic")))],
    ),
}


@pytest.mark.parametrize("engine", SERVERS)
@pytest.mark.parametrize(("octets", "messages"), ACCEPTED.values(), ids=ACCEPTED)
def test_a_request_is_read_however_it_is_cut(octets: bytes, messages: list[Message[RequestHead]], engine: str) -> None:
    readings = [read_requests(SERVERS[engine](Limits()), pieces) for pieces in cuttings(octets)]

    assert [reading for reading in readings if reading != Reading(messages)] == []


LINE = b"GET / HTTP/1.1\r\nHost: a.test\r\n"
BODY = b"POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n"

REFUSED_HEADS: dict[bytes, int] = {
    # the request line
    b"GET / HTTP/1.2\r\nHost: a.test\r\n\r\n": 505,
    b"GET / HTTP/0.9\r\nHost: a.test\r\n\r\n": 505,
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n": 505,
    b"GET / HTTP/1.10\r\nHost: a.test\r\n\r\n": 400,
    b"GET / http/1.1\r\nHost: a.test\r\n\r\n": 400,
    b"GET / HTTP/1.1 \r\nHost: a.test\r\n\r\n": 400,
    b" GET / HTTP/1.1\r\nHost: a.test\r\n\r\n": 400,
    b"GET\t/ HTTP/1.1\r\nHost: a.test\r\n\r\n": 400,
    b"G\xc9T / HTTP/1.1\r\nHost: a.test\r\n\r\n": 400,
    b"GET /\r\n": 400,
    b"GET / HTTP/1.1\nHost: a.test\n\n": 400,
    b"\nGET / HTTP/1.1\r\nHost: a.test\r\n\r\n": 400,
    b"\r\rGET / HTTP/1.1\r\nHost: a.test\r\n\r\n": 400,
    b"\r\n" * 9 + LINE + b"\r\n": 400,
    b"\x16\x03\x01\x02\x00\x01\x00": 400,
    b"CONNECT a.test:443 HTTP/1.1\r\nHost: a.test\r\n\r\n": 501,
    b"A" * 65 + b" / HTTP/1.1\r\nHost: a.test\r\n\r\n": 501,
    b"TRACE / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1\r\n\r\nx": 400,
    # the target
    b"GET a.test:80 HTTP/1.1\r\nHost: a.test\r\n\r\n": 400,
    b"GET * HTTP/1.1\r\nHost: a.test\r\n\r\n": 400,
    b"GET ftp://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n": 400,
    b"GET http:/// HTTP/1.1\r\nHost: a.test\r\n\r\n": 400,
    b"GET http://u@a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n": 400,
    b"GET http://a.test/ HTTP/1.1\r\n\r\n": 400,
    b"GET /a%00 HTTP/1.1\r\nHost: a.test\r\n\r\n": 400,
    b"GET /\x7f HTTP/1.1\r\nHost: a.test\r\n\r\n": 400,
    b"GET /#a HTTP/1.1\r\nHost: a.test\r\n\r\n": 400,
    b"GET http://a.test/?b#c HTTP/1.1\r\nHost: a.test\r\n\r\n": 400,
    # the host
    b"GET / HTTP/1.1\r\n\r\n": 400,
    b"GET / HTTP/1.1\r\nHost:\r\n\r\n": 400,
    b"GET / HTTP/1.1\r\nHost: a.test\r\nX: y\r\nhost: a.test\r\n\r\n": 400,
    b"GET / HTTP/1.1\r\nHost: a,b\r\n\r\n": 400,
    b"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n": 400,
    b"GET / HTTP/1.1\r\nHost: http://a\r\n\r\n": 400,
    b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n": 400,
    b"GET / HTTP/1.1\r\nHost: a:b\r\n\r\n": 400,
    b"GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n": 400,
    b"GET / HTTP/1.1\r\nHost: a:-1\r\n\r\n": 400,
    b"GET / HTTP/1.1\r\nHost: ::1\r\n\r\n": 400,
    b"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n": 400,
    b"GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n": 400,
    b"GET / HTTP/1.1\r\nHost: [1::2::3]\r\n\r\n": 400,
    b"GET / HTTP/1.1\r\nHost: [fe80::1%25eth0]\r\n\r\n": 400,
    b"GET / HTTP/1.1\r\nHost: :80\r\n\r\n": 400,
    b"GET / HTTP/1.1\r\nHost: a%00\r\n\r\n": 400,
    b"GET / HTTP/1.1\r\nHost: caf\xc3\xa9\r\n\r\n": 400,
    # fields
    LINE + b"X-A : b\r\n\r\n": 400,
    LINE + b"X\xe9: b\r\n\r\n": 400,
    LINE + b"X-A: a\x0bb\r\n\r\n": 400,
    LINE + b"X-A: a\x00\r\n\r\n": 400,
    LINE + b"X-A: a\n\r\n\r\n": 400,
    LINE + b"X-A: a\r\r\n\r\n": 400,
    LINE + b"X-A: a\n": 400,
    LINE + b"X-A: a\x85\x0c\r\n\r\n": 400,
    LINE + b"Content_Length: 5\r\n\r\n": 400,
    LINE + b"Transfer_Encoding: chunked\r\n\r\n": 400,
    LINE + b"Connection: a b\r\n\r\n": 400,
    LINE + b"X: y\r\n" * 101 + b"\r\n": 431,
    # the length
    LINE + b"Content-Length: 5, 5\r\n\r\nhello": 400,
    LINE + b"Content-Length:\r\n\r\n": 400,
    LINE + b"Content-Length: 5 5\r\n\r\nhello": 400,
    LINE + b"Content-Length: 0x5\r\n\r\nhello": 400,
    LINE + b"Content-Length: 5.0\r\n\r\nhello": 400,
    LINE + b"Content-Length: 9223372036854775808\r\n\r\n": 400,
    LINE + b"Content-Length: 1\xb2\r\n\r\n": 400,
    LINE + b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n": 400,
    LINE + b"Transfer-Encoding:\r\n\r\n": 400,
    LINE + b"Transfer-Encoding: chunked,\r\n\r\n": 400,
    LINE + b"Transfer-Encoding: chunked;q=1\r\n\r\n": 400,
    LINE + b"Transfer-Encoding: chunked, chunked\r\n\r\n": 400,
    LINE + b"Transfer-Encoding: \x0bchunked\r\n\r\n": 400,
    LINE + b"Transfer-Encoding: gzip, chunked\r\n\r\n": 501,
    LINE + b"Transfer-Encoding: chunke\r\n\r\n": 501,
}
REFUSED_BODIES: dict[bytes, int] = {
    BODY + b"\r\n": 400,
    BODY + b";a\r\n": 400,
    BODY + b"5 \r\n": 400,
    BODY + b"5 ;a\r\n": 400,
    BODY + b"5;\r\n": 400,
    BODY + b"5;a=\r\n": 400,
    BODY + b'5;a="\r\n': 400,
    BODY + b"5;a\x00\r\n": 400,
    BODY + b"5;a\rb\r\n": 400,
    BODY + b"5;a\n": 400,
    BODY + b"5\n": 400,
    BODY + b"5_0\r\n": 400,
    BODY + b"\xd9\xa5\r\n": 400,
    BODY + b"00000000000000005\r\n": 400,
    BODY + b"8000000000000000\r\n": 400,
    BODY + b"5\r\nhello0\r\n\r\n": 400,
    BODY + b"5\r\nhello\r0\r\n\r\n": 400,
    BODY + b"5\r\nhello\r\n\r\n0\r\n\r\n": 400,
    BODY + b"0\r\n\n": 400,
    BODY + b"0\r\n X: y\r\n\r\n": 400,
    BODY + b"0\r\nX: y\n\r\n\r\n": 400,
    BODY + b"0\r\nX : y\r\n\r\n": 400,
    BODY + b"0\r\nX: y\r\n z\r\n\r\n": 400,
    BODY + b"0\r\nContent-Length: x\r\n\r\n": 400,
    BODY + b"0\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n": 400,
    BODY + b"0\r\nTransfer-Encoding: gzip\r\n\r\n": 501,
    BODY + b"0\r\n" + b"X: y\r\n" * 101 + b"\r\n": 431,
}


@pytest.mark.parametrize("engine", SERVERS)
@pytest.mark.parametrize(("octets", "status"), (REFUSED_HEADS | REFUSED_BODIES).items())
def test_a_bad_request_is_refused_however_it_is_cut(octets: bytes, status: int, engine: str) -> None:
    readings = [read_requests(SERVERS[engine](Limits()), pieces) for pieces in cuttings(octets)]

    assert {(len(reading.whole), reading.refused) for reading in readings} == {(0, status)}
    assert {reading.begun is None for reading in readings} == {octets in REFUSED_HEADS}


@pytest.mark.parametrize("engine", SERVERS)
def test_a_head_that_comes_again_means_the_same_again(engine: str) -> None:
    post = b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\n"
    get = b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"
    almost = b"GET / HTTP/1.1\r\nHost: a.test\r\nX-A: 1\r\n\r\n"
    octets = get * 4 + (post + b"hello") * 3 + post + b"again" + post + post[:5] + b"\r\n" + get * 3 + almost + get

    readings = [read_requests(SERVERS[engine](Limits()), pieces) for pieces in cuttings(octets)]

    sized = attrs.evolve(POST, body_size=5)
    posts = [Message(sized, content) for content in (b"hello", b"hello", b"hello", b"again", b"POST ")]
    messages = [*[Message(GET)] * 4, *posts, *[Message(GET)] * 3, Message(with_fields((b"x-a", b"1"))), Message(GET)]
    assert [reading for reading in readings if reading != Reading(messages)] == []


@pytest.mark.parametrize("engine", SERVERS)
def test_a_client_that_changes_its_connection_in_a_known_head_is_heard(engine: str) -> None:
    get = b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"
    octets = get * 3 + b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n" + get

    reading = read_requests(SERVERS[engine](Limits()), [octets])

    assert reading == Reading([*[Message(GET)] * 3, Message(attrs.evolve(GET, keep_alive=False))])
