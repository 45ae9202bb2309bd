"""Mux on the wire: frames, what their types are, and how one is found in a stream of bytes. No I/O.

A frame is its size (4 bytes, those not counted), a type (1), a tag (3) and a body. The type of an answer is the negative of
what it answers. Two types have a second number, an old mistake that became the rule: it is what Finagle sends.
Source: finagle-mux, transport/Message.scala.
"""

import struct

from mesh import RemoteProtocolError

TREQ, RREQ = 0x01, 0xFF
TDISPATCH, RDISPATCH = 0x02, 0xFE
TDRAIN, RDRAIN = 0x40, 0xC0
TPING, RPING = 0x41, 0xBF
TDISCARDED, RDISCARDED = 0x42, 0xBE
TLEASE = 0x43
TINIT, RINIT = 0x44, 0xBC
RERR = 0x80
FINAGLES_TDISCARDED, FINAGLES_RERR = 0xC2, 0x7F

OK, ERROR, NACK = 0, 1, 2
"""What an `Rdispatch` or `Rreq` begins with."""

MARKER_TAG, CONTROL_TAG, FIRST_TAG, LAST_TAG = 0, 1, 2, 0x7FFFFF
MORE = 0x800000  # in a tag: a fragment, and not the last of its message
HEAD_BYTES = 8  # of a frame: size, type, tag
LEAST_SIZE = 4  # a type and a tag
SHOWN_BYTES = 16  # of a payload that is not understood
SIGNED_MOST = 0x7FFF  # 16 bits are read as a signed number: what is above would be negative

WORD = struct.Struct(">I")
"""The size of a frame; or its type and tag, which `TAG_BITS` tells apart. To unpack both is faster than to cut them out."""
TAG_BITS, TAG_MASK = 24, 0xFFFFFF
_HEAD = struct.Struct(">II")


class Undecodable(RemoteProtocolError):
    """A frame that is no message of Mux; `tag` is what it has for one, -1 if it has none."""

    def __init__(self, message: str, tag: int = -1) -> None:
        super().__init__(message)
        self.tag = tag


def frame(kind: int, tag: int, body: bytes = b"") -> bytes:
    """Return a frame with its size. Raises `ValueError` for a tag that does not fit."""
    if not 0 <= tag <= 0xFFFFFF:
        raise ValueError(f"invalid tag number {tag}")
    return _HEAD.pack(LEAST_SIZE + len(body), kind << 24 | tag) + body


def signed(kind: int) -> int:
    """Return the number of a type as Mux counts: answers are negative."""
    return kind - 256 if kind > 127 else kind


def unknown(kind: int, tag: int, payload: bytes) -> Undecodable:
    """Return the error for a type that means nothing, in Finagle's words."""
    shown = payload[:SHOWN_BYTES]
    return Undecodable(
        f"unknown message type: {signed(kind)} [tag={tag}]. Payload bytes: {len(payload)}. "
        f"First {len(shown)} bytes of the payload: '{shown.hex()}'",
        tag,
    )


class FrameReader:
    """Cuts a stream of bytes into frames, without their sizes; one of more than `max_bytes` is refused.

    State: `_begun`, what has come of a frame that is not whole, and `_wanted`, how long it must be before another look.
    `error` is set once the stream makes no sense any more; the frames before that point are still good.
    """

    __slots__ = ("_begun", "_max_bytes", "_wanted", "error")

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._begun = bytearray()
        self._wanted = LEAST_SIZE
        self.error: Undecodable | None = None

    @property
    def is_within(self) -> bool:
        """Whether a frame has begun and is not whole."""
        return bool(self._begun)

    def feed(self, data: bytes) -> list[bytes]:
        """Return the frames that are whole now: each a type, a tag and a body."""
        begun = self._begun
        if begun:
            begun += data
            if len(begun) < self._wanted:
                return []
            data = bytes(begun)
            begun.clear()
        frames: list[bytes] = []
        start, end, most = 0, len(data), self._max_bytes
        stop = LEAST_SIZE
        while end - start >= LEAST_SIZE:
            (size,) = WORD.unpack_from(data, start)
            if not LEAST_SIZE <= size <= most:
                self.error = self._refused(size)
                return frames
            stop = start + 4 + size
            if stop > end:
                break
            frames.append(data[start + 4 : stop])
            start = stop
            stop = start + LEAST_SIZE
        if start < end:
            begun += data[start:]
            self._wanted = stop - start
        return frames

    def _refused(self, size: int) -> Undecodable:
        if size < LEAST_SIZE:
            return Undecodable(f"a frame of {size} bytes has no room for a type and a tag")
        return Undecodable(f"a frame of {size} bytes is longer than {self._max_bytes}")
