"""When heads may be read and messages follow each other, for both engines."""

import pytest

from mesh import Limits, LocalProtocolError, RemoteProtocolError
from mesh_plugins.http1.head import ClientEngine, ServerEngine
from tests.plugins.http1.driving import CLIENTS, HOST, SERVERS, Reading, read_reply, read_requests

GET = b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest) -> ServerEngine:
    return SERVERS[request.param](Limits())


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest) -> ClientEngine:
    return CLIENTS[request.param](Limits())


def answer(server: ServerEngine) -> None:
    server.write_head(200, b"OK", [], 0, keep_alive=True)
    server.next_message()


def test_a_connection_that_ends_between_requests_is_no_error(server: ServerEngine) -> None:
    assert read_requests(server, [GET, b""]).refused is None
    assert server.is_idle()
    assert server.read_head() is None


def test_a_connection_that_ends_after_empty_lines_is_no_error(server: ServerEngine) -> None:
    assert read_requests(server, [b"\r\n", b""]) == Reading([])
    assert server.is_idle()


@pytest.mark.parametrize("start", [b"G", b"GET / HTTP/1.1\r\nHost: a.test\r\n", b"\r", GET[:-1]])
def test_a_head_that_breaks_off_is_refused(server: ServerEngine, start: bytes) -> None:
    assert read_requests(server, [start, b""]) == Reading([], refused=400)


@pytest.mark.parametrize("start", [b"", b"hell"])
def test_a_body_that_breaks_off_is_refused(server: ServerEngine, start: bytes) -> None:
    reading = read_requests(server, [POST + start, b""])

    assert (reading.whole, reading.refused) == ([], 400)


def test_the_end_of_a_connection_does_not_hide_what_came_before(server: ServerEngine) -> None:
    server.feed(GET + GET)
    server.feed(b"")

    assert len(read_requests(server, [b""]).whole) == 2


def test_a_server_is_idle_until_a_byte_comes(server: ServerEngine) -> None:
    before = server.is_idle()
    server.feed(b"G")

    assert (before, server.is_idle()) == (True, False)


def test_the_bytes_of_the_next_request_are_seen(server: ServerEngine) -> None:
    server.feed(GET + b"G")
    server.read_head()

    assert server.has_bytes()


def test_a_refusal_is_final(server: ServerEngine) -> None:
    read_requests(server, [b"GET / HTTP/1.1\r\n\r\n"])
    server.feed(GET)

    with pytest.raises(RemoteProtocolError):
        server.read_head()
    with pytest.raises(RemoteProtocolError):
        server.read_body()


def test_a_refusal_can_be_answered(server: ServerEngine) -> None:
    read_requests(server, [b"GET / HTTP/1.1\r\n\r\n"])

    data = server.write_head(400, b"Bad Request", [], 0, keep_alive=True)

    assert b"connection: close" in data.lower()


def test_nothing_is_read_after_the_last_request_of_a_connection(server: ServerEngine) -> None:
    reading = read_requests(
        server, [b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n" + GET, GET, b"\x00"]
    )

    assert (len(reading.whole), reading.refused) == (1, None)
    assert not server.has_bytes()


def test_nothing_is_read_after_the_last_reply_of_a_connection(server: ServerEngine) -> None:
    server.feed(GET + GET)
    server.read_head()
    server.write_head(200, b"OK", [], 0, keep_alive=False)
    server.next_message()

    assert server.read_head() is None


def test_the_next_request_begins_after_the_body_of_this(server: ServerEngine) -> None:
    server.feed(POST + b"hell")
    server.read_head()
    server.read_body()
    server.write_head(200, b"OK", [], 0, keep_alive=True)

    with pytest.raises(LocalProtocolError):
        server.next_message()


def test_the_next_request_begins_after_the_reply_to_this(server: ServerEngine) -> None:
    server.feed(GET)
    server.read_head()
    server.write_head(200, b"OK", [], 5, keep_alive=True)

    with pytest.raises(LocalProtocolError):
        server.next_message()


def test_a_body_of_known_size_needs_no_second_read(server: ServerEngine) -> None:
    server.feed(POST + b"hello" + GET)
    server.read_head()
    server.read_body()
    answer(server)

    head = server.read_head()

    assert head is not None
    assert head.method == b"GET"


def test_calls_out_of_order_are_told(server: ServerEngine) -> None:
    with pytest.raises(LocalProtocolError):
        server.read_body()
    server.feed(GET)
    server.read_head()
    with pytest.raises(LocalProtocolError):
        server.read_head()


def test_empty_lines_are_counted_for_each_request_anew(server: ServerEngine) -> None:
    reading = read_requests(server, [b"\r\n" * 8 + GET + b"\r\n" * 8 + GET])

    assert (len(reading.whole), reading.refused) == (2, None)


def test_empty_lines_are_counted_over_pieces(server: ServerEngine) -> None:
    assert read_requests(server, [b"\r\n"] * 9) == Reading([], refused=400)


def test_a_connection_serves_one_reply_after_another(client: ClientEngine) -> None:
    first = read_reply(client, [OK])
    client.next_message()
    second = read_reply(client, [OK])

    assert first == second
    assert first.refused is None


def test_bytes_after_a_reply_are_seen(client: ClientEngine) -> None:
    read_reply(client, [OK + b"H"])

    assert client.has_bytes()


def test_a_connection_that_spoke_unasked_is_not_used(client: ClientEngine) -> None:
    client.feed(OK)

    assert client.has_bytes()
    with pytest.raises(RemoteProtocolError):
        client.write_head(b"GET", b"/", HOST, 0)


def test_a_connection_that_ends_before_a_reply_says_nothing(client: ClientEngine) -> None:
    reading = read_reply(client, [b""])

    assert (reading.whole, reading.refused) == ([], None)


def test_a_reply_may_come_before_the_request_is_written(client: ClientEngine) -> None:
    client.write_head(b"POST", b"/", HOST, None)
    client.write_data(b"hello")
    client.feed(OK)

    head = client.read_head()

    assert head is not None
    assert client.read_body() == b"ok"
    with pytest.raises(LocalProtocolError):
        client.next_message()


def test_no_request_follows_the_last_reply_of_a_connection(client: ClientEngine) -> None:
    read_reply(client, [b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"])
    client.next_message()

    with pytest.raises(LocalProtocolError):
        client.write_head(b"GET", b"/", HOST, 0)


def test_a_reply_is_read_after_its_request(client: ClientEngine) -> None:
    with pytest.raises(LocalProtocolError):
        client.read_head()


def test_interim_replies_are_counted_for_each_request_anew(client: ClientEngine) -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\n\r\n" * 20
    read_reply(client, [hints + OK])
    client.next_message()

    assert read_reply(client, [hints + OK]).refused is None


SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"


def test_a_request_may_ask_to_switch_and_what_follows_the_101_is_handed_over(client: ClientEngine) -> None:
    asked = client.write_upgrade(b"GET", b"/", HOST, b"websocket")
    for place in range(len(SWITCH)):
        assert client.read_head() is None
        client.feed(SWITCH[place : place + 1])
    head = client.read_head()
    client.feed(b"hello")

    assert b"\r\nconnection: upgrade\r\nupgrade: websocket\r\n" in asked.lower()
    assert head is not None
    assert (head.status, head.upgrade) == (101, b"websocket")
    assert client.take_rest() == b"hello"


def test_after_a_switch_no_message_is_read(client: ClientEngine) -> None:
    client.write_upgrade(b"GET", b"/", HOST, b"websocket")
    client.feed(SWITCH + OK)
    client.read_head()

    with pytest.raises(LocalProtocolError):
        client.read_head()


@pytest.mark.parametrize("line", [b"Upgrade: h2c", b"X: y", b"Upgrade: websocket, h2c"])
def test_a_101_that_chooses_what_was_not_asked_is_refused(client: ClientEngine, line: bytes) -> None:
    client.write_upgrade(b"GET", b"/", HOST, b"websocket")
    client.feed(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n" + line + b"\r\n\r\n")

    with pytest.raises(RemoteProtocolError, match="nobody asked for"):
        client.read_head()


@pytest.mark.parametrize("upgrade", [b"", b"a\r\nb: c", b" a"])
def test_a_request_for_a_switch_names_protocols(client: ClientEngine, upgrade: bytes) -> None:
    with pytest.raises(LocalProtocolError):
        client.write_upgrade(b"GET", b"/", HOST, upgrade)


def test_a_switch_is_written_and_what_follows_the_request_is_handed_over(server: ServerEngine) -> None:
    server.feed(GET + b"hello")
    server.read_head()

    written = server.write_switch(101, b"Switching Protocols", [(b"x-a", b"1")], b"websocket")

    assert written == (
        b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\nx-a: 1\r\n\r\n"
    )
    assert server.take_rest() == b"hello"
    assert server.read_head() is None


def test_a_tunnel_is_granted_without_any_framing(server: ServerEngine) -> None:
    server.feed(GET)
    server.read_head()

    assert server.write_switch(200, b"OK", [(b"x-a", b"1")], b"") == b"HTTP/1.1 200 OK\r\nx-a: 1\r\n\r\n"


@pytest.mark.parametrize(("status", "reason"), [(100, b"Continue"), (304, b""), (404, b""), (101, b"a\r\nb")])
def test_no_other_reply_switches(server: ServerEngine, status: int, reason: bytes) -> None:
    server.feed(GET)
    server.read_head()

    with pytest.raises(LocalProtocolError):
        server.write_switch(status, reason, [], b"websocket")
