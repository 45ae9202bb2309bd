"""Calls and their answers on the wire: `Tdispatch`, `Treq`, `Rdispatch` and `Rreq`, decoded and encoded. No I/O.

This is what happens for every call, so it is written to be fast: 1 to 2 µs each. Lengths of 16 bits are signed for Finagle;
here a negative one is an error, and not nothing. So is a delegation that is cut short. A prefix with `*`, which Finagle
sends and cannot read, is read.
Source: finagle-mux, transport/Message.scala, `Tdispatch`, `Treq`; ContextCodec.scala.
"""

import struct
from collections.abc import Iterable

from mesh import (
    BadRequestContext,
    Buffered,
    Context,
    Dentry,
    Dtab,
    Fields,
    NameSyntaxError,
    NameTree,
    Path,
    Prefix,
    TraceId,
)
from mesh_plugins.finagle import contexts as context_ids
from mesh_plugins.finagle.contexts import TRACE
from mesh_plugins.http1.memo import Memo
from mesh_plugins.mux.message import MuxReply, MuxRequest
from mesh_plugins.mux.wire import LEAST_SIZE, NACK, SIGNED_MOST, TDISPATCH, TREQ, Undecodable

LONGEST_DESTINATION = 8192  # bytes
LONGEST_DTAB = 8192  # bytes of an override that is read at all, as over HTTP
REMEMBERED_BYTES = 256  # of a destination or an override that is remembered
REMEMBERED = 1024
TRACE_KEY, FLAGS_KEY = 1, 2
TRACE_BYTES = 24  # of a `Treq`: span, parent, trace

_LENGTH = struct.Struct(">H")
_HEAD = struct.Struct(">IIH")
_PLAIN_HEAD = struct.Struct(">II")
_NOTHING_MORE = b"\x00\x00"


def decode_dispatch(frame: bytes, context: Context | None = None) -> MuxRequest:
    """Return the call of a `Tdispatch`, in a frame without its size, with a context for it.

    Raises `Undecodable`, and `BadRequestContext` if only the destination or the override makes no sense.
    """
    contexts, at = _read_contexts(frame, 4)
    length = _LENGTH.unpack_from
    try:
        (size,) = length(frame, at)
        if size > SIGNED_MOST:
            raise _negative(size, frame)
        begin = at + 2
        at = begin + size
        (count,) = length(frame, at)
    except struct.error:
        raise _underflow(frame, at) from None
    destination = DESTINATIONS[frame[begin:at]]
    at += 2
    dtab = None
    if count:
        end = _end_of_dtab(frame, at, count)
        dtab = DTABS[frame[at:end]]
        at = end
    return MuxRequest(destination, Buffered(frame[at:]), contexts, dtab, context)


def _read_contexts(frame: bytes, at: int) -> tuple[Fields, int]:
    """Return the contexts of a call or an answer, whose number stands at `at`, and where they end."""
    length = _LENGTH.unpack_from
    contexts: Fields = []
    try:
        (count,) = length(frame, at)
        at += 2
        if count > SIGNED_MOST:
            raise _negative(count, frame)
        for _ in range(count):
            (size,) = length(frame, at)
            begin = at + 2
            at = middle = begin + size
            (size_of_value,) = length(frame, at)
            if size > SIGNED_MOST or size_of_value > SIGNED_MOST:
                raise _negative(max(size, size_of_value), frame)
            at += 2 + size_of_value
            contexts.append((frame[begin:middle], frame[middle + 2 : at]))
    except struct.error:
        raise _underflow(frame, at) from None
    return contexts, at


def _negative(size: int, frame: bytes) -> Undecodable:
    return Undecodable(f"a length of {size - 65536}", _tag_of(frame))


def _underflow(frame: bytes, at: int) -> Undecodable:
    left = max(len(frame) - at, 0)
    return Undecodable(f"tried to read 2 byte(s) when remaining bytes was {left if left < 2 else 0}", _tag_of(frame))


def _tag_of(frame: bytes) -> int:
    return int.from_bytes(frame[1:4], "big")


def _end_of_dtab(frame: bytes, at: int, count: int) -> int:
    """Return where the delegations of a call end."""
    if count > SIGNED_MOST:
        raise _negative(count, frame)
    try:
        for _ in range(2 * count):
            (size,) = _LENGTH.unpack_from(frame, at)
            if size > SIGNED_MOST:
                raise _negative(size, frame)
            at += 2 + size
    except struct.error:
        raise _underflow(frame, at) from None
    if at > len(frame):
        raise Undecodable(f"the delegations are {at - len(frame)} bytes longer than the call", _tag_of(frame))
    return at


def _read_destination(data: bytes) -> Path:
    if not data:
        return Path()
    if len(data) > LONGEST_DESTINATION:
        raise BadRequestContext(f"a destination of {len(data)} bytes is longer than {LONGEST_DESTINATION}")
    try:
        return Path.read(data.decode())
    except UnicodeDecodeError as error:
        raise BadRequestContext(f"the destination {data[:64]!r} is not UTF-8") from error
    except NameSyntaxError as error:
        raise BadRequestContext(f"the destination is not a path: {error}") from error


def _read_dtab(data: bytes) -> Dtab:
    if len(data) > LONGEST_DTAB:
        raise BadRequestContext(f"a dtab override of {len(data)} bytes is longer than {LONGEST_DTAB}")
    try:
        texts = [text.decode() for text in _texts(data)]
        pairs = zip(texts[::2], texts[1::2], strict=True)
        return Dtab(tuple(Dentry(Prefix.read(source), NameTree.read(tree)) for source, tree in pairs))
    except (UnicodeDecodeError, NameSyntaxError) as error:
        raise BadRequestContext(f"the dtab override cannot be read: {error}") from error


def _texts(data: bytes) -> list[bytes]:
    texts, at = [], 0
    while at < len(data):
        (size,) = _LENGTH.unpack_from(data, at)
        texts.append(data[at + 2 : at + 2 + size])
        at += 2 + size
    return texts


def _is_short(data: bytes, _value: object) -> bool:
    return len(data) <= REMEMBERED_BYTES


DESTINATIONS: Memo[bytes, Path] = Memo(_read_destination, _is_short, REMEMBERED)
"""From the bytes of a destination to its path. Raises `BadRequestContext`."""
DTABS: Memo[bytes, Dtab] = Memo(_read_dtab, _is_short, REMEMBERED)
"""From the bytes of delegations, without their number, to the override. Raises `BadRequestContext`."""


def decode_request(frame: bytes, context: Context | None = None) -> MuxRequest:
    """Return the call of a `Treq`, in a frame without its size; a trace that it has becomes a context. Raises `Undecodable`."""
    tag = _tag_of(frame)
    if len(frame) < 5:
        raise Undecodable("short Treq", tag)
    left, at = frame[4], 5
    if left > 127:
        raise Undecodable("Treq: too many keys", tag)
    trace, flags = b"", 0
    for _ in range(left):
        if len(frame) - at < 2:
            raise Undecodable("short Treq (header)", tag)
        key, size = frame[at], frame[at + 1]
        value = frame[at + 2 : at + 2 + size]
        at += 2 + size
        if len(value) < size:
            raise Undecodable("short Treq (vsize)", tag)
        if key == TRACE_KEY:
            if size != TRACE_BYTES:
                raise Undecodable(f"bad traceid size {size}", tag)
            trace = value
        elif key == FLAGS_KEY and size:
            flags = value[-1]
    contexts = [(TRACE, trace + flags.to_bytes(8, "big"))] if trace else []
    return MuxRequest(Path(), Buffered(frame[at:]), contexts, None, context, is_plain=True)


def decode_dispatched(frame: bytes) -> MuxReply:
    """Return the answer of an `Rdispatch`, in a frame without its size. Raises `Undecodable`."""
    if len(frame) < 5:
        raise Undecodable("tried to read 1 byte(s) when remaining bytes was 0", _tag_of(frame))
    contexts: Fields = []
    at = 7
    if frame[5:7] != _NOTHING_MORE:
        contexts, at = _read_contexts(frame, 5)
    status = frame[4]
    if status > NACK:
        raise Undecodable("invalid Rdispatch status", _tag_of(frame))
    return MuxReply.received(frame[4:], status, frame[at:] if status != NACK else b"", contexts)


def decode_answered(frame: bytes) -> MuxReply:
    """Return the answer of an `Rreq`, in a frame without its size. Raises `Undecodable`."""
    if len(frame) < 5:
        raise Undecodable("short Rreq", _tag_of(frame))
    status = frame[4]
    if status > NACK:
        raise Undecodable("invalid Rreq status", _tag_of(frame))
    return MuxReply(status, frame[5:] if status != NACK else b"")


def encode_dispatch(
    tag: int, written: list[bytes], contexts: Fields, destination: Path, dtab: Dtab | None, payload: bytes
) -> bytes:
    """Return the frame of a `Tdispatch`; `written` are contexts that were packed already, and stand before the others."""
    count = len(written) + len(contexts)
    if contexts:
        written = [*written, context_ids.write(contexts)]
    place = _NOTHING_MORE
    if destination.elems:
        shown = destination.show().encode()
        place = _LENGTH.pack(len(shown)) + shown
    body = b"".join((*written, place, _NOTHING_MORE if dtab is None else encode_dtab(dtab), payload))
    return _HEAD.pack(LEAST_SIZE + 2 + len(body), TDISPATCH << 24 | tag, count) + body


def encode_dtab(dtab: Iterable[Dentry]) -> bytes:
    """Return delegations and, before them, their number."""
    texts = [text.encode() for dentry in dtab for text in (dentry.prefix.show(), dentry.dst.show())]
    return b"".join([_LENGTH.pack(len(texts) // 2), *(_LENGTH.pack(len(text)) + text for text in texts)])


def encode_request(tag: int, trace: TraceId | None, payload: bytes) -> bytes:
    """Return the frame of a `Treq`, which has a trace, if there is one, and a payload."""
    if trace is None:
        body = b"\x00" + payload
    else:
        packed = trace.packed
        body = b"".join((b"\x02\x01\x18", packed[:TRACE_BYTES], b"\x02\x01", packed[31:32], payload))
    return _PLAIN_HEAD.pack(LEAST_SIZE + len(body), TREQ << 24 | tag) + body


def encode_answer(kind: int, tag: int, packed: bytes) -> bytes:
    """Return the frame of an `Rdispatch` or `Rreq`, as `kind` says, with what follows its tag."""
    return _PLAIN_HEAD.pack(LEAST_SIZE + len(packed), kind << 24 | tag) + packed
