"""What both engines read as replies, from literal bytes, whole and cut."""

import attrs
import pytest

from mesh import Limits
from mesh_plugins.http1.head import CHUNKED, UNTIL_CLOSE, ReplyHead
from tests.plugins.http1.driving import CLIENTS, Message, Reading, cuttings, read_reply

OK = ReplyHead(status=200, reason=b"OK", version=(1, 1), headers=[], body_size=0, declared_size=None, keep_alive=True)
HINTS = attrs.evolve(OK, status=103, reason=b"Early Hints", headers=[(b"link", b"x")])
ENDLESS = attrs.evolve(OK, body_size=UNTIL_CLOSE, keep_alive=False)

ACCEPTED: dict[str, tuple[bytes, bytes, list[Message[ReplyHead]]]] = {
    "no body": (b"GET", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", [Message(OK)]),
    "a body": (
        b"GET",
        b"HTTP/1.1 200 OK\r\nSERVER:  x \r\nContent-Length: 2\r\n\r\nhi",
        [Message(attrs.evolve(OK, headers=[(b"server", b"x")], body_size=2), b"hi")],
    ),
    "chunked, with trailers": (
        b"GET",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a\r\nhi\r\n0\r\ngrpc-status: 0\r\nSet-Cookie: x\r\n\r\n",
        [Message(attrs.evolve(OK, body_size=CHUNKED), b"hi", [(b"grpc-status", b"0")])],
    ),
    "no reason": (
        b"GET",
        b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
        [Message(attrs.evolve(OK, reason=b""))],
    ),
    "no reason, but its space": (
        b"GET",
        b"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n",
        [Message(attrs.evolve(OK, reason=b""))],
    ),
    "an odd reason": (
        b"GET",
        b"HTTP/1.1 999  Odd\t\xe9 \r\nContent-Length: 0\r\n\r\n",
        [Message(attrs.evolve(OK, status=999, reason=b"Odd\t\xe9"))],
    ),
    "interim replies": (
        b"GET",
        b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * 2 + b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        [Message(HINTS), Message(HINTS), Message(OK)],
    ),
    "to HEAD": (
        b"HEAD",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
        [Message(attrs.evolve(OK, declared_size=5))],
    ),
    "to HEAD, chunked": (b"HEAD", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", [Message(OK)]),
    "to HEAD, of unknown size": (b"HEAD", b"HTTP/1.1 200 OK\r\n\r\n", [Message(OK)]),
    "204": (
        b"GET",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        [Message(attrs.evolve(OK, status=204, reason=b"No Content"))],
    ),
    "304": (
        b"GET",
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
        [Message(attrs.evolve(OK, status=304, reason=b"Not Modified", declared_size=5))],
    ),
    "the last on its connection": (
        b"GET",
        b"HTTP/1.1 200 OK\r\nConnection: CLOSE\r\nContent-Length: 0\r\n\r\n",
        [Message(attrs.evolve(OK, keep_alive=False))],
    ),
    "HTTP/1.0": (
        b"GET",
        b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        [Message(attrs.evolve(OK, version=(1, 0), keep_alive=False))],
    ),
    "HTTP/1.0 that goes on": (
        b"GET",
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n",
        [Message(attrs.evolve(OK, version=(1, 0)))],
    ),
    "fields of the connection": (
        b"GET",
        b"HTTP/1.1 200 OK\r\nConnection: x-a, set-cookie\r\nX-A: 1\r\nKeep-Alive: 1\r\nUpgrade: h2c\r\nSet-Cookie: 1\r\n"
        b"Proxy-Authenticate: 1\r\nContent-Length: 0\r\n\r\n",
        [Message(attrs.evolve(OK, headers=[(b"set-cookie", b"1")]))],
    ),
}


@pytest.mark.parametrize("engine", CLIENTS)
@pytest.mark.parametrize(("method", "octets", "messages"), ACCEPTED.values(), ids=ACCEPTED)
def test_a_reply_is_read_however_it_is_cut(
    method: bytes, octets: bytes, messages: list[Message[ReplyHead]], engine: str
) -> None:
    readings = [read_reply(CLIENTS[engine](Limits()), pieces, method) for pieces in cuttings(octets)]

    assert [reading for reading in readings if reading != Reading(messages)] == []


@pytest.mark.parametrize("engine", CLIENTS)
def test_a_reply_without_a_size_ends_with_its_connection(engine: str) -> None:
    octets = b"HTTP/1.1 200 OK\r\n\r\nhello\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"

    readings = [read_reply(CLIENTS[engine](Limits()), [*pieces, b""]) for pieces in cuttings(octets)]

    expected = Reading([Message(ENDLESS, octets[19:])])
    assert [reading for reading in readings if reading != expected] == []


@pytest.mark.parametrize("engine", CLIENTS)
def test_a_reply_without_a_size_and_without_an_end_is_not_whole(engine: str) -> None:
    reading = read_reply(CLIENTS[engine](Limits()), [b"HTTP/1.1 200 OK\r\n\r\nhello"])

    assert reading == Reading([], ENDLESS)


REFUSED = [
    b"HTTP/2.0 200 OK\r\n\r\n",
    b"HTTP/1.2 200 OK\r\n\r\n",
    b"HTTP/1.1  200 OK\r\n\r\n",
    b"HTTP/1.1 200OK\r\n\r\n",
    b"HTTP/1.1 099 OK\r\n\r\n",
    b"HTTP/1.1 20 OK\r\n\r\n",
    b"HTTP/1.1 +20 OK\r\n\r\n",
    b"HTTP/1.1 200 O\x01K\r\n\r\n",
    b"HTTP/1.1 \xd9\xa2\xd9\xa0\xd9\xa0 OK\r\n\r\n",
    b"http/1.1 200 OK\r\n\r\n",
    b"\r\nHTTP/1.1 200 OK\r\n\r\n",
    b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
    b"SSH-2.0-OpenSSH_9.2\r\n",
    b"SSH",
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
    b"HTTP/1.1 103 x\r\n\r\n" * 21,
    b"HTTP/1.1 200 OK\r\nX-A : b\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX-A: b\rc\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nhi",
    b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nhi",
    b"HTTP/1.1 204 OK\r\nContent-Length: x\r\n\r\n",
    b"HTTP/1.1 304 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n",
    b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
]


@pytest.mark.parametrize("engine", CLIENTS)
@pytest.mark.parametrize("octets", REFUSED)
def test_a_bad_reply_is_refused_however_it_is_cut(octets: bytes, engine: str) -> None:
    readings = [read_reply(CLIENTS[engine](Limits()), pieces) for pieces in cuttings(octets)]

    final = [message for reading in readings for message in reading.whole if message.head.status >= 200]
    assert {(reading.begun, reading.refused) for reading in readings} == {(None, 502)}
    assert final == []


@pytest.mark.parametrize("engine", CLIENTS)
@pytest.mark.parametrize(
    "octets",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX: y\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Len",
        b"H",
    ],
)
def test_a_reply_that_breaks_off_never_ends_cleanly(octets: bytes, engine: str) -> None:
    readings = [read_reply(CLIENTS[engine](Limits()), [*pieces, b""]) for pieces in cuttings(octets)]

    assert {(len(reading.whole), reading.refused) for reading in readings} == {(0, 502)}


@pytest.mark.parametrize("engine", CLIENTS)
def test_a_head_that_comes_again_means_what_its_method_makes_of_it(engine: str) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
    client = CLIENTS[engine](Limits())
    readings = []
    for method in (b"GET", b"GET", b"GET", b"HEAD", b"HEAD", b"GET"):
        body = b"" if method == b"HEAD" else b"hi"
        readings.append(read_reply(client, [b"HTTP/1.1 103 x\r\n\r\n" + head + body], method))
        client.next_message()

    sized = Message(attrs.evolve(OK, body_size=2), b"hi")
    empty = Message(attrs.evolve(OK, declared_size=2))
    finals = [reading.whole[-1] for reading in readings]
    assert finals == [sized, sized, sized, empty, empty, sized]
    assert {len(reading.whole) for reading in readings} == {2}
