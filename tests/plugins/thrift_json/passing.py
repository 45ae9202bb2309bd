"""Values that pass through an encoding: written from JSON, read as JSON again."""

import pytest

from mesh_plugins.thrift.message import BINARY, COMPACT, Encoding
from mesh_plugins.thrift.wire import STOP
from mesh_plugins.thrift_json.scalars import Type
from mesh_plugins.thrift_json.wrong import Json, Wrong

ENCODINGS = (BINARY, COMPACT)


def written(kind: Type, value: Json, encoding: Encoding = BINARY) -> bytes:
    """Return a value as the only field of a struct."""
    out = bytearray()
    writer = encoding.writer(out)
    writer.enter()
    writer.field(kind.kind, 1)
    kind.write(writer, value)
    writer.field(STOP, 0)
    return bytes(out)


def passed(kind: Type, value: Json, encoding: Encoding = BINARY) -> Json:
    """Return what is read of a value that was written."""
    data = written(kind, value, encoding)
    reader = encoding.reader(data, 0, len(data))
    reader.enter()
    reader.field()
    return kind.read(reader)


def refusal(kind: Type, value: Json) -> str:
    """Return where a value is wrong, and why."""
    with pytest.raises(Wrong) as raised:
        written(kind, value)
    return f"{raised.value.place}: {raised.value}"
