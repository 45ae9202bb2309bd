"""The binary protocol's items."""

import pytest

from mesh_plugins.thrift.binary import BinaryReader, BinaryWriter, least, skip_struct
from mesh_plugins.thrift.wire import BOOL, I32, LIST, MAP, STRING, STRUCT, Incomplete
from tests.plugins.thrift.samples import EVERY_TYPE_BINARY


def test_a_struct_is_skipped_to_its_end() -> None:
    data = bytes.fromhex("ff 0b0001 00000002 6869 080002 00000001 00 ff")

    assert skip_struct(data, 1, 64, 100) == len(data) - 1


def test_a_struct_is_not_skipped_beyond_its_bytes() -> None:
    data = bytes.fromhex("0b0001 00000002 6869 080002 00000001 0c0003 00 0f0004 0b 00000001 00000000 00")

    assert skip_struct(data, 0, 64, 100) == len(data)
    assert [skip_struct(data[:cut], 0, 64, 100) for cut in range(len(data))] == [-1] * len(data)


def test_what_is_rare_takes_a_closer_look() -> None:
    assert skip_struct(EVERY_TYPE_BINARY, 0, 64, 100) == -1


@pytest.mark.parametrize("data", ["0b0001 ffffffff", "0f0001 0b 00000001 ffffffff", "0f0001 0f 00000001", "630001"])
def test_what_is_broken_takes_a_closer_look(data: str) -> None:
    assert skip_struct(bytes.fromhex(data) + b"\0" * 9, 0, 64, 100) == -1


def test_a_reader_stays_where_it_is_when_an_item_is_incomplete() -> None:
    reader = BinaryReader(bytes.fromhex("0b0001 00000004 6162"), 0, 100)
    field = reader.field()

    with pytest.raises(Incomplete):
        reader.string()

    assert (field, reader.at) == ((STRING, 1), 3)


def test_what_is_written_is_read_again() -> None:
    out = bytearray()
    writer = BinaryWriter(out)
    writer.enter()
    writer.field(BOOL, 1)
    writer.number(BOOL, 1)
    writer.field(LIST, -2)
    writer.elements(I32, 1)
    writer.number(I32, -3)
    writer.field(MAP, 3)
    writer.pairs(STRING, STRING, 0)
    writer.field(0, 0)

    reader = BinaryReader(bytes(out), 0, len(out))

    assert [reader.field(), reader.number(BOOL), reader.field()] == [(BOOL, 1), 1, (LIST, -2)]
    assert [reader.elements(), reader.number(I32), reader.field()] == [(I32, 1), -3, (MAP, 3)]
    assert [reader.pairs(), reader.field(), reader.at] == [(STRING, STRING, 0), (0, 0), len(out)]


def test_the_fewest_bytes_of_each_type_are_known() -> None:
    assert [least(kind) for kind in (BOOL, I32, STRING, LIST, MAP, STRUCT, 99)] == [1, 4, 4, 5, 6, 1, 1]
