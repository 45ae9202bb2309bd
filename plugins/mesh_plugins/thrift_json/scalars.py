"""The types of single values: JSON on one side, Thrift's encodings on the other.

JSON is what `json` makes of it. What cannot be written as a type asks for raises `Wrong`.
"""

import base64
import binascii
import math
import struct
from collections.abc import Mapping
from typing import Protocol

from mesh_plugins.thrift.message import Reader, Writer
from mesh_plugins.thrift.wire import BOOL, BYTE, DOUBLE, I16, I32, I64, STRING
from mesh_plugins.thrift_json.wrong import Json, Wrong, listed, shown

SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
"""Doubles that JSON has no numbers for, as texts. Source: Apache Thrift, TJSONProtocol; so does protobuf's JSON."""

INFINITE = (math.inf, -math.inf)

_DOUBLE = struct.Struct(">d")


class Type(Protocol):
    """One type. `kind` is what the encodings call it.

    `write` raises `Wrong`; `read` raises `Malformed`, and `Wrong` for what JSON cannot hold.
    """

    kind: int

    def write(self, writer: Writer, value: Json, /) -> None: ...
    def read(self, reader: Reader, /) -> Json: ...


class KeyType(Type, Protocol):
    """A type whose values can be keys of a JSON object.

    `from_key` returns what `write` takes, or something that it refuses; `to_key` takes what `read` returns.
    """

    def from_key(self, text: str, /) -> Json: ...
    def to_key(self, value: Json, /) -> str: ...


class Bool:
    """A bool: `true` or `false`."""

    kind = BOOL

    def write(self, writer: Writer, value: Json, /) -> None:
        if value is not True and value is not False:
            raise Wrong(f"true or false expected, not {shown(value)}")
        writer.number(BOOL, value)

    def read(self, reader: Reader, /) -> Json:
        return reader.number(BOOL) != 0

    def from_key(self, text: str, /) -> Json:
        return {"true": True, "false": False}.get(text, text)

    def to_key(self, value: Json, /) -> str:
        return "true" if value else "false"


class Integer:
    """A whole number, or its decimal digits as a text, since JavaScript's numbers are exact up to 2^53 alone."""

    def __init__(self, kind: int, bits: int) -> None:
        self.kind = kind
        self._bits = bits
        self._end = 1 << bits - 1

    def write(self, writer: Writer, value: Json, /) -> None:
        if isinstance(value, str):
            value = self.from_key(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise Wrong(f"a whole number expected, not {shown(value)}")
        if not -self._end <= value < self._end:
            raise Wrong(f"a whole number of {self._bits} bits expected, not {shown(value)}")
        writer.number(self.kind, value)

    def read(self, reader: Reader, /) -> Json:
        return reader.number(self.kind)

    def from_key(self, text: str, /) -> Json:
        digits = text[1:] if text[:1] == "-" else text
        return int(text) if digits.isascii() and digits.isdigit() and len(digits) < 20 else text

    def to_key(self, value: Json, /) -> str:
        return str(value)


class Enum:
    """A number with a name: the name, or the number of one that has a name; a number without one is read as it is."""

    kind = I32

    def __init__(self, name: str, numbers: Mapping[str, int]) -> None:
        self._name = name
        self._numbers = numbers
        self._names = {number: text for text, number in numbers.items()}

    def write(self, writer: Writer, value: Json, /) -> None:
        number = self._numbers.get(value) if isinstance(value, str) else value
        if isinstance(number, bool) or not isinstance(number, int) or number not in self._names:
            raise Wrong(f"one of {listed(self._numbers)} ({self._name}) expected, not {shown(value)}")
        writer.number(I32, number)

    def read(self, reader: Reader, /) -> Json:
        number = reader.number(I32)
        return self._names.get(number, number)

    def from_key(self, text: str, /) -> Json:
        return text

    def to_key(self, value: Json, /) -> str:
        return str(value)


class Double:
    """A number, or the name of one that JSON does not have."""

    kind = DOUBLE

    def write(self, writer: Writer, value: Json, /) -> None:
        if isinstance(value, str):
            value = SPECIAL.get(value, value)
        elif value in INFINITE:  # such as 1e999
            raise Wrong("a number that a double can hold expected")
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Wrong(f"a number expected, not {shown(value)}")
        try:
            writer.raw(DOUBLE, _DOUBLE.pack(float(value)))
        except OverflowError:
            raise Wrong("a number that a double can hold expected") from None

    def read(self, reader: Reader, /) -> Json:
        number = _DOUBLE.unpack(reader.raw(DOUBLE))[0]
        if math.isfinite(number):
            return number
        return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"


class Text:
    """A text."""

    kind = STRING

    def write(self, writer: Writer, value: Json, /) -> None:
        if not isinstance(value, str):
            raise Wrong(f"a text expected, not {shown(value)}")
        try:
            writer.string(value.encode())
        except UnicodeEncodeError:
            raise Wrong("half of a surrogate pair is no character") from None

    def read(self, reader: Reader, /) -> Json:
        try:
            return reader.string().decode()
        except UnicodeDecodeError:
            raise Wrong("a text that is not UTF-8; what is not text is `binary`") from None

    def from_key(self, text: str, /) -> Json:
        return text

    def to_key(self, value: Json, /) -> str:
        return str(value)


class Binary:
    """Bytes, in base64."""

    kind = STRING

    def write(self, writer: Writer, value: Json, /) -> None:
        if not isinstance(value, str):
            raise Wrong(f"base64 in a text expected, not {shown(value)}")
        try:
            writer.string(base64.b64decode(value, validate=True))
        except (binascii.Error, ValueError):
            raise Wrong("base64 expected") from None

    def read(self, reader: Reader, /) -> Json:
        return base64.b64encode(reader.string()).decode()

    def from_key(self, text: str, /) -> Json:
        return text

    def to_key(self, value: Json, /) -> str:
        return str(value)


BOOLEAN, DOUBLES, TEXT, BINARY = Bool(), Double(), Text(), Binary()
INTEGERS: dict[int, Integer] = {
    kind: Integer(kind, bits) for kind, bits in ((BYTE, 8), (I16, 16), (I32, 32), (I64, 64))
}
KEYS = (Bool, Integer, Enum, Text, Binary)
"""The types that are `KeyType`s."""
