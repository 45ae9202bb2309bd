"""Messages in pieces: put together as they come, cut as they go. No I/O.

Only `Tdispatch` and `Rdispatch` come in pieces. All but the last have `MORE` in their tag; pieces of different tags may
alternate. Source: finagle-mux, transport/MuxFramer.scala and pushsession/FragmentDecoder.scala.
"""

import struct
from collections.abc import Iterator

from mesh_plugins.mux.wire import LEAST_SIZE, MORE, RDISPATCH, TDISPATCH, Undecodable

MESSAGES_OF_THE_LARGEST_SIZE = 4  # how many of them may be unfinished at a time on one connection, in bytes

_HEAD = struct.Struct(">II")


class Fragments:
    """The unfinished messages of one connection: at most `max_open`, of `max_bytes` each, and four times that in all.

    `open` are those that have begun, by their tags; for reading.
    """

    __slots__ = ("_bytes", "_max_bytes", "_max_open", "open")

    def __init__(self, max_bytes: int, max_open: int) -> None:
        self._max_bytes = max_bytes
        self._max_open = max_open
        self.open: dict[int, bytearray] = {}
        self._bytes = 0

    def add(self, frame: bytes) -> bytes | None:
        """Take a piece, and return the whole frame if it was the last one, or the only one.

        Raises `Undecodable` beyond the limits, and for a message that never comes in pieces.
        """
        kind, tag = frame[0], int.from_bytes(frame[1:4], "big")
        more, tag = tag & MORE, tag & ~MORE
        if kind not in (TDISPATCH, RDISPATCH):
            raise Undecodable(f"a message of type {kind:#x} in pieces", tag)
        begun = self.open.get(tag)
        if begun is None:
            if not more:
                return frame
            if len(self.open) >= self._max_open:
                raise Undecodable(f"more than {self._max_open} messages are unfinished", tag)
            begun = self.open[tag] = bytearray(frame[:1] + tag.to_bytes(3, "big"))
        begun += frame[LEAST_SIZE:]
        self._bytes += len(frame) - LEAST_SIZE
        if len(begun) > self._max_bytes:
            raise Undecodable(f"a message in pieces is longer than {self._max_bytes} bytes", tag)
        if self._bytes > self._max_bytes * MESSAGES_OF_THE_LARGEST_SIZE:
            raise Undecodable(f"the unfinished messages have {self._bytes} bytes together", tag)
        if more:
            return None
        self.drop(tag)
        return bytes(begun)

    def drop(self, tag: int) -> None:
        """Forget what has come of a message: its sender has given it up."""
        begun = self.open.pop(tag, None)
        if begun is not None:
            self._bytes -= len(begun) - LEAST_SIZE


def pieces(frame: bytes, window: int) -> Iterator[bytes]:
    """Return the frames, sizes included, that carry the message of `frame` in bodies of at most `window` bytes."""
    head = int.from_bytes(frame[4:8], "big")
    start, end = 8, len(frame)
    while end - start > window:
        yield _HEAD.pack(LEAST_SIZE + window, head | MORE) + frame[start : start + window]
        start += window
    yield _HEAD.pack(LEAST_SIZE + end - start, head) + frame[start:]
