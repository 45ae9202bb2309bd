"""TTwitter: Finagle's addition to Thrift. A connection that was upgraded has a header in front of each message.

A client asks for it by calling a method that nobody else has; whoever answers with an exception does not speak it. The
headers are bare structs in the encoding of the connection. Source: finagle-thrift, TTwitterClientFilter.scala,
TTwitterServerFilter.scala, ThriftTracing.scala and tracing.thrift.
"""

from collections.abc import Mapping
from typing import Any

from mesh import TraceId
from mesh_plugins.finagle import contexts as context_ids
from mesh_plugins.thrift.header import Contexts, RequestHeader
from mesh_plugins.thrift.message import Encoding, Reader, Writer
from mesh_plugins.thrift.walking import Bounds
from mesh_plugins.thrift.wire import (
    BOOL,
    CALL,
    DOUBLE,
    I64,
    LIST,
    MAP,
    REPLY,
    SET,
    STOP,
    STRING,
    STRUCT,
    UUID,
    Incomplete,
    Malformed,
)

CAN_TRACE = b"__can__finagle__trace__v3__"
"""The method that asks for the upgrade."""
TRACE, SPAN, PARENT, SAMPLED, CLIENT_ID, FLAGS, CONTEXTS, DEST, DELEGATIONS, TRACE_HIGH = 1, 2, 3, 5, 6, 7, 8, 9, 10, 11
"""Fields of a `RequestHeader`."""
RESPONSE_CONTEXTS = 2
"""The field of a `ResponseHeader`."""
MOST = 65536
"""Bytes of a header that are read, as of the heads of HTTP: every value becomes an object, and nobody else gets a turn."""
DECIDED = 6  # bits of the flags that say what the field `sampled` says
_UNSIGNED = (1 << 64) - 1

Value = Any
"""What a field holds: a number, bytes, a list, or a mapping from the numbers of fields; the peer decides which."""


def asks(encoding: Encoding, seqid: int = 0) -> bytes:
    """Return the call that asks for the upgrade."""
    return encoding.message(CALL, CAN_TRACE, seqid, b"\0")


def agrees(encoding: Encoding, seqid: int) -> bytes:
    """Return the reply that agrees to it."""
    return encoding.message(REPLY, CAN_TRACE, seqid, b"\0")


def read_request_header(encoding: Encoding, data: bytes, start: int, bounds: Bounds) -> tuple[RequestHeader, int]:
    """Return the header at `start`, and where the message after it begins. Raises `Malformed`."""
    fields, at = _read(encoding, data, start, bounds)
    header = RequestHeader(
        contexts=_pairs(fields.get(CONTEXTS)),
        dest=_bytes(fields.get(DEST)),
        delegations=_pairs(fields.get(DELEGATIONS)),
    )
    client = fields.get(CLIENT_ID)
    if isinstance(client, dict):
        header.client_id = _bytes(client.get(1))
    header.trace = _trace(header, fields)
    return header, at


def write_request_header(encoding: Encoding, header: RequestHeader) -> bytes:
    """Return a header; one without a trace has zeros for it, since the struct requires some."""
    out = bytearray()
    writer = encoding.writer(out)
    writer.enter()
    trace = header.trace
    _number(writer, TRACE, 0 if trace is None else trace.trace)
    _number(writer, SPAN, 0 if trace is None else trace.span)
    if trace is not None and trace.parent is not None:
        _number(writer, PARENT, trace.parent)
    if trace is not None and trace.sampled is not None:
        writer.field(BOOL, SAMPLED)
        writer.number(BOOL, int(trace.sampled))
    if header.client_id:
        writer.field(STRUCT, CLIENT_ID)
        writer.enter()
        _string(writer, 1, header.client_id)
        writer.field(STOP, 0)
    _number(writer, FLAGS, 0 if trace is None else trace.flags & ~DECIDED)
    _write_pairs(writer, CONTEXTS, header.contexts)
    if header.dest:
        _string(writer, DEST, header.dest)
    if header.delegations:
        _write_pairs(writer, DELEGATIONS, header.delegations)
    writer.field(STOP, 0)
    return bytes(out)


def read_response_header(encoding: Encoding, data: bytes, start: int, bounds: Bounds) -> tuple[Contexts, int]:
    """Return the contexts of the header at `start`, and where the message after it begins. Raises `Malformed`."""
    if data[start : start + 1] == b"\0":
        return [], start + 1
    fields, at = _read(encoding, data, start, bounds)
    return _pairs(fields.get(RESPONSE_CONTEXTS)), at


def write_response_header(encoding: Encoding, contexts: Contexts) -> bytes:
    """Return a header with these contexts."""
    if not contexts:
        return b"\0"
    out = bytearray()
    writer = encoding.writer(out)
    writer.enter()
    _write_pairs(writer, RESPONSE_CONTEXTS, contexts)
    writer.field(STOP, 0)
    return bytes(out)


def _number(writer: Writer, number: int, value: int) -> None:
    writer.field(I64, number)
    writer.number(I64, value - (1 << 64) if value >> 63 == 1 else value)


def _string(writer: Writer, number: int, value: bytes) -> None:
    writer.field(STRING, number)
    writer.string(value)


def _write_pairs(writer: Writer, number: int, pairs: Contexts) -> None:
    writer.field(LIST, number)
    writer.elements(STRUCT, len(pairs))
    for key, value in pairs:
        writer.enter()
        _string(writer, 1, key)
        _string(writer, 2, value)
        writer.field(STOP, 0)


def _trace(header: RequestHeader, fields: Mapping[int, Value]) -> TraceId | None:
    """Return the trace that the context says, or else the fields; one that cannot be read is none, nor are zeros one.

    The struct requires the fields, so that callers without a trace write zeros. Finagle's have one always, and its servers
    take zeros for a trace: all calls without one would be one trace, below a span that nobody made.
    """
    packed = header.context(context_ids.TRACE)
    if packed is not None and len(packed) in (32, 40):
        return TraceId(packed)
    trace, span, parent = fields.get(TRACE), fields.get(SPAN), fields.get(PARENT)
    if not isinstance(trace, int) or not isinstance(span, int) or not (trace or span):
        return None
    high, flags, sampled = fields.get(TRACE_HIGH), fields.get(FLAGS), fields.get(SAMPLED)
    known = TraceId.of(
        span & _UNSIGNED,
        parent & _UNSIGNED if isinstance(parent, int) else None,
        trace & _UNSIGNED,
        high=high & _UNSIGNED if isinstance(high, int) else None,
        flags=flags & _UNSIGNED if isinstance(flags, int) else 0,
    )
    return known.decided(bool(sampled)) if isinstance(sampled, int) else known


def _bytes(value: Value) -> bytes:
    return value if isinstance(value, bytes) else b""


def _pairs(value: Value) -> Contexts:
    if not isinstance(value, list):
        return []
    return [(_bytes(pair.get(1)), _bytes(pair.get(2))) for pair in value if isinstance(pair, dict)]


def _read(encoding: Encoding, data: bytes, start: int, bounds: Bounds) -> tuple[dict[int, Value], int]:
    if len(data) - start > MOST:
        data = data[: start + MOST]
    reader = encoding.reader(data, start, len(data))
    try:
        return read_struct(reader, bounds, bounds.depth), reader.at
    except Incomplete:
        text = (
            "a header ends in the middle of a value"
            if len(data) - start < MOST
            else f"a header of more than {MOST} bytes"
        )
        raise Malformed(text) from None


def read_struct(reader: Reader, bounds: Bounds, depth: int) -> dict[int, Value]:
    """Return the fields of a struct of some KiB by their numbers. Raises `Incomplete` and `Malformed`."""
    if not depth:
        raise Malformed(f"values nested deeper than {bounds.depth} levels")
    reader.enter()
    fields: dict[int, Value] = {}
    while True:
        kind, number = reader.field()
        if kind == STOP:
            return fields
        fields[number] = _read_value(reader, kind, bounds, depth - 1)


def _read_value(reader: Reader, kind: int, bounds: Bounds, depth: int) -> Value:
    if kind == STRING:
        return reader.string()
    if kind == STRUCT:
        return read_struct(reader, bounds, depth)
    if kind in (DOUBLE, UUID):
        return reader.raw(kind)
    if kind not in (LIST, SET, MAP):
        return reader.number(kind)
    key, value, count = reader.pairs() if kind == MAP else (STOP, *reader.elements())
    if count > bounds.elements or not depth:
        raise Malformed(f"a header with a container of {count} elements")
    if kind == MAP:
        return [
            (_read_value(reader, key, bounds, depth - 1), _read_value(reader, value, bounds, depth - 1))
            for _pair in range(count)
        ]
    return [_read_value(reader, value, bounds, depth - 1) for _element in range(count)]
