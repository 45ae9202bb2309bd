"""What both engines write: heads, framed bodies, and what they will not write."""

import pytest

from mesh import Fields, Limits, LocalProtocolError
from mesh_plugins.http1.head import ClientEngine, ServerEngine
from tests.plugins.http1.driving import CLIENTS, HOST, SERVERS, read_requests

GET = b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"
OLD = b"GET / HTTP/1.0\r\n\r\n"
OLD_KEPT = b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
LAST = b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n"
X: Fields = [(b"x-a", b"1"), (b"set-cookie", b"a"), (b"set-cookie", b"b")]


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest) -> ServerEngine:
    return SERVERS[request.param](Limits())


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest) -> ClientEngine:
    return CLIENTS[request.param](Limits())


def lines_of(head: bytes) -> tuple[bytes, set[bytes]]:
    """Return the first line and the header lines, whose order and case h11 has its own way with."""
    assert head.endswith(b"\r\n\r\n")
    first, *rest = head[:-4].split(b"\r\n")
    assert len(set(rest)) == len(rest)
    return first, {line.lower() for line in rest}


@pytest.mark.parametrize(
    ("request_head", "size", "keep_alive", "framing"),
    [
        (GET, 5, True, {b"content-length: 5"}),
        (GET, 0, True, {b"content-length: 0"}),
        (GET, None, True, {b"transfer-encoding: chunked"}),
        (GET, 5, False, {b"content-length: 5", b"connection: close"}),
        (GET, None, False, {b"transfer-encoding: chunked", b"connection: close"}),
        (LAST, 5, True, {b"content-length: 5", b"connection: close"}),
        (OLD, 5, True, {b"content-length: 5", b"connection: close"}),
        (OLD, None, True, {b"connection: close"}),
        (OLD_KEPT, 5, True, {b"content-length: 5", b"connection: keep-alive"}),
        (OLD_KEPT, 5, False, {b"content-length: 5", b"connection: close"}),
        (OLD_KEPT, None, True, {b"connection: close"}),
    ],
)
def test_a_reply_is_framed_as_its_client_understands_it(
    server: ServerEngine, request_head: bytes, size: int | None, keep_alive: bool, framing: set[bytes]
) -> None:
    server.feed(request_head)
    server.read_head()

    head = server.write_head(200, b"OK", X, size, keep_alive=keep_alive)

    assert lines_of(head) == (b"HTTP/1.1 200 OK", {b"x-a: 1", b"set-cookie: a", b"set-cookie: b"} | framing)


@pytest.mark.parametrize(
    ("status", "size", "framing"),
    [
        (200, 5, {b"content-length: 5"}),
        (304, 5, {b"content-length: 5"}),
        (304, None, set()),
        (204, None, set()),
        (204, 0, set()),
    ],
)
def test_a_reply_without_a_body_may_say_what_size_it_would_have(
    server: ServerEngine, status: int, size: int | None, framing: set[bytes]
) -> None:
    server.feed(b"HEAD / HTTP/1.1\r\nHost: a.test\r\n\r\n")
    server.read_head()

    head = server.write_head(status, b"", [], size, keep_alive=True, body=False)

    assert lines_of(head) == (b"HTTP/1.1 %d " % status, framing)
    server.next_message()


def test_a_reply_to_head_of_unknown_size_ends_with_its_head(server: ServerEngine) -> None:
    server.feed(b"HEAD / HTTP/1.1\r\nHost: a.test\r\n\r\n")
    server.read_head()

    server.write_head(200, b"OK", [], None, keep_alive=True, body=False)

    assert server.write_end([]) == b""
    server.next_message()


def test_interim_replies_come_before_the_final_one(server: ServerEngine) -> None:
    server.feed(GET)
    server.read_head()

    first = server.write_head(100, b"Continue", [], None, keep_alive=True, body=False)
    second = server.write_head(103, b"Early Hints", [(b"link", b"x")], None, keep_alive=True, body=False)

    assert first == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert second == b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"
    assert server.write_head(200, b"OK", [], 0, keep_alive=True).startswith(b"HTTP/1.1 200 OK\r\n")


def test_an_old_client_gets_no_interim_reply(server: ServerEngine) -> None:
    server.feed(OLD)
    server.read_head()

    assert server.write_head(100, b"Continue", [], None, keep_alive=True, body=False) == b""


def test_a_body_of_known_size_is_written_as_it_is(server: ServerEngine) -> None:
    server.feed(GET)
    server.read_head()
    server.write_head(200, b"OK", [], 5, keep_alive=True)

    assert [server.write_data(b"he"), server.write_data(b""), server.write_data(b"llo")] == [b"he", b"", b"llo"]
    assert server.write_end([(b"x-a", b"1")]) == b""


def test_a_body_of_unknown_size_is_written_in_chunks(server: ServerEngine) -> None:
    server.feed(GET)
    server.read_head()
    server.write_head(200, b"OK", [], None, keep_alive=True)

    assert server.write_data(b"hello, my world!") == b"10\r\nhello, my world!\r\n"
    assert server.write_data(b"") == b""
    assert server.write_end([(b"grpc-status", b"0"), (b"x", b"")]) == b"0\r\ngrpc-status: 0\r\nx: \r\n\r\n"


def test_an_old_client_sees_the_end_of_a_body_by_the_end_of_the_connection(server: ServerEngine) -> None:
    server.feed(OLD_KEPT)
    server.read_head()
    server.write_head(200, b"OK", [], None, keep_alive=True)

    assert server.write_data(b"hello") == b"hello"
    assert server.write_end([(b"x", b"y")]) == b""


def test_nothing_is_read_after_a_body_that_ends_with_the_connection(server: ServerEngine) -> None:
    server.feed(OLD_KEPT + OLD_KEPT)
    server.read_head()
    server.write_head(200, b"OK", [], None, keep_alive=True)
    server.write_end([])

    server.next_message()

    assert server.read_head() is None


def test_a_body_must_be_as_long_as_announced(server: ServerEngine) -> None:
    server.feed(GET)
    server.read_head()
    server.write_head(200, b"OK", [], 5, keep_alive=True)

    with pytest.raises(LocalProtocolError, match="1 bytes more"):
        server.write_data(b"hello!")
    server.write_data(b"hell")
    with pytest.raises(LocalProtocolError, match="1 bytes before"):
        server.write_end([])


@pytest.mark.parametrize(("field", "size"), [((b"x", b"\n"), 5), ((b"x", b"y"), -1)])
def test_a_reply_that_could_not_be_written_can_be_replaced(
    server: ServerEngine, field: tuple[bytes, bytes], size: int
) -> None:
    server.feed(GET)
    server.read_head()
    with pytest.raises(LocalProtocolError):
        server.write_head(200, b"OK", [field], size, keep_alive=True)

    head = server.write_head(500, b"Internal Server Error", [], 0, keep_alive=True)

    assert lines_of(head) == (b"HTTP/1.1 500 Internal Server Error", {b"content-length: 0"})
    server.next_message()


def test_a_request_that_could_not_be_written_can_be_replaced(client: ClientEngine) -> None:
    with pytest.raises(LocalProtocolError):
        client.write_head(b"GET", b"/", HOST, -1)

    assert client.write_head(b"GET", b"/", HOST, 0) == b"GET / HTTP/1.1\r\nhost: a.test\r\n\r\n"


def test_a_field_that_is_not_bytes_is_not_written(server: ServerEngine, client: ClientEngine) -> None:
    for field in (("x", b"y"), (b"x", "y"), (b"x", 1)):
        with pytest.raises(LocalProtocolError):
            server.write_head(200, b"OK", [field], 0, keep_alive=True)  # type: ignore[list-item]  # a plugin's mistake
        with pytest.raises(LocalProtocolError):
            client.write_head(b"GET", b"/", [field], 0)  # type: ignore[list-item]  # a plugin's mistake


def test_a_reply_has_one_final_head(server: ServerEngine) -> None:
    server.feed(GET)
    server.read_head()
    with pytest.raises(LocalProtocolError):
        server.write_data(b"")
    with pytest.raises(LocalProtocolError):
        server.write_end([])
    server.write_head(200, b"OK", [], 0, keep_alive=True)

    with pytest.raises(LocalProtocolError):
        server.write_head(200, b"OK", [], 0, keep_alive=True)


BAD_FIELDS = [
    (b"x\r\ny", b"a"),
    (b"x y", b"a"),
    (b"x:", b"a"),
    (b"", b"a"),
    (b"X-A", b"a"),
    (b"x\xe9", b"a"),
    (b"x", b"a\r\ny: z"),
    (b"x", b"a\n"),
    (b"x", b"a\r"),
    (b"x", b"a\x00"),
    (b"x", b" a"),
    (b"x", b"a\t"),
    (b"content-length", b"5"),
    (b"content_length", b"5"),
    (b"transfer-encoding", b"chunked"),
    (b"connection", b"close"),
    (b"upgrade", b"h2c"),
]


@pytest.mark.parametrize("field", BAD_FIELDS)
def test_a_field_that_is_not_safe_is_not_written(
    server: ServerEngine, client: ClientEngine, field: tuple[bytes, bytes]
) -> None:
    server.feed(GET)
    server.read_head()

    for _ in range(2):  # what is refused once is not remembered as good.
        with pytest.raises(LocalProtocolError):
            server.write_head(200, b"OK", [field], 0, keep_alive=True)
        with pytest.raises(LocalProtocolError):
            client.write_head(b"GET", b"/", [*HOST, field], 0)


@pytest.mark.parametrize("field", BAD_FIELDS)
def test_a_trailer_that_is_not_safe_is_not_written(server: ServerEngine, field: tuple[bytes, bytes]) -> None:
    server.feed(GET)
    server.read_head()
    server.write_head(200, b"OK", [], None, keep_alive=True)

    with pytest.raises(LocalProtocolError):
        server.write_end([field])


@pytest.mark.parametrize(("status", "reason"), [(99, b""), (1000, b""), (101, b""), (200, b"O\r\nK"), (200, b"\x00")])
def test_a_status_line_that_is_not_safe_is_not_written(server: ServerEngine, status: int, reason: bytes) -> None:
    with pytest.raises(LocalProtocolError):
        server.write_head(status, reason, [], 0, keep_alive=True)


@pytest.mark.parametrize(
    ("method", "target"),
    [
        (b"G T", b"/"),
        (b"", b"/"),
        (b"G\r\nT", b"/"),
        (b"CONNECT", b"/"),
        (b"GET", b""),
        (b"GET", b"a"),
        (b"GET", b"/ b"),
        (b"GET", b"/\r\nx: y"),
        (b"GET", b"/\xe9"),
        (b"GET", b"/#"),
    ],
)
def test_a_request_line_that_is_not_safe_is_not_written(client: ClientEngine, method: bytes, target: bytes) -> None:
    with pytest.raises(LocalProtocolError):
        client.write_head(method, target, HOST, 0)


@pytest.mark.parametrize(
    ("method", "size", "framing"),
    [
        (b"GET", 0, set()),
        (b"POST", 0, {b"content-length: 0"}),
        (b"GET", 5, {b"content-length: 5"}),
        (b"POST", None, {b"transfer-encoding: chunked"}),
    ],
)
def test_a_request_says_whether_it_has_a_body(
    client: ClientEngine, method: bytes, size: int | None, framing: set[bytes]
) -> None:
    head = client.write_head(method, b"/a?b", [*HOST, (b"x-a", b"1")], size)

    assert lines_of(head) == (method + b" /a?b HTTP/1.1", {b"host: a.test", b"x-a: 1"} | framing)


def test_a_request_without_a_host_gets_an_empty_one(client: ClientEngine) -> None:
    head = client.write_head(b"GET", b"/", [(b"x-host: ", b"")][:0], 0)

    assert head.rstrip() == b"GET / HTTP/1.1\r\nhost:"


def test_a_request_has_one_host(client: ClientEngine) -> None:
    with pytest.raises(LocalProtocolError):
        client.write_head(b"GET", b"/", [*HOST, *HOST], 0)


def test_what_was_read_can_be_written(server: ServerEngine, client: ClientEngine) -> None:
    octets = b"M-X!#$%&'*+ /\"<>\\^`{|}%zz HTTP/1.1\r\nhost: a.test\r\nx-a: \t b\xff\t c \t\r\nx-b:\r\n\r\n"
    head = read_requests(server, [octets]).whole[0].head

    sent = client.write_head(head.method, head.target, head.headers, 0)

    assert sent == octets.replace(b": \t b", b": b").replace(b" \t\r\n", b"\r\n").replace(b"x-b:", b"x-b: ")
