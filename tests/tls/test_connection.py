"""TLS as a connection: the same promises as without it."""

import pathlib
import random
import ssl
from collections.abc import AsyncIterator

import pytest
import trio
import trio.testing

from mesh.tls import TlsConnection
from mesh.tls.connection import PIECE, reason
from mesh.transport import SocketConnection
from tests.tls.handshakes import Contexts, contexts, socket_pair, talking
from tests.waiting import settled

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
LARGE = random.Random(7).randbytes(3 * PIECE + 12345)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Contexts:
    return contexts(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
async def pair(both: Contexts) -> AsyncIterator[tuple[TlsConnection, TlsConnection]]:
    async with talking(both) as (server, client):
        yield server, client


Pair = tuple[TlsConnection, TlsConnection]


@pytest.mark.parametrize("newest", VERSIONS)
async def test_bytes_go_both_ways(tmp_path: pathlib.Path, newest: ssl.TLSVersion) -> None:
    async with talking(contexts(tmp_path, newest=newest)) as (server, client):
        await client.send_all(b"question")
        asked = await server.receive_some()
        await server.send_all(b"answer")

        assert (asked, await client.receive_some()) == (b"question", b"answer")
        assert server.describe("web.example").protocol == newest.name.replace("_", ".")


async def test_a_large_message_arrives_as_it_was_sent(pair: Pair) -> None:
    server, client = pair
    received = bytearray()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(client.send_all, LARGE)
        while len(received) < len(LARGE):
            received += await server.receive_some(PIECE)

    assert received == LARGE


@pytest.mark.parametrize("size", [1, 7, 16384, 100000])
async def test_a_read_returns_no_more_than_was_asked_for_and_the_rest_later(pair: Pair, size: int) -> None:
    server, client = pair
    await client.send_all(LARGE[:60000])
    await client.send_all(LARGE[60000:100000])
    received = bytearray()

    while len(received) < 100000 - 100000 % size:
        piece = await server.receive_some(size)
        assert 0 < len(piece) <= size
        received += piece
        if size == 1 and len(received) > 100:
            break

    assert LARGE.startswith(received)


async def test_the_farewell_of_the_peer_is_the_end_and_ever_after(pair: Pair) -> None:
    server, client = pair
    await client.send_all(b"last words")
    client.close()

    assert [await server.receive_some() for _ in range(3)] == [b"last words", b"", b""]


async def test_an_end_without_farewell_is_no_end_but_a_break(pair: Pair) -> None:
    server, client = pair
    await client.send_all(b"last wor")
    client.drop()

    first = await server.receive_some()

    assert first == b"last wor"
    for _ in range(2):
        with pytest.raises(trio.BrokenResourceError, match="cut off"):
            await server.receive_some()


async def test_bytes_that_are_not_tls_break_the_connection(pair: Pair) -> None:
    server, client = pair
    client.send_now(b"\x17\x03\x03\x00\x20" + bytes(32))

    with pytest.raises(trio.BrokenResourceError, match=r"^the client: TLS: .*bad record mac"):
        await server.receive_some()


async def test_what_goes_at_once_leaves_nothing_to_wait_for(pair: Pair) -> None:
    server, client = pair

    rest = client.send(b"at once")

    assert (rest, await server.receive_some()) == (None, b"at once")


async def test_a_wait_ends_at_the_deadline_and_loses_nothing(pair: Pair) -> None:
    server, client = pair
    server.deadline = trio.current_time() + 0.01

    with pytest.raises(trio.TooSlowError):
        await server.receive_some()

    server.deadline = trio.current_time() + 5
    await client.send_all(b"late")
    assert await server.receive_some() == b"late"


async def test_cancelling_a_read_loses_nothing(pair: Pair) -> None:
    server, client = pair
    with trio.move_on_after(0):
        await server.receive_some()
    await client.send_all(b"hello")

    assert await server.receive_some() == b"hello"


async def test_a_connection_is_quiet_though_tickets_have_come(pair: Pair) -> None:
    server, client = pair
    await server.send_all(b"x")  # the server's tickets go with its first bytes
    await settled()
    received = await client.receive_some()

    quiet = client.is_quiet()
    await server.send_all(b"stray")
    await settled()

    assert (received, quiet, client.is_quiet()) == (b"x", True, False)
    assert await client.receive_some() == b"stray"


async def test_tickets_alone_leave_a_connection_quiet(pair: Pair) -> None:
    server, client = pair
    with trio.move_on_after(0.01):
        await server.receive_some()  # a wait is the latest that tickets are sent before
    await settled()

    assert SocketConnection.is_quiet(client) is False
    assert client.is_quiet() is True
    assert client.is_quiet() is True


async def test_what_was_decrypted_to_look_for_stray_bytes_is_read_first(pair: Pair) -> None:
    server, client = pair
    await client.send_all(b"abc")
    await client.send_all(b"def")
    await settled()

    looks = [server.is_quiet(), server.is_quiet()]

    assert looks == [False, False]
    assert [await server.receive_some(2), await server.receive_some(2)] == [b"ab", b"cd"]
    assert await server.receive_some() == b"ef"


@pytest.mark.parametrize("politely", [True, False])
async def test_a_connection_whose_peer_left_is_not_quiet(pair: Pair, politely: bool) -> None:
    server, client = pair
    if politely:
        client.close()
    else:
        client.abort()
    await settled()

    assert server.is_quiet() is False


async def test_a_peer_that_hangs_up_is_told_of(pair: Pair) -> None:
    server, client = pair
    told = []
    server.on_hang_up = lambda: told.append("gone")

    client.close()
    await settled()

    assert (told, server.hung_up) == (["gone"], True)


async def test_one_side_may_end_while_the_other_still_speaks(pair: Pair) -> None:
    server, client = pair
    await server.send_all(b"first")
    await settled()

    client.shut_down_writing()
    await server.send_all(b" second")

    assert await server.receive_some() == b""
    received = await client.receive_some()
    while len(received) < 12:
        received += await client.receive_some()
    assert received == b"first second"
    server.close()
    assert await client.receive_some() == b""


async def test_an_aborted_connection_looks_broken_to_its_peer(pair: Pair) -> None:
    server, client = pair

    server.abort()

    with pytest.raises(trio.BrokenResourceError):
        await client.receive_some()


async def test_a_closed_connection_refuses_every_use_and_may_be_closed_again(pair: Pair) -> None:
    server, _client = pair
    server.close()
    server.close()
    server.shut_down_writing()

    with pytest.raises(trio.ClosedResourceError):
        await server.receive_some()
    with pytest.raises(trio.ClosedResourceError):
        await server.send_all(b"x")
    assert server.is_quiet() is False


async def test_closing_wakes_the_reader(pair: Pair) -> None:
    server, _client = pair
    seen: list[Exception] = []

    async def read() -> None:
        try:
            await server.receive_some()
        except trio.ClosedResourceError as error:
            seen.append(error)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        await settled()
        server.close()

    assert len(seen) == 1


async def test_a_send_that_is_cancelled_midway_closes_the_connection(pair: Pair) -> None:
    server, _client = pair
    with trio.move_on_after(0.01):
        for _ in range(100):
            await server.send_all(LARGE)

    with pytest.raises(trio.ClosedResourceError):
        await server.send_all(b"x")


async def test_writers_take_turns(pair: Pair) -> None:
    server, client = pair
    received = bytearray()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.send_all, LARGE)
        await settled()
        nursery.start_soon(server.send_all, b"the end")
        while len(received) < len(LARGE) + 7:
            received += await client.receive_some()

    assert received.count(b"the end") == 1
    assert len(received) == len(LARGE) + 7


async def test_there_is_room_to_send(pair: Pair) -> None:
    server, _client = pair

    await server.wait_send_all_might_not_block()
    server.hasten(trio.current_time() - 1)

    with pytest.raises(trio.TooSlowError):
        await server.receive_some()


async def test_a_handshake_that_cannot_succeed_tells_the_peer_why(both: Contexts) -> None:
    below_server, below_client = socket_pair()
    server = TlsConnection(below_server, both.server)
    client = TlsConnection(below_client, ssl.create_default_context(), server_name="web.example")
    said: list[str] = []

    async def shake(connection: TlsConnection) -> None:
        try:
            await connection.shake_hands()
        except ssl.SSLError as error:
            said.append(reason(error))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(shake, server)
        nursery.start_soon(shake, client)

    assert sorted(said) == ["tlsv1 alert unknown ca", "unable to get local issuer certificate"]
    server.close()
    client.close()


async def test_the_second_connection_of_a_client_is_resumed(both: Contexts) -> None:
    async with talking(both) as (server, client):
        await server.send_all(b"x")
        await client.receive_some()
        session = client._object.session
        assert (server.resumed, server.protocol) == (False, "")
    below_server, below_client = socket_pair()
    again = TlsConnection(below_server, both.server)
    client = TlsConnection(below_client, both.client, server_name="web.example")
    client._object.session = session

    async with trio.open_nursery() as nursery:
        nursery.start_soon(again.shake_hands)
        nursery.start_soon(client.shake_hands)

    assert again.resumed is True
    again.close()
    client.close()
