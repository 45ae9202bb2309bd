"""From bytes to frames, and from frames to whoever takes them.

Theory of operation. No object is made of a frame: its head is three numbers, and a table has the function for each type.
What may come next is a table too: only SETTINGS at first, only CONTINUATION inside a header block.
"""

from collections.abc import Callable

from mesh_plugins.http2.control import Control
from mesh_plugins.http2.engine import ENHANCE_YOUR_CALM, FRAME_SIZE_ERROR, PROTOCOL_ERROR, ConnectionOwner
from mesh_plugins.http2.frames import END_HEADERS, HAS_PRIORITY, HEAD, HEAD_BYTES, NUMBER, PADDED
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
        "_takers",
    )

    def __init__(self, owner: ConnectionOwner, options: Options, preface: bytes) -> None:
        super().__init__(owner, options)
        self._rest = b""
        self._lacks = 0
        self._lacking = preface
        self._takers = _FIRST
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
            kind = word & 0xFF
            self._takers[kind if kind < _UNKNOWN else _UNKNOWN](self, flags, stream & MAX_STREAM, data[start:stop])
            pos = stop
        else:
            self._lacks = 0
        self._rest = data[pos:] if pos < end else b""

    @property
    def is_in_head(self) -> bool:
        return self._takers is _INSIDE_BLOCK

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
        self._takers = _USUAL
        self._settings(flags, stream, payload)

    def _out_of_order(self, _: int, __: int, ___: bytes) -> None:
        if self._takers is _FIRST:
            self._fail(PROTOCOL_ERROR, "expected SETTINGS for the first frame")
        self._fail(PROTOCOL_ERROR, "a frame inside a header block, or CONTINUATION outside of one")

    def _headers(self, flags: int, stream: int, payload: bytes) -> None:
        if flags & (PADDED | HAS_PRIORITY):
            payload = self._without_extras(flags, stream, payload)
        if flags & END_HEADERS:
            self._block_done(flags, stream, payload)
            return
        if not stream:
            self._fail(PROTOCOL_ERROR, "HEADERS without a stream")
        self._takers = _INSIDE_BLOCK
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
            self._takers = _USUAL
            self._block_done(self._block_flags, stream, block)

    def _block_done(self, flags: int, stream: int, block: bytes) -> None:
        """Take a header block that is whole."""
        raise NotImplementedError


_Taker = Callable[[Receiving, int, int, bytes], None]

# In the order of the types' numbers, unknown ones last.
_USUAL: tuple[_Taker, ...] = (
    Receiving._data,
    Receiving._headers,
    Receiving._priority,
    Receiving._rst_stream,
    Receiving._settings,
    Receiving._push_promise,
    Receiving._ping,
    Receiving._goaway,
    Receiving._window_update,
    Receiving._out_of_order,
    Receiving._unknown,
)
_UNKNOWN = len(_USUAL) - 1
_FIRST: tuple[_Taker, ...] = tuple(
    Receiving._first_settings if taker is Receiving._settings else Receiving._out_of_order for taker in _USUAL
)
_INSIDE_BLOCK: tuple[_Taker, ...] = (
    *(Receiving._out_of_order for _ in _USUAL[:9]),
    Receiving._continuation,
    Receiving._out_of_order,
)
