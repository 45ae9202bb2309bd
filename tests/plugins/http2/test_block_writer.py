import hpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesh import Fields, LocalProtocolError
from mesh_plugins.http2.block_writer import WRITTEN_SIZES, WRITTEN_STATUSES, BlockWriter

LINE = (b"GET", b"http", b"a.test", b"/")
LINE_FIELDS = [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/"), (b":authority", b"a.test")]


def write(writer: BlockWriter, fields: Fields) -> bytes:
    return writer.start() + b"".join(map(writer.__getitem__, fields))


def read(decoder: hpack.Decoder, block: bytes) -> Fields:
    return [(bytes(name), bytes(value)) for name, value in decoder.decode(block, raw=True)]


def test_what_repeats_becomes_one_byte_a_field() -> None:
    writer, decoder = BlockWriter(), hpack.Decoder()
    fields = [(b"user-agent", b"curl"), (b"accept", b"*/*"), (b"x-a", b"1")]

    sizes = []
    for _ in range(4):
        block = write(writer, fields)
        assert read(decoder, block) == fields
        sizes.append(len(block))

    assert sizes[2:] == [3, 3]


def test_a_request_line_that_repeats_becomes_four_bytes() -> None:
    writer, decoder = BlockWriter(), hpack.Decoder()

    sizes = []
    for _ in range(4):
        block = writer.request(LINE)
        assert read(decoder, block) == LINE_FIELDS
        sizes.append(len(block))

    assert sizes[2:] == [4, 4]


def test_a_field_of_headers_is_never_taken_for_the_request_line() -> None:
    writer = BlockWriter()
    writer.request(LINE)
    writer.request(LINE)

    with pytest.raises(LocalProtocolError):
        write(writer, [(b":path", b"/")])


@pytest.mark.parametrize("name", [b"authorization", b"cookie", b"set-cookie"])
def test_a_secret_is_never_put_into_a_table(name: bytes) -> None:
    writer, decoder = BlockWriter(), hpack.Decoder()

    for _ in range(3):
        [field] = decoder.decode(write(writer, [(name, b"secret")]), raw=True)
        assert isinstance(field, hpack.NeverIndexedHeaderTuple)

    assert list(decoder.header_table.dynamic_entries) == []
    assert dict(writer) == {}


@pytest.mark.parametrize("name", [b"l5d-ctx-trace", b"x-request-id", b"date"])
def test_ids_and_times_leave_the_table_alone(name: bytes) -> None:
    writer, decoder = BlockWriter(), hpack.Decoder()

    for value in (b"1", b"1", b"1", b"2"):
        assert read(decoder, write(writer, [(name, value)])) == [(name, value)]

    assert list(decoder.header_table.dynamic_entries) == []


def test_what_comes_once_leaves_the_table_alone() -> None:
    writer, decoder = BlockWriter(), hpack.Decoder()

    for number in range(1000):
        read(decoder, write(writer, [(b"x-a", b"%d" % number)]))

    assert list(decoder.header_table.dynamic_entries) == []
    assert len(writer) == 0


def test_a_full_table_changes_rarely() -> None:
    writer, decoder = BlockWriter(), hpack.Decoder()
    fields = [(b"x-%d" % number, b"v" * 100) for number in range(80)]

    for _ in range(4):
        assert read(decoder, write(writer, fields)) == fields
    first = list(decoder.header_table.dynamic_entries)
    for _ in range(4):
        read(decoder, write(writer, fields))

    assert len(first) > 25
    assert len(set(first) - set(decoder.header_table.dynamic_entries)) <= 8


FIELD = st.tuples(
    st.sampled_from([b"x-a", b"x-b", b"accept", b"cookie", b"date", b"l5d-reqid", b":bad", b"via"]),
    st.sampled_from([b"", b"1", b"2", b"long" * 40, b"longer" * 300, b"bad\n"]),
)
STEP = st.one_of(st.lists(FIELD, max_size=6), st.sampled_from([0, 60, 200, 4096, 100000]))


@given(st.lists(STEP, max_size=40))
@settings(max_examples=100, deadline=None)
def test_another_decoder_always_reads_what_was_written(steps: list[Fields | int]) -> None:
    writer, decoder = BlockWriter(), hpack.Decoder()
    decoder.max_allowed_table_size = 100000

    for step in steps:
        if isinstance(step, int):
            writer.resize(step)
            continue
        try:
            block = write(writer, step)
        except LocalProtocolError:
            writer.restart()
            continue
        assert read(decoder, block + writer.request(LINE)) == step + LINE_FIELDS


def test_a_smaller_table_is_announced_before_the_next_field() -> None:
    writer = BlockWriter()

    writer.resize(0)
    writer.resize(100)

    assert write(writer, [(b":status", b"200")][:0]) == b"\x20\x3f\x45"
    assert writer.start() == b""


def test_statuses_and_sizes_need_no_table() -> None:
    decoder = hpack.Decoder()

    block = WRITTEN_STATUSES[200] + WRITTEN_STATUSES[418] + WRITTEN_SIZES[12345]

    assert read(decoder, block) == [(b":status", b"200"), (b":status", b"418"), (b"content-length", b"12345")]
    assert list(decoder.header_table.dynamic_entries) == []
