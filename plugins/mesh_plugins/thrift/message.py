"""Calls and their replies, whatever their encoding; and the encodings, as values.

A message is kept as the bytes that came. What is read of it is its head; what is in its struct concerns nobody here.
"""

from collections.abc import Callable
from typing import Protocol

import attrs

from mesh import EMPTY, Body, Context, Reply, Request
from mesh_plugins.thrift import binary, compact
from mesh_plugins.thrift.binary import BinaryReader, BinaryWriter
from mesh_plugins.thrift.compact import CompactReader, CompactWriter
from mesh_plugins.thrift.header import Contexts, RequestHeader
from mesh_plugins.thrift.wire import EXCEPTION, ONEWAY, REPLY, Head


class Reader(Protocol):
    """Reads the items of structs in order; see `BinaryReader`."""

    at: int
    most: int
    data: bytes | bytearray

    def enter(self) -> None: ...
    def field(self) -> tuple[int, int]: ...
    def elements(self) -> tuple[int, int]: ...
    def pairs(self) -> tuple[int, int, int]: ...
    def skip(self, kind: int, /) -> None: ...
    def skip_elements(self, kind: int, count: int, /) -> bool: ...
    def string(self) -> bytes: ...
    def number(self, kind: int, /) -> int: ...
    def raw(self, kind: int, /) -> bytes: ...


class Writer(Protocol):
    """Writes the items of structs in order; see `BinaryWriter`."""

    out: bytearray

    def enter(self) -> None: ...
    def field(self, kind: int, number: int, /) -> None: ...
    def elements(self, kind: int, count: int, /) -> None: ...
    def pairs(self, key: int, value: int, count: int, /) -> None: ...
    def string(self, value: bytes, /) -> None: ...
    def number(self, kind: int, value: int, /) -> None: ...
    def raw(self, kind: int, value: bytes, /) -> None: ...


@attrs.frozen(eq=False)
class Encoding:
    """One of Thrift's protocols: how heads and structs are read and written.

    `read_head(data, start)` raises `Incomplete` and `Malformed`; `write_head(kind, name, seqid)` returns bytes.
    """

    name: str
    read_head: Callable[[bytes | bytearray, int], Head]
    write_head: Callable[[int, bytes, int], bytes]
    reader: Callable[[bytes | bytearray, int, int], Reader]
    writer: Callable[[bytearray], Writer]

    def message(self, kind: int, name: bytes, seqid: int, struct: bytes) -> bytes:
        """Return a whole message; `struct` is encoded already."""
        return self.write_head(kind, name, seqid) + struct

    def has_structs_of(self, other: "Encoding") -> bool:
        """Return whether what the two differ in, if in anything, is the heads of messages."""
        return self.reader is other.reader


BINARY = Encoding("binary", binary.read_head, binary.write_head, BinaryReader, BinaryWriter)
OLD_BINARY = Encoding("oldBinary", binary.read_head, binary.write_old_head, BinaryReader, BinaryWriter)
"""The binary protocol without a version in its heads. Both are read as `BINARY`."""
COMPACT = Encoding("compact", compact.read_head, compact.write_head, CompactReader, CompactWriter)


def encoding_of(message: bytes | bytearray, start: int = 0) -> Encoding:
    """Return the encoding that a message of one byte at least begins like."""
    first = message[start]
    return COMPACT if first == compact.PROTOCOL_ID else OLD_BINARY if first < 0x80 else BINARY


class Message(Body):
    """A whole message, in memory: `data` from `start` on."""

    __slots__ = ("_is_received", "data", "start")

    in_memory = True

    def __init__(self, data: bytes, start: int = 0) -> None:
        self.data = data
        self.start = start
        self._is_received = False

    @property
    def size(self) -> int:
        return len(self.data) - self.start

    @property
    def buffered(self) -> bytes:
        return self.data[self.start :] if self.start else self.data

    async def receive(self) -> bytes:
        if self._is_received:
            return b""
        self._is_received = True
        return self.buffered


class Frame(Message):
    """A message in its frame, which is all of `data`: first four bytes with the message's size, then the message."""

    __slots__ = ()

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.start = 4
        self._is_received = False


class ThriftRequest(Request):
    """A call. `head` is that of the message in `body`, but for `at`, which counts from the beginning of what `body` holds.

    `header` is what came beside it, None where nothing can: on a connection without TTwitter's headers.
    """

    __slots__ = ("encoding", "head", "header")

    def __init__(
        self,
        encoding: Encoding,
        head: Head,
        body: Body,
        context: Context | None = None,
        header: RequestHeader | None = None,
    ) -> None:
        self.encoding = encoding
        self.head = head
        self.body = body
        self.context = Context() if context is None else context
        self.header = header

    @property
    def method(self) -> bytes:
        """The name in the head; that of a multiplexed service stands before a colon."""
        return self.head.name

    @property
    def is_one_way(self) -> bool:
        return self.head.kind == ONEWAY

    def again(self) -> "ThriftRequest":
        header = None if self.header is None else attrs.evolve(self.header)
        return ThriftRequest(self.encoding, self.head, self.body, self.context, header)


def read_request(message: bytes, context: Context | None = None, header: RequestHeader | None = None) -> ThriftRequest:
    """Return the call in a message without a frame, such as the payload of a `Tdispatch`, in whatever encoding it is.

    Raises `Incomplete` and `Malformed`. The struct in it is not looked at.
    """
    encoding = encoding_of(message) if message else BINARY
    return ThriftRequest(encoding, encoding.read_head(message, 0), Message(message), context, header)


class ThriftReply(Reply):
    """The answer to a call: a result, or an exception; to a one-way call, nothing, and closed.

    `head` is that of the message in `body`, as for a `ThriftRequest`. `contexts` came beside it.
    """

    __slots__ = ("contexts", "encoding", "head")

    def __init__(self, encoding: Encoding, head: Head, body: Body, contexts: Contexts | None = None) -> None:
        self._body = body
        self._callbacks = None
        self.closed = False
        self.outcome = None
        self.whole = True
        self.encoding = encoding
        self.head = head
        self.contexts: Contexts = [] if contexts is None else contexts

    @property
    def is_exception(self) -> bool:
        """Whether it is a `TApplicationException`: one that the method does not declare."""
        return self.head.kind == EXCEPTION


def nothing(request: ThriftRequest) -> ThriftReply:
    """Return the reply to a one-way call: closed, and empty."""
    reply = ThriftReply(request.encoding, Head(REPLY, request.head.name, request.head.seqid, 0), EMPTY)
    reply.closed = True
    return reply


def read_reply(message: bytes, contexts: Contexts | None = None) -> ThriftReply:
    """Return the reply in a message without a frame. Raises `Incomplete` and `Malformed`."""
    encoding = encoding_of(message) if message else BINARY
    return ThriftReply(encoding, encoding.read_head(message, 0), Message(message), contexts)
