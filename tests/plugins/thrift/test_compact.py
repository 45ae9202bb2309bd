"""The compact protocol's items."""

import pytest

from mesh_plugins.thrift.compact import CompactReader, CompactWriter, read_varint, write_varint
from mesh_plugins.thrift.wire import BOOL, BYTE, DOUBLE, I16, I64, LIST, Incomplete, Malformed


@pytest.mark.parametrize(("data", "value"), [("00", 0), ("7f", 127), ("8001", 128), ("ffffffff0f", 2**32 - 1)])
def test_varints_are_read_and_written(data: str, value: int) -> None:
    out = bytearray()
    write_varint(out, value)

    assert (out.hex(), read_varint(bytes.fromhex(data), 0)) == (data, (value, len(data) // 2))


def test_a_varint_ends_somewhere() -> None:
    with pytest.raises(Incomplete):
        read_varint(b"\x80" * 9, 0)
    with pytest.raises(Malformed):
        read_varint(b"\x80" * 10, 0)


def test_numbers_of_fields_are_differences_where_those_are_small() -> None:
    out = bytearray()
    writer = CompactWriter(out)
    writer.enter()
    for number in (1, 16, 32, 2, -1):
        writer.field(BYTE, number)
        writer.number(BYTE, -2)
    writer.field(0, 0)

    reader = CompactReader(bytes(out), 0, len(out))
    reader.enter()
    read = [(reader.field(), reader.number(BYTE)) for _field in range(5)]

    assert out.hex() == "13fe f3fe 0340fe 0304fe 0301fe 00".replace(" ", "")
    assert read == [((BYTE, number), -2) for number in (1, 16, 32, 2, -1)]
    assert reader.field() == (0, 0)


def test_bools_stand_in_the_head_of_their_field_and_by_themselves_in_lists() -> None:
    out = bytearray()
    writer = CompactWriter(out)
    writer.enter()
    writer.field(BOOL, 1)
    writer.number(BOOL, 0)
    writer.field(LIST, 2)
    writer.elements(BOOL, 2)
    writer.number(BOOL, 1)
    writer.number(BOOL, 0)

    reader = CompactReader(bytes(out), 0, len(out))
    reader.enter()

    assert out.hex() == "12 19 21 01 02".replace(" ", "")
    assert [reader.field(), reader.number(BOOL), reader.field(), reader.elements()] == [(2, 1), 0, (15, 2), (BOOL, 2)]
    assert [reader.number(BOOL), reader.number(BOOL)] == [1, 0]


def test_the_other_type_of_a_bool_is_known_in_lists_too() -> None:
    assert CompactReader(b"\x22\x01\x02", 0, 3).elements() == (BOOL, 2)


@pytest.mark.parametrize("value", [0, 1, -1, 2**63 - 1, -(2**63)])
def test_numbers_of_either_sign_are_read_and_written(value: int) -> None:
    out = bytearray()
    CompactWriter(out).number(I64, value)

    assert CompactReader(bytes(out), 0, len(out)).number(I64) == value


def test_a_number_has_the_range_of_its_type() -> None:
    with pytest.raises(Malformed):
        CompactReader(bytes.fromhex("808004"), 0, 3).number(I16)


def test_doubles_are_turned_round() -> None:
    out = bytearray()
    CompactWriter(out).raw(DOUBLE, bytes(range(8)))

    assert (bytes(out), CompactReader(bytes(out), 0, 8).raw(DOUBLE)) == (bytes(range(7, -1, -1)), bytes(range(8)))


def test_many_elements_are_counted_apart() -> None:
    out = bytearray()
    CompactWriter(out).elements(BYTE, 15)

    assert (out.hex(), CompactReader(bytes(out) + b"x" * 15, 0, 17).elements()) == ("f30f", (BYTE, 15))
