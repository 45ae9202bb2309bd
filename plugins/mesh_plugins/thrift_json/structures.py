"""The types that hold others: structs, lists, sets and maps. What is wrong inside one says at which step that was."""

from collections.abc import Sequence

import attrs

from mesh_plugins.thrift.message import Reader, Writer
from mesh_plugins.thrift.wire import LIST, MAP, SET, STOP, STRUCT, Malformed
from mesh_plugins.thrift_json.scalars import KEYS, KeyType, Type
from mesh_plugins.thrift_json.wrong import Json, Wrong, listed, shown


class Elements:
    """A list or a set: an array."""

    def __init__(self, kind: int, element: Type) -> None:
        self.kind = kind
        self._element = element

    def write(self, writer: Writer, value: Json, /) -> None:
        if not isinstance(value, list):
            raise Wrong(f"an array expected, not {shown(value)}")
        element = self._element
        writer.elements(element.kind, len(value))
        for number, one in enumerate(value):
            try:
                element.write(writer, one)
            except Wrong as wrong:
                raise wrong.inside(f"[{number}]") from None

    def read(self, reader: Reader, /) -> Json:
        element = self._element
        kind, count = reader.elements()
        if count and kind != element.kind:
            raise Malformed(f"elements of the type {kind} where the definition has {element.kind}")
        return [element.read(reader) for _ in range(count)]


class Pairs:
    """A map: an object, or, where the keys are no texts or whole numbers, an array of arrays of a key and a value."""

    kind = MAP

    def __init__(self, key: Type, value: Type) -> None:
        self._key = key
        self._value = value
        self._named: KeyType | None = key if isinstance(key, KEYS) else None

    def write(self, writer: Writer, value: Json, /) -> None:
        key_type, value_type = self._key, self._value
        pairs = self._pairs(value)
        writer.pairs(key_type.kind, value_type.kind, len(pairs))
        for number, (key, one) in enumerate(pairs):
            try:
                key_type.write(writer, key)
                value_type.write(writer, one)
            except Wrong as wrong:
                raise wrong.inside(f"[{number}]" if self._named is None else f".{key}") from None

    def _pairs(self, value: Json) -> list[tuple[Json, Json]]:
        if self._named is not None:
            if not isinstance(value, dict):
                raise Wrong(f"an object expected, not {shown(value)}")
            return [(self._named.from_key(key), one) for key, one in value.items()]
        if not isinstance(value, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in value):
            raise Wrong(f"an array of arrays of a key and a value expected, not {shown(value)}")
        return [(key, one) for key, one in value]

    def read(self, reader: Reader, /) -> Json:
        key_type, value_type, named = self._key, self._value, self._named
        kind, other, count = reader.pairs()
        if count and (kind, other) != (key_type.kind, value_type.kind):
            raise Malformed(f"pairs of the types {kind} and {other} where the definition has others")
        pairs = [(key_type.read(reader), value_type.read(reader)) for _ in range(count)]
        return [list(pair) for pair in pairs] if named is None else {named.to_key(key): one for key, one in pairs}


@attrs.frozen
class Field:
    """A field of a struct."""

    number: int
    name: str
    type: Type
    is_required: bool = False


class Struct:
    """A struct, exception or union: an object. What it leaves out, or is `null`, is left out.

    The mutable state is the fields: they are put in once, after other types may have named the struct.
    """

    kind = STRUCT

    def __init__(self, name: str, *, is_union: bool = False) -> None:
        self.name = name
        self._is_union = is_union
        self._by_name: dict[str, Field] = {}
        self._by_number: dict[int, Field] = {}

    def take(self, fields: Sequence[Field]) -> None:
        """Put the fields in."""
        ordered = sorted(fields, key=lambda field: field.number)
        self._by_name = {field.name: field for field in ordered}
        self._by_number = {field.number: field for field in ordered}

    def write(self, writer: Writer, value: Json, /) -> None:
        if not isinstance(value, dict):
            raise Wrong(f"an object expected ({self.name}), not {shown(value)}")
        for name in value:
            if name not in self._by_name:
                raise Wrong(f"{self.name} has no such field; it has {listed(self._by_name)}").inside(f".{name}")
        writer.enter()
        written = 0
        for name, field in self._by_name.items():
            one = value.get(name)
            if one is None:
                if field.is_required:
                    raise Wrong(f"{self.name} needs this field").inside(f".{name}")
                continue
            written += 1
            writer.field(field.type.kind, field.number)
            try:
                field.type.write(writer, one)
            except Wrong as wrong:
                raise wrong.inside(f".{name}") from None
        if self._is_union and written != 1:
            raise Wrong(f"exactly one of {listed(self._by_name)} expected ({self.name})")
        writer.field(STOP, 0)

    def read(self, reader: Reader, /) -> dict[str, Json]:
        reader.enter()
        found: dict[str, Json] = {}
        while True:
            kind, number = reader.field()
            if kind == STOP:
                return found
            field = self._by_number.get(number)
            if field is None or field.type.kind != kind:
                skip(reader, kind)  # newer than the definition, as every reader of Thrift passes over it
                continue
            try:
                found[field.name] = field.type.read(reader)
            except Wrong as wrong:
                raise wrong.inside(f".{field.name}") from None


def skip(reader: Reader, kind: int) -> None:
    """Pass a value whatever it is. Its depth is bounded by whoever looked at the message before."""
    if kind == STRUCT:
        reader.enter()
        while (found := reader.field()[0]) != STOP:
            skip(reader, found)
    elif kind in (LIST, SET):
        element, count = reader.elements()
        for _ in range(count):
            skip(reader, element)
    elif kind == MAP:
        key, value, count = reader.pairs()
        for _ in range(count):
            skip(reader, key)
            skip(reader, value)
    else:
        reader.skip(kind)
