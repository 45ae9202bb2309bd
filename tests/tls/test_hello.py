"""The server name in a ClientHello: real ones, cut in every way, and ones that are wrong in every part."""

import random
import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.errors import RemoteProtocolError
from mesh.tls.hello import MAX_BYTES, MAX_MESSAGE_BYTES, HelloReader, wishes
from tests.plugins.tcp.hellos import body, extension, hello, message, names, real, records, vector


def read(*pieces: bytes) -> HelloReader:
    reader = HelloReader()
    for piece in pieces:
        reader.feed(piece)
    return reader


def one_by_one(octets: bytes) -> list[bytes]:
    return [octets[place : place + 1] for place in range(len(octets))]


@pytest.mark.parametrize("octets", [real("Web.Example.org"), hello(b"WEB.example.org")])
def test_the_name_is_found_however_the_bytes_are_cut(octets: bytes) -> None:
    for pieces in ([octets], one_by_one(octets), [octets[:5], octets[5:9], octets[9:]]):
        reader = HelloReader()
        known = [reader.feed(piece) for piece in pieces]
        assert (reader.is_tls, reader.server_name) == (True, b"web.example.org")
        assert known == [False] * (len(pieces) - 1) + [True]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 50, 200])
def test_the_name_is_found_however_the_message_is_cut_into_records(size: int) -> None:
    octets = records(real("web.test")[5:], size)

    assert read(octets).server_name == b"web.test"
    assert read(*one_by_one(octets)).server_name == b"web.test"


def test_what_follows_the_hello_is_not_looked_at() -> None:
    reader = read(hello() + b"\x17\x03\x03\x00\x05early")

    assert (reader.is_done, reader.server_name) == (True, b"web.test")
    assert reader.feed(b"more")


@pytest.mark.parametrize(
    "said", [real(None), records(message(body())), records(message(body(extension(10, b"")))), hello()[:0]]
)
def test_a_hello_may_have_no_name(said: bytes) -> None:
    reader = read(said)

    assert (reader.is_tls, reader.server_name) == (True, b"")
    assert reader.is_done is bool(said)


@pytest.mark.parametrize("octets", [b"G", b"GET / HTTP/1.1\r\n", b"\x80\x2e\x01", b"\x15\x03\x01", b"\0", b"\x17"])
def test_what_is_not_tls_is_told_by_its_first_byte(octets: bytes) -> None:
    reader = read(octets[:1])

    assert (reader.is_done, reader.is_tls, reader.server_name) == (True, False, b"")


LONG = b".".join([b"a" * 63] * 3 + [b"b" * 61])


@pytest.mark.parametrize("name", [b"a", b"a.b", b"xn--bcher-kva.example", b"_x.y", b"1a", b"10.0.0.1.test", LONG])
def test_names_of_hosts_are_taken(name: bytes) -> None:
    assert wishes(body(names((0, name)))) == (name, ())


@pytest.mark.parametrize(
    "name",
    [
        b".",
        b"a.",
        b".a",
        b"a..b",
        b"-a",
        b"a-",
        b"a b",
        b"a/b",
        b"a\0b",
        b"a\n",
        b"\xc3\xbc",
        b"1",
        b"[::1]",
        b"a:443",
        b"*.a",
        b"a" * 64,
        LONG + b"x",
    ],
)
def test_what_is_no_name_of_a_host_is_refused(name: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match="expected the name of a host"):
        wishes(body(names((0, name))))


@pytest.mark.parametrize("name", [b"10.0.0.1", b"::1"])
def test_an_address_is_no_name_but_no_offence_either(name: bytes) -> None:
    assert wishes(body(names((0, name)))) == (b"", ())


@pytest.mark.parametrize(
    "said",
    [
        b"",
        body(names((0, b"a")))[:-1],
        body(names((0, b"a"))) + b"\0",
        body(version=b"\x02\x00"),
        body(random=bytes(31)),
        body(session=bytes(33)),
        body(ciphers=b""),
        body(ciphers=b"\x13\x01\x13"),
        body(compressions=b""),
        body() + b"\0",
        body(names((0, b"a")), names((0, b"a"))),
        body(extension(10), extension(10)),
        body(names((0, b"a"), (0, b"b"))),
        body(names((1, b"a"))),
        body(names()),
        body(names((0, b""))),
        body(extension(0)),
        body(extension(0, vector(2, b"\0" + vector(2, b"a")) + b"\0")),
        body(extension(0, vector(2, b"\0\0\5a"))),
        body(b"\0\0\0\5abc"),
    ],
)
def test_lengths_that_do_not_add_up_and_parts_that_are_wrong_are_refused(said: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        wishes(said)


@pytest.mark.parametrize(
    "octets",
    [
        b"\x16\x02\x00\x00\x05",
        b"\x16\x03\x01\x00\x00",
        b"\x16\x03\x01\x40\x01",
        records(message(body(), kind=2)),
        records(b"\x01\x00\x40\x01"),
        records(message(body())[:9]) + b"\x17\x03\x03\x00\x05",
        records(message(body()) + b"\0"),
        records(message(body()) + message(body())),
    ],
)
def test_records_that_hold_no_hello_are_refused_as_soon_as_that_is_clear(octets: bytes) -> None:
    for pieces in ([octets], one_by_one(octets)):
        with pytest.raises(RemoteProtocolError):
            read(*pieces)


def test_a_hello_has_a_greatest_size() -> None:
    filler = extension(21, bytes(MAX_MESSAGE_BYTES - 100))

    reader = read(records(message(body(filler, names((0, b"web"))))))

    assert reader.server_name == b"web"
    with pytest.raises(RemoteProtocolError, match="expected at most"):
        read(records(message(body(filler, extension(22, bytes(100))))))


def test_a_hello_in_too_many_records_is_refused() -> None:
    octets = records(message(body(extension(21, bytes(16000)))), 1)

    with pytest.raises(RemoteProtocolError, match=f"more than {MAX_BYTES} bytes"):
        read(*[octets[place : place + 100] for place in range(0, len(octets), 100)])


@given(st.integers(0, 10_000), st.integers(0, 255), st.integers(1, 40))
def test_a_hello_with_a_wrong_byte_is_read_the_same_however_it_is_cut(place: int, byte: int, size: int) -> None:
    octets = bytearray(REAL)
    octets[place % len(octets)] = byte
    whole = outcome([bytes(octets)])

    cut = outcome([bytes(octets[start : start + size]) for start in range(0, len(octets), size)])

    assert cut == whole


REAL = hello(b"web.example.org")


def outcome(pieces: list[bytes]) -> tuple[object, ...]:
    try:
        reader = read(*pieces)
    except RemoteProtocolError:
        return ("refused",)
    return (reader.is_done, reader.is_tls, reader.server_name)


def test_random_bytes_never_raise_anything_else() -> None:
    source = random.Random(7)
    for _time in range(500):
        octets = b"\x16\x03\x01" + source.randbytes(source.randrange(200))
        outcome([octets])


@pytest.mark.parametrize(
    ("offered", "read"),
    [((), ()), (("http/1.1",), (b"http/1.1",)), (("h2", "http/1.1"), (b"h2", b"http/1.1"))],
)
def test_what_openssl_offers_to_speak_is_read(offered: tuple[str, ...], read: tuple[bytes, ...]) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if offered:
        context.set_alpn_protocols(list(offered))
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname="Web.Example")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    reader = HelloReader()

    reader.feed(outgoing.read())

    assert (reader.is_done, reader.server_name, reader.protocols) == (True, b"web.example", read)


@pytest.mark.parametrize("content", [b"", b"\x00\x00", b"\x00\x01\x00", b"\x00\x03\x02h2x", b"\x00\x03\x03h2"])
def test_protocols_that_do_not_add_up_are_refused(content: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        wishes(body(extension(16, content)))
