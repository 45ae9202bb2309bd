import pytest

from mesh import Limits, RemoteProtocolError
from mesh_plugins.http2.block_reader import BlockError
from mesh_plugins.http2.head_reader import HeadReader, TooLarge
from tests.plugins.http2.driving import GET, block

REPLY = b"\x88"


def test_a_block_that_comes_again_is_looked_up() -> None:
    reader = HeadReader(Limits())

    first, second, third = (reader.request(GET) for _ in range(3))

    assert first == second == third
    assert third is second


def test_a_block_is_forgotten_when_the_table_changes() -> None:
    reader = HeadReader(Limits())
    reader.reply(b"\x88\x40\x03x-a\x011")
    for _ in range(3):
        assert reader.reply(b"\x88\xbe").headers == [(b"x-a", b"1")]

    reader.reply(b"\x88\x40\x03x-a\x012")

    assert reader.reply(b"\x88\xbe").headers == [(b"x-a", b"2")]


def test_a_block_that_nobody_wants_changes_the_table_all_the_same() -> None:
    reader = HeadReader(Limits())

    reader.skip(b"\x40\x03x-a\x011")

    assert reader.reply(b"\x88\xbe").headers == [(b"x-a", b"1")]


def test_a_secret_is_not_remembered() -> None:
    reader = HeadReader(Limits())
    secret = GET + block((b"cookie", b"a=1"))

    heads = [reader.request(secret) for _ in range(3)]

    assert heads[1] is not heads[2]


def test_the_same_block_is_no_trailers_because_it_was_a_request() -> None:
    reader = HeadReader(Limits())
    for _ in range(3):
        reader.request(GET)

    with pytest.raises(RemoteProtocolError):
        reader.trailers(GET)


def test_a_list_that_is_too_long_is_too_large_and_leaves_the_table_right() -> None:
    reader = HeadReader(Limits(h2_max_header_list_bytes=100, max_trailer_bytes=100))

    with pytest.raises(TooLarge):
        reader.reply(b"\x88\x40\x03x-a\x03111\x00\x03x-b\x40" + b"1" * 64)

    assert reader.reply(b"\x88\xbe").headers == [(b"x-a", b"111")]


def test_too_many_fields_are_too_large() -> None:
    reader = HeadReader(Limits(max_header_fields=3))

    with pytest.raises(TooLarge):
        reader.reply(REPLY + block((b"a", b""), (b"b", b""), (b"c", b"")))


def test_memory_is_bounded() -> None:
    reader = HeadReader(Limits())

    for number in range(1000):
        for _ in range(3):
            assert reader.reply(REPLY + block((b"x-a", b"%d" % number))).headers == [(b"x-a", b"%d" % number)]

    assert len(reader._replies) <= 64


def test_what_is_not_hpack_is_said_so() -> None:
    with pytest.raises(BlockError):
        HeadReader(Limits()).trailers(b"\xff\x00")
