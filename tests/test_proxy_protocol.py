"""The PROXY protocol, from literal bytes."""

import pytest
import trio
import trio.testing

from mesh.errors import RemoteProtocolError
from mesh.proxy_protocol import MAX_V2_BYTES, Introduction, introduce, read_introduction, receive_introduction
from tests.socketpairs import connected

SIGNATURE = bytes.fromhex("0d0a0d0a000d0a515549540a")
V4 = bytes([192, 0, 2, 1, 192, 0, 2, 2]) + (1111).to_bytes(2, "big") + (80).to_bytes(2, "big")
V6 = bytes(15) + b"\x01" + bytes(15) + b"\x02" + (1111).to_bytes(2, "big") + (80).to_bytes(2, "big")
TLV = b"\x03\x00\x04abcd"


def v2(command: int, family: int, content: bytes, size: int | None = None) -> bytes:
    return SIGNATURE + bytes([command, family]) + (len(content) if size is None else size).to_bytes(2, "big") + content


GOOD = [
    (b"PROXY TCP4 192.0.2.1 192.0.2.2 1111 80\r\n", "192.0.2.1:1111"),
    (b"PROXY TCP6 2001:db8::1 ::1 1111 80\r\n", "[2001:db8::1]:1111"),
    (b"PROXY UNKNOWN\r\n", ""),
    (b"PROXY UNKNOWN ffff:f...f:ffff 1 2\r\n", ""),
    (b"PROXY TCP4 255.255.255.255 255.255.255.255 65535 0\r\n", "255.255.255.255:65535"),
    (v2(0x21, 0x11, V4), "192.0.2.1:1111"),
    (v2(0x21, 0x11, V4 + TLV), "192.0.2.1:1111"),
    (v2(0x21, 0x21, V6), "[::1]:1111"),
    (v2(0x20, 0x00, b""), ""),
    (v2(0x20, 0x11, V4), ""),
    (v2(0x21, 0x00, TLV), ""),
    (v2(0x21, 0x31, bytes(216)), ""),
]


@pytest.mark.parametrize(("said", "source"), GOOD)
def test_the_source_is_read_and_nothing_beyond(said: bytes, source: str) -> None:
    assert read_introduction(said + b"GET / HTTP/1.1\r\n") == Introduction(len(said), source)


@pytest.mark.parametrize("said", [said for said, _source in GOOD])
def test_every_beginning_is_waited_for(said: bytes) -> None:
    assert {read_introduction(said[:size]) for size in range(len(said))} == {None}


@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.1\r\n",
        b"PROXYTCP4",
        b"PROXY TCP4 999.0.2.1 192.0.2.2 1111 80\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1111\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1111 80 90\r\n",
        b"PROXY TCP4  192.0.2.1 192.0.2.2 1111 80\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 01111 80\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 65536 80\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 +1 80\r\n",
        b"PROXY TCP4 ::1 ::1 1 2\r\n",
        b"PROXY TCP6 fe80::1%lo ::1 1 2\r\n",
        b"PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n",
        b"PROXY TCP4 " + b"1" * 200 + b"\r\n",
        v2(0x11, 0x11, V4),
        v2(0x22, 0x11, V4),
        v2(0x21, 0x41, V4),
        v2(0x21, 0x11, V4[:11]),
        v2(0x21, 0x21, V4),
        v2(0x21, 0x11, b"", 65535),
        v2(0x20, 0x00, b"", MAX_V2_BYTES),
    ],
)
def test_what_makes_no_sense_is_refused(said: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        read_introduction(said)


async def test_a_connection_gets_the_name_of_the_client_and_keeps_its_bytes() -> None:
    with connected() as (connection, peer):
        said, source = GOOD[0]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(receive_introduction, connection, 5, 107)
            for byte in said:
                peer.send(bytes([byte]))
                await trio.testing.wait_all_tasks_blocked()
        peer.send(b"GET /")

        assert connection.peer == source
        assert await connection.receive_some() == b"GET /"


async def test_a_proxy_that_speaks_for_itself_keeps_its_own_name() -> None:
    with connected() as (connection, peer):
        peer.send(b"PROXY UNKNOWN\r\nhello")

        await receive_introduction(connection, 5, 107)

        assert (connection.peer, await connection.receive_some()) == ("the peer", b"hello")


@pytest.mark.parametrize("said", [b"", b"PROXY TCP4", v2(0x21, 0x11, V4, 200)])
async def test_a_client_that_ends_too_early_is_refused(said: bytes) -> None:
    with connected() as (connection, peer):
        peer.send(said)
        peer.close()

        with pytest.raises(RemoteProtocolError, match=r"before it had said|went away"):
            await receive_introduction(connection, 5, 107)

        assert connection.is_quiet() is False


async def test_a_client_that_says_nothing_is_not_waited_for(autojump_clock: trio.testing.MockClock) -> None:
    with connected() as (connection, _peer):
        with pytest.raises(RemoteProtocolError, match="within 10 s"):
            await receive_introduction(connection, 10, 107)

        assert trio.current_time() >= 10


TOLD = [
    ("192.0.2.1:1111", "192.0.2.2:80", b"PROXY TCP4 192.0.2.1 192.0.2.2 1111 80\r\n", v2(0x21, 0x11, V4)),
    (
        "[::1]:1",
        "[::2]:2",
        b"PROXY TCP6 ::1 ::2 1 2\r\n",
        v2(0x21, 0x21, bytes(15) + b"\1" + bytes(15) + b"\2\0\1\0\2"),
    ),
    (
        "[::ffff:1.2.3.4]:1",
        "",
        b"PROXY TCP4 1.2.3.4 0.0.0.0 1 0\r\n",
        v2(0x21, 0x11, b"\1\2\3\4" + bytes(5) + b"\1\0\0"),
    ),
    ("stream", "192.0.2.2:80", b"PROXY UNKNOWN\r\n", v2(0x20, 0, b"")),
]


@pytest.mark.parametrize(("source", "destination", "first", "second"), TOLD)
def test_a_client_is_told_in_both_versions(source: str, destination: str, first: bytes, second: bytes) -> None:
    assert introduce("v1", source, destination) == first
    assert introduce("v2", source, destination) == second


def test_addresses_of_two_families_are_told_as_one() -> None:
    actual = introduce("v1", "[2001:db8::1]:1111", "192.0.2.2:80")

    assert actual == b"PROXY TCP6 2001:db8::1 ::ffff:c000:202 1111 80\r\n"
