import math

import pytest

from mesh_plugins.thrift.message import BINARY, Encoding
from mesh_plugins.thrift.wire import BYTE, I16, I32, I64
from mesh_plugins.thrift_json.scalars import BINARY as BYTES
from mesh_plugins.thrift_json.scalars import BOOLEAN, DOUBLES, INTEGERS, TEXT, Enum, KeyType, Type
from mesh_plugins.thrift_json.wrong import Json, Wrong
from tests.plugins.thrift_json.passing import ENCODINGS, passed, refusal

COLOUR = Enum("Colour", {"RED": 1, "GREEN": 2})


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (BOOLEAN, True),
        (BOOLEAN, False),
        (INTEGERS[BYTE], -128),
        (INTEGERS[I16], 32767),
        (INTEGERS[I32], -(2**31)),
        (INTEGERS[I64], 2**63 - 1),
        (DOUBLES, 1.5),
        (DOUBLES, "NaN"),
        (DOUBLES, "-Infinity"),
        (TEXT, "grüß \N{GRINNING FACE}"),
        (TEXT, ""),
        (BYTES, "AP8="),
        (COLOUR, "GREEN"),
    ],
)
def test_a_value_comes_back_as_it_was(encoding: Encoding, kind: Type, value: Json) -> None:
    assert passed(kind, value, encoding) == value


@pytest.mark.parametrize(
    ("kind", "value", "back"), [(INTEGERS[I64], "-12", -12), (DOUBLES, 2, 2.0), (COLOUR, 1, "RED")]
)
def test_a_value_may_be_written_otherwise(kind: Type, value: Json, back: Json) -> None:
    assert passed(kind, value) == back


@pytest.mark.parametrize(
    ("kind", "value", "why"),
    [
        (BOOLEAN, 1, "true or false expected, not 1"),
        (INTEGERS[I32], True, "a whole number expected, not true"),
        (INTEGERS[I32], 1.0, "a whole number expected, not 1.0"),
        (INTEGERS[I32], "1e3", "a whole number expected, not a text"),
        (INTEGERS[I32], None, "a whole number expected, not null"),
        (INTEGERS[I16], 32768, "a whole number of 16 bits expected, not 32768"),
        (INTEGERS[I64], 10**100, "a whole number of 64 bits expected, not a very large number"),
        (DOUBLES, "1.5", "a number expected, not a text"),
        (DOUBLES, 10**400, "a number that a double can hold expected"),
        (DOUBLES, float("1e400"), "a number that a double can hold expected"),
        (TEXT, 1, "a text expected, not 1"),
        (TEXT, "\ud800", "half of a surrogate pair is no character"),
        (BYTES, "a", "base64 expected"),
        (BYTES, "é", "base64 expected"),
        (BYTES, [], "base64 in a text expected, not an array"),
        (COLOUR, "BLUE", "one of RED, GREEN (Colour) expected, not a text"),
        (COLOUR, 3, "one of RED, GREEN (Colour) expected, not 3"),
        (COLOUR, True, "one of RED, GREEN (Colour) expected, not true"),
    ],
)
def test_what_is_of_another_type_is_refused(kind: Type, value: Json, why: str) -> None:
    assert refusal(kind, value) == f"$: {why}"


def test_a_number_that_is_not_a_number_is_read_as_its_name() -> None:
    assert passed(DOUBLES, math.nan) == "NaN"


def test_a_number_without_a_name_is_read_as_it_is() -> None:
    newer = Enum("Colour", {"BLUE": 3})
    data = bytes.fromhex("00000003")

    value = COLOUR.read(BINARY.reader(data, 0, 4))

    assert value == 3
    assert newer.read(BINARY.reader(data, 0, 4)) == "BLUE"


def test_a_text_that_is_not_utf8_cannot_be_read() -> None:
    with pytest.raises(Wrong, match="not UTF-8"):
        TEXT.read(BINARY.reader(bytes.fromhex("00000001ff"), 0, 5))


@pytest.mark.parametrize(
    ("kind", "key", "value"),
    [
        (BOOLEAN, "true", True),
        (INTEGERS[I32], "-7", -7),
        (COLOUR, "RED", "RED"),
        (TEXT, "a", "a"),
        (BYTES, "aGk=", "aGk="),
    ],
)
def test_a_key_is_a_text(kind: KeyType, key: str, value: Json) -> None:
    assert (kind.from_key(key), kind.to_key(value)) == (value, key)
