"""The messages of Mux, as values: decoded from frames without their size, encoded with it. No I/O.

Calls and their answers are decoded by `calls`, which is what happens for every call; this is all the rest.
Source: finagle-mux, transport/Message.scala.
"""

import struct

import attrs

from mesh import Fields
from mesh_plugins.mux import wire
from mesh_plugins.mux.wire import (
    CONTROL_TAG,
    FINAGLES_RERR,
    FINAGLES_TDISCARDED,
    MARKER_TAG,
    RDISCARDED,
    RDRAIN,
    RPING,
    TDRAIN,
    TLEASE,
    TPING,
    Undecodable,
    frame,
    unknown,
)

EMPTY_KINDS = frozenset({TDRAIN, RDRAIN, TPING, RPING, RDISCARDED})
MILLISECONDS = 0
LONGEST_LEASE_MS = 0xFFFFFFFF

_LEASE = struct.Struct(">bq")


@attrs.frozen
class Control:
    """A message that is its type and its tag: `Tping`, `Tdrain`, their answers, and `Rdiscarded`."""

    kind: int
    tag: int

    def encode(self) -> bytes:
        return frame(self.kind, self.tag)


@attrs.frozen
class Discarded:
    """`Tdiscarded`: nobody waits for the answer to `which` any more, because of `why`."""

    which: int
    why: str
    tag: int = MARKER_TAG

    def encode(self) -> bytes:
        return frame(FINAGLES_TDISCARDED, self.tag, self.which.to_bytes(3, "big") + self.why.encode())


@attrs.frozen
class Lease:
    """`Tlease`: calls are welcome for so long; `unit` 0 is milliseconds, the only one there is."""

    howlong: int
    unit: int = MILLISECONDS
    tag: int = MARKER_TAG

    def encode(self) -> bytes:
        return frame(TLEASE, self.tag, _LEASE.pack(self.unit, self.howlong))


@attrs.frozen
class Init:
    """`Tinit` or `Rinit`, as `kind` says."""

    kind: int
    tag: int
    version: int
    headers: tuple[tuple[bytes, bytes], ...] = ()

    def encode(self) -> bytes:
        body = [self.version.to_bytes(2, "big")]
        for name, value in self.headers:
            body += [len(name).to_bytes(4, "big"), name, len(value).to_bytes(4, "big"), value]
        return frame(self.kind, self.tag, b"".join(body))


@attrs.frozen
class Error:
    """`Rerr`: what a peer did not understand or will not do."""

    tag: int
    text: str

    def encode(self) -> bytes:
        return frame(FINAGLES_RERR, self.tag, self.text.encode())


Message = Control | Discarded | Lease | Init | Error


def decode(frame: bytes) -> Message:
    """Return the message of a frame that is no call and no answer to one. Raises `Undecodable`."""
    if len(frame) < 4:
        raise Undecodable(f"short message: {frame.hex()}")
    kind, tag, body = frame[0], int.from_bytes(frame[1:4], "big"), frame[4:]
    if kind in EMPTY_KINDS:
        return Control(kind, tag)
    match kind:
        case wire.RERR | wire.FINAGLES_RERR:
            return Error(tag, body.decode("utf-8", "replace"))
        case wire.TDISCARDED | wire.FINAGLES_TDISCARDED:
            if len(body) < 3:
                raise Undecodable("short Tdiscarded message", tag)
            return Discarded(int.from_bytes(body[:3], "big"), body[3:].decode("utf-8", "replace"), tag)
        case wire.TLEASE:
            if len(body) < 9:
                raise Undecodable("short Tlease message", tag)
            unit, howlong = _LEASE.unpack_from(body)
            return Lease(howlong, unit, tag)
        case wire.TINIT | wire.RINIT:
            return Init(kind, tag, *_init(body, tag))
    raise unknown(kind, tag, body)


def _init(body: bytes, tag: int) -> tuple[int, tuple[tuple[bytes, bytes], ...]]:
    """Return the version and the headers. A last value that is cut short counts as it is, as it does for Finagle."""
    version = _signed(body, 0, 2, tag)
    headers: Fields = []
    at = 2
    while at < len(body):
        size = _length(body, at, tag)
        name = body[at + 4 : at + 4 + size]
        at += 4 + len(name)
        size = _length(body, at, tag)
        value = body[at + 4 : at + 4 + size]
        at += 4 + len(value)
        headers.append((name, value))
    return version, tuple(headers)


def _length(body: bytes, at: int, tag: int) -> int:
    length = _signed(body, at, 4, tag)
    if length < 0:
        raise Undecodable(f"a length of {length}", tag)
    return length


def _signed(body: bytes, at: int, size: int, tag: int) -> int:
    left = len(body) - at
    if left < size:
        raise Undecodable(f"tried to read {size} byte(s) when remaining bytes was {left}", tag)
    return int.from_bytes(body[at : at + size], "big", signed=True)


def drain() -> bytes:
    """Return the frame that asks a client to send nothing more."""
    return frame(TDRAIN, CONTROL_TAG)


def ping() -> bytes:
    """Return the frame that asks whether a peer lives."""
    return frame(TPING, CONTROL_TAG)
