import hpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesh_plugins.http2.block_reader import BlockError, BlockReader, BlockTooLarge

TEXT = st.binary(min_size=1, max_size=20)


def test_the_requests_of_the_specification_are_read() -> None:
    # RFC 7541, appendix C.4: Huffman's code, and a table that grows.
    reader = BlockReader(65536)
    common = [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/"), (b":authority", b"www.example.com")]

    lists = [
        reader.read(bytes.fromhex(block))
        for block in (
            "828684418cf1e3c2e5f23a6ba0ab90f4ff",
            "828684be5886a8eb10649cbf",
            "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
        )
    ]

    assert lists == [
        common,
        [*common, (b"cache-control", b"no-cache")],
        [
            (b":method", b"GET"),
            (b":scheme", b"https"),
            (b":path", b"/index.html"),
            (b":authority", b"www.example.com"),
            (b"custom-key", b"custom-value"),
        ],
    ]


def test_replies_evict_what_the_table_has_no_room_for() -> None:
    # RFC 7541, appendix C.6, with its table of 256 bytes.
    reader = BlockReader(65536)

    lists = [
        reader.read(bytes.fromhex(block))
        for block in (
            "3fe101488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3",
            "4883640effc1c0bf",
            "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
        )
    ]

    assert [fields[0] for fields in lists] == [(b":status", b"302"), (b":status", b"307"), (b":status", b"200")]
    assert lists[2][-1] == (b"set-cookie", b"foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1")


@given(
    st.lists(st.lists(st.tuples(TEXT, st.binary(max_size=300), st.booleans()), max_size=8), min_size=1, max_size=12),
    st.booleans(),
    st.sampled_from([0, 100, 4096]),
)
@settings(max_examples=50, deadline=None)
def test_whatever_another_encoder_wrote_is_read(
    heads: list[list[tuple[bytes, bytes, bool]]], huffman: bool, table: int
) -> None:
    encoder = hpack.Encoder()
    encoder.header_table_size = table
    reader = BlockReader(65536)

    for head in heads:
        again = [*head, *head]
        block = encoder.encode([hpack.NeverIndexedHeaderTuple(n, v) if s else (n, v) for n, v, s in again], huffman)
        assert reader.read(block) == [(name, value) for name, value, _ in again]


@given(st.binary(max_size=60))
@settings(max_examples=300, deadline=None)
def test_whatever_bytes_come_it_is_no_more_lenient_than_the_library(block: bytes) -> None:
    decoder = hpack.Decoder(65536)
    try:
        expected = [tuple(field) for field in decoder.decode(block, raw=True)]
    except hpack.HPACKError:
        expected = None

    try:
        found = BlockReader(65536).read(block)
    except (BlockError, BlockTooLarge):
        return

    assert found == expected


@pytest.mark.parametrize(
    "block",
    [
        pytest.param("80", id="index 0"),
        pytest.param("be", id="an index beyond an empty table"),
        pytest.param("ff00", id="a large index"),
        pytest.param("ff" * 41 + "01", id="a number without end"),
        pytest.param("ffffffffff7f", id="a number beyond 31 bits"),
        pytest.param("828684007fffffff0761", id="a string beyond the block"),
        pytest.param("8286844005", id="a name that is cut off"),
        pytest.param("400161", id="a value that is missing"),
        pytest.param("3fe1ffff03828684", id="a table larger than allowed"),
        pytest.param("828620844106612e74657374", id="a size after a field"),
        pytest.param("0081ff00", id="a name whose Huffman code is wrong"),
    ],
)
def test_what_is_not_hpack_is_refused(block: str) -> None:
    with pytest.raises(BlockError):
        BlockReader(65536).read(bytes.fromhex(block))


def test_a_small_block_that_stands_for_much_is_refused() -> None:
    reader = BlockReader(65536)

    with pytest.raises(BlockTooLarge):
        reader.read(b"\x40\x01a\x7f\x81\x1e" + b"b" * 4000 + b"\xbe" * 16000)


def test_a_table_must_shrink_once_the_peer_knows_that_it_must() -> None:
    reader = BlockReader(65536)
    reader.offer(0)
    assert reader.read(b"\x40\x01a\x01b") == [(b"a", b"b")]

    reader.allow(0)

    with pytest.raises(BlockError):
        reader.read(b"\x82")
    assert reader.read(b"\x20\x82") == [(b":method", b"GET")]


def test_a_larger_table_may_be_used_as_soon_as_it_is_offered() -> None:
    reader = BlockReader(65536)

    reader.offer(8192)

    assert reader.read(b"\x3f\xe1\x3f\x82") == [(b":method", b"GET")]


def test_every_change_of_the_table_is_counted() -> None:
    reader = BlockReader(65536)

    counts = []
    for block in (b"\x82", b"\x40\x01a\x01b", b"\xbe", b"\x00\x01a\x01b", b"\x20"):
        reader.read(block)
        counts.append(reader.changes)

    assert counts == [0, 1, 1, 1, 2]
