"""How an engine takes data in: windows, padding, and what the head had announced.

Theory of operation. A stream's window is opened again as its pieces are consumed, in batches: a slow reader stops its own
stream. One whose reader keeps up gets a wider window, up to `MOST_WINDOW`, so that a large body does not wait for the peer
again and again; what the streams of a connection have gained in this way is `MOST_GROWN` at most. The connection's window
is opened again as bytes arrive, whoever is to read them, so that one slow reader does not stop the others, until
`unread_windows` times its size waits unread: so memory is bounded, and then by all streams together.
"""

from mesh_plugins.http2.engine import (
    ENHANCE_YOUR_CALM,
    FLOW_CONTROL_ERROR,
    PROTOCOL_ERROR,
    STREAM_CLOSED,
)
from mesh_plugins.http2.frames import END_STREAM, PADDED, write_reset, write_window_update
from mesh_plugins.http2.options import DEFAULT_WINDOW, MOST_GROWN, MOST_WINDOW, Options
from mesh_plugins.http2.sending import Sending
from mesh_plugins.http2.stream import Stream

_LITTLE = (
    4096  # bytes that end a stream, and so are not worth counting: its window opens no more, and that is all they are.
)


class Intake(Sending):
    """The part of an engine that takes DATA.

    The mutable state: `_given`, what new streams may send before anything is consumed, as the peer knows it; `_left`, what
    is left of the connection's window; empty frames in a row; `_grown`, what the windows of streams have gained.
    """

    __slots__ = ("_empty", "_given", "_grown", "_least", "_left", "_most_unread", "_stream_least")

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._given = max(DEFAULT_WINDOW, options.stream_window)
        self._left = max(DEFAULT_WINDOW, options.connection_window)
        self._least = int(options.connection_window * options.update_ratio)
        self._stream_least = int(options.stream_window * options.update_ratio)
        self._most_unread = options.connection_window * options.unread_windows
        self._empty = self._grown = 0

    def consumed(self, stream: int, cost: int) -> None:
        found = self._streams.get(stream)
        if found is not None:
            found.unread -= cost
            self._unread -= cost
            if not found.remote_ended:
                self._open_window(found)
        elif stream in self._unread_after_end:
            self._unread -= cost
            left = self._unread_after_end[stream] - cost
            if left > 0:
                self._unread_after_end[stream] = left
            else:
                del self._unread_after_end[stream]
        if self._left <= self._least:
            self._open_connection_window()

    def reset(self, stream: int, code: int) -> None:
        super().reset(stream, code)
        if self._left <= self._least:
            self._open_connection_window()

    def _drop(self, stream: Stream) -> None:
        super()._drop(stream)
        self._shrink(stream)
        if self._left <= self._least:
            self._open_connection_window()

    def _open_window(self, stream: Stream) -> None:
        """Tell the peer how much of a stream was read, unless that is little and more is about to be."""
        left = self._given + stream.given
        if left > self._stream_least + (stream.grown >> 1):
            return
        if not stream.unread:
            self._grow(stream)
        size = self._options.stream_window + stream.grown
        increment = size - stream.unread - left
        if (increment >= size >> 3 or not stream.unread) and increment > 0:
            stream.given += increment
            self._send_update(stream.id, increment)

    def _grow(self, stream: Stream) -> None:
        """Give a stream whose reader keeps up twice the window, within the bounds."""
        size = self._options.stream_window + stream.grown
        more = min(size, MOST_WINDOW - size, MOST_GROWN - self._grown)
        if more > 0:
            stream.grown += more
            self._grown += more

    def _shrink(self, stream: Stream) -> None:
        self._grown -= stream.grown
        stream.grown = 0

    def _open_connection_window(self) -> None:
        size = self._options.connection_window
        increment = min(size, self._most_unread - self._unread) - self._left
        if increment > 0 and (increment >= size - self._least or not self._unread):
            self._left += increment
            self._send_update(0, increment)

    def _send_update(self, stream: int, increment: int) -> None:
        self._out.append(write_window_update(stream, increment))
        self._bytes += 13

    def _data(self, flags: int, number: int, payload: bytes) -> None:
        cost = len(payload)
        left = self._left = self._left - cost
        if left < 0:
            self._fail(FLOW_CONTROL_ERROR, "DATA beyond the window of the connection")
        if flags & PADDED:
            payload = self._without_padding(payload)
        stream = self._streams.get(number)
        ends = flags & END_STREAM == END_STREAM
        if payload or ends:
            self._empty = 0
        else:
            self._count_empty()
        if stream is None:
            self._stray_data(number)
        elif stream.remote_ended:
            self._fail_stream(stream, STREAM_CLOSED)
        elif self._given + stream.given < cost:
            self._fail_stream(stream, FLOW_CONTROL_ERROR)
        elif stream.left is not None and not _fits(stream, stream.left - len(payload), ends=ends):
            self._fail_stream(stream, PROTOCOL_ERROR)
        else:
            stream.given -= cost
            if payload or ends:
                if ends and cost <= _LITTLE:
                    cost = 0
                else:
                    self._unread += cost
                    stream.unread += cost
                if ends:
                    self._end_remote(stream)
                stream.owner.on_data(payload, cost, ends=ends)
            elif cost:
                self._open_window(stream)
        if self._left <= self._least:
            self._open_connection_window()

    def _without_padding(self, payload: bytes) -> bytes:
        """Source: RFC 9113 section 6.1."""
        length = len(payload)
        if not length or payload[0] >= length:
            self._fail(PROTOCOL_ERROR, "padding that is longer than its frame")
        return payload[1 : length - payload[0]]

    def _count_empty(self) -> None:
        """Source: CVE-2019-9518."""
        self._empty += 1
        if self._empty > self._limits.h2_max_empty_frames:
            self._fail(ENHANCE_YOUR_CALM, "frames without content that end nothing")

    def _end_remote(self, stream: Stream) -> None:
        stream.remote_ended = True
        if stream.grown:
            self._shrink(stream)
        if stream.local_ended:
            self._end(stream)

    def _fail_stream(self, stream: Stream, code: int) -> None:
        """End a stream because of its peer."""
        self._drop(stream)
        if not stream.remote_ended:
            self._closed.add(stream.id, by_peer=False)
        stream.owner.on_reset(code, by_peer=False, unprocessed=False)
        self._answer(write_reset(stream.id, code))
        self._count_reset(stream.answered)

    def _count_reset(self, answered: bool) -> None:
        """Count a stream that the peer reset, or made this side reset."""
        raise NotImplementedError

    def _stray_data(self, number: int) -> None:
        """Judge DATA for a stream that does not live."""
        self._judge_stray(number)

    def _judge_stray(self, number: int) -> None:
        """Judge a frame that only a living stream may get. Source: RFC 9113 section 5.1."""
        closed = self._closed
        if self._is_idle(number) or closed.was_skipped(number):
            self._fail(PROTOCOL_ERROR, f"a frame for stream {number}, which was never opened")
        if closed.was_reset_here(number):
            return
        if not closed.was_reset_by_peer(number):
            self._fail(STREAM_CLOSED, f"a frame for stream {number}, which has ended")
        self._answer(write_reset(number, STREAM_CLOSED))
        self._count_reset(False)

    def _is_idle(self, number: int) -> bool:
        """Return whether a stream was not opened yet, or cannot be."""
        raise NotImplementedError


def _fits(stream: Stream, left: int, *, ends: bool) -> bool:
    """Return whether the head had let so much come that `left` is left. Source: RFC 9113 section 8.1.1."""
    stream.left = left
    return left == 0 if ends else left >= 0
