"""Takes messages out of a connection's bytes: by their size in front (framed), or by walking them to their end (buffered).

Source: Apache Thrift, doc/specs/thrift-rpc.md, Framed vs. unframed transport.
"""

import struct

from mesh_plugins.thrift.message import Encoding, Frame, Message
from mesh_plugins.thrift.walking import Bounds, Walk
from mesh_plugins.thrift.wire import Head, Incomplete, Malformed

SIZE = struct.Struct(">i")
_size_of = SIZE.unpack_from


class Framed:
    """Messages in frames, as Thrift's servers mostly want them. What a frame holds is not looked at.

    State: the bytes that came and were not taken, from `_at` on.
    """

    __slots__ = ("_at", "_data", "_most")

    head: Head | None = None
    """That of a message in which something was malformed; not known here."""
    is_paused = False
    """Whether taking once more may help, though nothing more has come."""

    def __init__(self, bounds: Bounds) -> None:
        self._most = bounds.max_bytes
        self._data: bytes | bytearray = b""
        self._at = 0

    def feed(self, data: bytes) -> None:
        """Take note of bytes that came."""
        if self._at == len(self._data):
            self._data, self._at = data, 0
            return
        if not isinstance(self._data, bytearray):
            self._data, self._at = bytearray(self._data[self._at :]), 0
        self._data += data

    def arrived(self, data: bytes) -> Frame | None:
        """Take note of bytes that came, and return what `take` would: mostly they are one message, which is passed on."""
        size = len(data) - 4
        if not self._data and 0 < size <= self._most and _size_of(data)[0] == size:
            return Frame(data)
        self.feed(data)
        return self.take()

    def take(self) -> Frame | None:
        """Return the next message, None if not all of it has come. Raises `Malformed` for a frame of no possible size."""
        data, at = self._data, self._at
        have = len(data) - at
        if have < 4:
            return None
        size = _size_of(data, at)[0]
        if not 0 < size <= self._most:
            raise Malformed(f"a frame of {size} bytes; the limit is {self._most}")
        if have < size + 4:
            return None
        self._at = end = at + size + 4
        frame = bytes(memoryview(data)[at:end])
        if end == len(data):
            self._data, self._at = b"", 0
        elif isinstance(data, bytearray):
            self._data, self._at = bytes(memoryview(data)[end:]), 0
        return Frame(frame)

    def expect_headers(self) -> None:
        """Take note that headers of TTwitter's stand before the messages to come; in a frame they make no difference."""

    def count(self) -> int:
        """Return how many bytes have come that were not taken."""
        return len(self._data) - self._at


class Buffered:
    """Messages one after another, each as long as its struct, and TTwitter's struct before it.

    State: the bytes of the message that is coming, and how far they were walked.
    """

    __slots__ = ("_at", "_bounds", "_data", "_encoding", "_has_header", "_walk", "head", "is_paused")

    def __init__(self, bounds: Bounds, encoding: Encoding) -> None:
        self._bounds = bounds
        self._encoding = encoding
        self._data = bytearray()
        self._at = 0
        self._walk: Walk | None = None
        self.head: Head | None = None
        self._has_header = False
        self.is_paused = False

    def feed(self, data: bytes) -> None:
        """Take note of bytes that came."""
        self._data += data

    def arrived(self, data: bytes) -> Message | None:
        """Take note of bytes that came, and return what `take` does."""
        self._data += data
        return self.take()

    def take(self) -> Message | None:
        """Return the next message, None if not all of it has come or, when `is_paused`, others should have their turn.

        Raises `Malformed`; `head` is then that of the message, if it was read.
        """
        self.is_paused = False
        try:
            if self._has_header and not self._at and not self._go():
                return None
            if self.head is None:
                self._read_head()
            if not self._go():
                return None
        except Incomplete:
            if len(self._data) > self._bounds.max_bytes:
                raise Malformed(f"a message of more than {self._bounds.max_bytes} bytes") from None
            return None
        message = bytes(memoryview(self._data)[: self._at])
        del self._data[: self._at]
        self._at, self.head = 0, None
        return Message(message)

    def _read_head(self) -> None:
        if len(self._data) <= self._at:
            raise Incomplete
        self.head = head = self._encoding.read_head(self._data, self._at)
        self._at = head.at

    def _go(self) -> bool:
        """Walk on; return whether the end of the struct was reached."""
        walk = self._walk
        if walk is None:
            reader = self._encoding.reader(self._data, self._at, self._bounds.max_bytes)
            walk = self._walk = Walk(reader, self._bounds)
        if not walk.run():
            self.is_paused = True
            return False
        self._at = walk.reader.at
        self._walk = None
        return True

    def expect_headers(self) -> None:
        """Take note that a struct of TTwitter's stands before each message to come."""
        self._has_header = True

    def count(self) -> int:
        """Return how many bytes have come that were not taken."""
        return len(self._data)


Messages = Framed | Buffered


def new_messages(encoding: Encoding, bounds: Bounds, *, is_framed: bool) -> Messages:
    """Return what takes messages out of the bytes of a connection."""
    return Framed(bounds) if is_framed else Buffered(bounds, encoding)


def framed(message: bytes) -> bytes:
    """Return a message with its size in front."""
    return SIZE.pack(len(message)) + message
