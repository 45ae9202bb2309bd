"""What an engine sends: heads, data, trailers and the control frames that its owner asks for.

Theory of operation. Frames gather in a list that is joined once for all streams. Data waits with its owner, not here: what
finds no room in the windows of the peer, or comes while enough waits to be taken, is not accepted, and its stream stands in
a queue; whoever is first in it is told first when there is room again.
"""

from collections.abc import Callable
from typing import NoReturn, TypeVar

from mesh import Fields
from mesh_plugins.http2.block_writer import BlockWriter
from mesh_plugins.http2.engine import ENHANCE_YOUR_CALM, ConnectionFailed
from mesh_plugins.http2.frames import (
    END_HEADERS,
    END_STREAM,
    HEAD,
    HEAD_BYTES,
    HEADERS,
    write_goaway,
    write_long_block,
    write_ping,
    write_reset,
)
from mesh_plugins.http2.options import DEFAULT_FRAME_BYTES, DEFAULT_WINDOW, MAX_STREAM, Options
from mesh_plugins.http2.stream import Closed, Stream

_ENOUGH_BYTES = 262144  # that may wait before no more data is accepted: a few writes of a socket's buffer

_Start = TypeVar("_Start")


class Sending:
    """The half of an engine that writes.

    The mutable state: the output, its bytes, and how many of its frames are control frames; the streams; the peer's windows
    and settings; the streams that wait for room for all of them, oldest first (those that lack room of their own have
    `waits`); the last stream of the peer, and the last that was not refused; whether the connection takes no more
    (`_has_failed`) and no new streams (`_is_leaving`).
    """

    __slots__ = (
        "_accepted",
        "_blocked",
        "_bytes",
        "_closed",
        "_controls",
        "_data_frames",
        "_frame_bytes",
        "_has_failed",
        "_initial",
        "_is_leaving",
        "_last",
        "_limits",
        "_options",
        "_out",
        "_streams",
        "_unread",
        "_unread_after_end",
        "_window",
        "_writer",
    )

    def __init__(self, options: Options) -> None:
        self._options = options
        self._limits = options.limits
        self._out: list[bytes | memoryview] = []
        self._bytes = self._controls = self._data_frames = 0
        self._streams: dict[int, Stream] = {}
        self._closed = Closed()
        self._blocked: dict[int, Stream] = {}
        self._window = self._initial = DEFAULT_WINDOW
        self._frame_bytes = DEFAULT_FRAME_BYTES
        self._writer = BlockWriter()
        self._unread = 0
        self._unread_after_end: dict[int, int] = {}
        self._last = self._accepted = 0
        self._has_failed = self._is_leaving = False

    @property
    def open_streams(self) -> int:
        return len(self._streams)

    def take_output(self) -> bytes:
        out = self._out
        if not out:
            return b""
        data = b"".join(out)
        out.clear()
        self._bytes = self._controls = 0
        if self._blocked:
            self._wake()
        return data

    def pending(self) -> int:
        return self._bytes

    def send_data(self, stream: int, data: bytes, *, ends: bool) -> int:
        found = self._streams.get(stream)
        length = len(data)
        if found is None or found.local_ended:
            return length
        if length:
            room = self._initial + found.credit
            if length > room or length > self._window or self._bytes >= _ENOUGH_BYTES:
                length = self._wait(found, room)
                if not length:
                    return 0
                ends = False
                data = data[:length]
            self._window -= length
            found.credit -= length
        if length <= self._frame_bytes:
            self._out += (HEAD.pack(length << 8, ends, stream), data)
            self._bytes += length + HEAD_BYTES
            self._data_frames += 1
        else:
            self._send_pieces(stream, data, ends=ends)
        if ends:
            self._end_local(found)
        return length

    def _wait(self, stream: Stream, room: int) -> int:
        """Have a stream wait for what it lacks, and return how much it may send now; `room` is that of its own window."""
        window = self._window if self._bytes < _ENOUGH_BYTES else 0
        if window < room:
            self._blocked[stream.id] = stream
            return max(window, 0)
        stream.waits = True
        return max(room, 0)

    def _send_pieces(self, stream: int, data: bytes, *, ends: bool) -> None:
        most = self._frame_bytes
        view = memoryview(data)  # so that a large body is copied once, when the output is taken
        for start in range(0, len(data), most):
            piece = view[start : start + most]
            flags = END_STREAM if ends and start + most >= len(data) else 0
            self._out += (HEAD.pack(len(piece) << 8, flags, stream), piece)
            self._bytes += len(piece) + HEAD_BYTES
            self._data_frames += 1

    def send_trailers(self, stream: int, trailers: Fields) -> None:
        found = self._streams.get(stream)
        if found is None or found.local_ended:
            return
        if not trailers:
            self.send_data(stream, b"", ends=True)
            return
        self._send_head(stream, self._block(bytes, b"", trailers, b""), ends=True)
        self._end_local(found)

    def reset(self, stream: int, code: int) -> None:
        found = self._streams.get(stream)
        if found is None:
            self._unread -= self._unread_after_end.pop(stream, 0)
            return
        self._drop(found)
        if not found.remote_ended:
            self._closed.add(stream, by_peer=False)
        self._send_control(write_reset(stream, code))

    def abandon(self, code: int) -> None:
        self._has_failed = True
        self._end_all(code, by_peer=True)

    def ping(self, data: bytes) -> None:
        self._send_control(write_ping(data, 0))

    def go_away(self, code: int, *, last: bool) -> None:
        self._is_leaving = self._is_leaving or last
        self._send_control(write_goaway(self._accepted if last else MAX_STREAM, code, b""))

    def _send_control(self, frame: bytes) -> None:
        self._out.append(frame)
        self._bytes += len(frame)
        self._controls += 1

    def _block(self, start: Callable[[_Start], bytes], key: _Start, fields: Fields, end: bytes) -> bytes:
        """Return the block of `fields`, between what `start` makes of `key` and `end`. Raises `LocalProtocolError`."""
        writer = self._writer
        try:
            begin = writer.start() if writer.updates else b""
            return b"".join((begin, start(key), *map(writer.__getitem__, fields), end))
        except Exception:
            writer.restart()  # the fields before the wrong one may stand in the table, and the peer never saw them.
            raise

    def _send_head(self, stream: int, block: bytes, *, ends: bool) -> None:
        length = len(block)
        if length <= self._frame_bytes:
            frames = HEAD.pack(length << 8 | HEADERS, ends | END_HEADERS, stream) + block
        else:
            frames = write_long_block(stream, block, ends, self._frame_bytes)
        self._out.append(frames)
        self._bytes += len(frames)

    def _end_local(self, stream: Stream) -> None:
        stream.local_ended = True
        if stream.remote_ended:
            self._end(stream)

    def _end(self, stream: Stream) -> None:
        """Forget a stream that has ended on both sides; what is unread of it still counts."""
        del self._streams[stream.id]
        if stream.unread:
            self._unread_after_end[stream.id] = stream.unread
        if self._blocked:
            self._blocked.pop(stream.id, None)

    def _drop(self, stream: Stream) -> None:
        """Forget a stream that was reset; what is unread of it counts no more."""
        del self._streams[stream.id]
        self._unread -= stream.unread
        self._blocked.pop(stream.id, None)

    def _wake(self) -> None:
        """Tell owners that there is room, the longest waiting first, as long as there is any."""
        if self._window <= 0:
            return
        for stream in list(self._blocked.values()):
            if self._window <= 0 or self._bytes >= _ENOUGH_BYTES:
                return
            if self._blocked.pop(stream.id, None) is not None:
                self._tell_room(stream)

    def _tell_room(self, stream: Stream) -> None:
        """Tell an owner who waits that there is room, or have it wait for what it still lacks."""
        if self._initial + stream.credit <= 0:
            stream.waits = True
        elif self._window <= 0 or self._bytes >= _ENOUGH_BYTES:
            self._blocked[stream.id] = stream
        else:
            stream.owner.on_room()

    def _answer(self, frame: bytes) -> None:
        """Send a control frame that the peer made necessary: it must take them faster than it does that."""
        self._send_control(frame)
        if self._controls > self._limits.h2_max_outbound_control_frames:
            self._fail(ENHANCE_YOUR_CALM, "too many frames whose answers are not read")

    def _fail(self, code: int, message: str) -> NoReturn:
        """End the connection because of its peer."""
        self._send_control(write_goaway(self._accepted, code, message.encode("latin-1", "replace")))
        self._has_failed = True
        self._end_all(code, by_peer=False)
        raise ConnectionFailed(code, message)

    def _end_all(self, code: int, *, by_peer: bool) -> None:
        streams = list(self._streams.values())
        self._streams.clear()
        self._blocked.clear()
        self._unread_after_end.clear()
        self._unread = 0
        for stream in streams:
            stream.owner.on_reset(code, by_peer=by_peer, unprocessed=False)
