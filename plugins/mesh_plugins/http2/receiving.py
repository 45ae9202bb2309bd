"""From bytes to frames, and from frames to whoever takes them.

Theory of operation. No object is made of a frame: its head is three numbers, and a table has the function for each type.
What may come next is a table too: only SETTINGS at first, only CONTINUATION inside a header block.
"""

from collections.abc import Callable
from typing import NamedTuple

from mesh_plugins.http2.block_reader import BlockError, BlockTooLarge
from mesh_plugins.http2.control import Control
from mesh_plugins.http2.engine import (
    COMPRESSION_ERROR,
    ENHANCE_YOUR_CALM,
    FRAME_SIZE_ERROR,
    PROTOCOL_ERROR,
    ConnectionOwner,
)
from mesh_plugins.http2.frames import (
    CONTINUATION,
    END_HEADERS,
    END_STREAM,
    HAS_PRIORITY,
    HEAD,
    HEAD_BYTES,
    NUMBER,
    PADDED,
    SETTINGS,
)
from mesh_plugins.http2.options import MAX_STREAM, Options


class Receiving(Control):
    """The half of an engine that reads.

    The mutable state: bytes of a frame that has not come whole, and how many it lacks, 0 if that is unknown; what the peer's
    preface still lacks; the table of the frames that may come; the header block that has begun, with the flags and the stream
    of its HEADERS.
    """

    __slots__ = (
        "_block_bytes",
        "_block_flags",
        "_block_parts",
        "_block_stream",
        "_lacking",
        "_lacks",
        "_rest",
        "_tables",
        "_takers",
    )

    def __init__(self, owner: ConnectionOwner, options: Options, preface: bytes) -> None:
        super().__init__(owner, options)
        self._rest = b""
        self._lacks = 0
        self._lacking = preface
        self._tables = _tables(type(self))
        self._takers = self._tables.first
        self._block_parts: list[bytes] = []
        self._block_bytes = self._block_flags = self._block_stream = 0

    def feed(self, data: bytes) -> None:
        if self._has_failed:
            return
        if self._lacking:
            data = self._take_preface(data)
        if len(self._out) > self._limits.h2_max_outbound_frames:
            self._fail(ENHANCE_YOUR_CALM, "too many frames that are not read")
        rest, pos = self._rest, 0
        if rest:
            if 0 < self._lacks <= len(data):
                pos = self._lacks
                self._take_frames(rest + data[:pos], 0)
            else:
                data = rest + data
        self._take_frames(data, pos)

    def _take_frames(self, data: bytes, pos: int) -> None:
        """Take the frames from `pos` on, and keep the beginning of one that has not come whole."""
        end = len(data)
        most = self._options.max_frame_bytes
        unpack = HEAD.unpack_from
        try:
            while end - pos >= HEAD_BYTES:
                word, flags, stream = unpack(data, pos)
                length = word >> 8
                if length > most:
                    self._fail(FRAME_SIZE_ERROR, f"a frame of {length} bytes: at most {most} are taken")
                start = pos + HEAD_BYTES
                stop = start + length
                if stop > end:
                    self._lacks = stop - end
                    break
                self._takers[word & 0xFF](self, flags, stream & MAX_STREAM, data[start:stop])
                pos = stop
            else:
                self._lacks = 0
        except BlockError as error:
            self._fail(COMPRESSION_ERROR, str(error))
        except BlockTooLarge as error:
            self._fail(ENHANCE_YOUR_CALM, str(error))
        self._rest = data[pos:] if pos < end else b""

    @property
    def is_in_head(self) -> bool:
        return self._takers is self._tables.inside_block

    def _take_preface(self, data: bytes) -> bytes:
        """Return what follows the client's preface. Source: RFC 9113 section 3.4."""
        lacking = self._lacking
        if not data.startswith(lacking[: len(data)]):
            self._fail(PROTOCOL_ERROR, "expected the preface of HTTP/2")
        self._lacking = lacking[len(data) :]
        return data[len(lacking) :]

    def _first_settings(self, flags: int, stream: int, payload: bytes) -> None:
        if flags & 1:
            self._out_of_order(flags, stream, payload)
        self._takers = self._tables.usual
        self._settings(flags, stream, payload)

    def _out_of_order(self, _: int, __: int, ___: bytes) -> None:
        if self._takers is self._tables.first:
            self._fail(PROTOCOL_ERROR, "expected SETTINGS for the first frame")
        self._fail(PROTOCOL_ERROR, "a frame inside a header block, or CONTINUATION outside of one")

    def _headers(self, flags: int, stream: int, payload: bytes) -> None:
        if flags & (PADDED | HAS_PRIORITY):
            payload = self._without_extras(flags, stream, payload)
        if flags & END_HEADERS:
            self._take_block(flags & END_STREAM == END_STREAM, stream, payload)
            return
        if not stream:
            self._fail(PROTOCOL_ERROR, "HEADERS without a stream")
        self._takers = self._tables.inside_block
        self._block_parts = [payload]
        self._block_bytes = len(payload)
        self._block_flags = flags
        self._block_stream = stream

    def _without_extras(self, flags: int, stream: int, payload: bytes) -> bytes:
        """Take padding and priority off. Source: RFC 9113 section 6.2."""
        if flags & PADDED:
            payload = self._without_padding(payload)
        if flags & HAS_PRIORITY:
            if len(payload) < 5:
                self._fail(FRAME_SIZE_ERROR, "HEADERS that end inside their priority")
            if NUMBER.unpack_from(payload)[0] & MAX_STREAM == stream:
                self._fail(PROTOCOL_ERROR, "a stream with priority over itself")
            payload = payload[5:]
        return payload

    def _continuation(self, flags: int, stream: int, payload: bytes) -> None:
        """Source: RFC 9113 section 6.10; the bounds: CVE-2024-27316 and its kin."""
        if stream != self._block_stream:
            self._fail(PROTOCOL_ERROR, "CONTINUATION of another stream")
        self._block_parts.append(payload)
        self._block_bytes += len(payload)
        limits = self._limits
        if len(self._block_parts) > limits.h2_max_continuation_frames + 1:
            self._fail(ENHANCE_YOUR_CALM, "a header block of too many frames")
        if self._block_bytes > 2 * limits.h2_max_header_list_bytes:
            self._fail(ENHANCE_YOUR_CALM, "a header block of too many bytes")
        if not payload and not flags & END_HEADERS:
            self._count_empty()
        if flags & END_HEADERS:
            block = b"".join(self._block_parts)
            self._block_parts = []
            self._takers = self._tables.usual
            self._take_block(self._block_flags & END_STREAM == END_STREAM, stream, block)

    def _take_block(self, ends: bool, number: int, block: bytes) -> None:
        """Take a header block that is whole. Raises `BlockError` and `BlockTooLarge`."""
        raise NotImplementedError


_Taker = Callable[[Receiving, int, int, bytes], None]

_NAMES = "data headers priority rst_stream settings push_promise ping goaway window_update out_of_order"
"""The methods that take frames, in the order of the types' numbers."""


class _Tables(NamedTuple):
    """What takes a frame of each type: first of all, inside a header block, and otherwise."""

    first: tuple[_Taker, ...]
    inside_block: tuple[_Taker, ...]
    usual: tuple[_Taker, ...]


_made: dict[type[Receiving], _Tables] = {}


def _tables(engine: type[Receiving]) -> _Tables:
    """Return the tables of an engine's class, whose methods are its own."""
    made = _made.get(engine)
    if made is None:
        made = _made[engine] = _make_tables(engine)
    return made


def _make_tables(engine: type[Receiving]) -> _Tables:
    def find(name: str) -> _Taker:
        taker: _Taker = getattr(engine, f"_{name}")
        return taker

    named = list(map(find, _NAMES.split()))
    usual = [*named, *[find("unknown")] * (0x100 - len(named))]
    first = [find("out_of_order")] * 0x100
    inside_block = first.copy()
    first[SETTINGS] = find("first_settings")
    inside_block[CONTINUATION] = find("continuation")
    return _Tables(tuple(first), tuple(inside_block), tuple(usual))
