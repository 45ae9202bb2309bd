"""The frames that carry no message: settings, pings, windows, priorities, resets, and the farewell.

What comes more often than any peer with good intentions sends it ends the connection with ENHANCE_YOUR_CALM. The bounds and
their formulas are Envoy's (`source/common/http/http2/protocol_constraints.cc`).
"""

from mesh import RemoteProtocolError
from mesh_plugins.http2.engine import (
    ENHANCE_YOUR_CALM,
    FLOW_CONTROL_ERROR,
    FRAME_SIZE_ERROR,
    PROTOCOL_ERROR,
    REFUSED_STREAM,
    ConnectionOwner,
)
from mesh_plugins.http2.frames import (
    ACK,
    ENABLE_CONNECT_PROTOCOL,
    ENABLE_PUSH,
    HEADER_TABLE_SIZE,
    INITIAL_WINDOW_SIZE,
    MAX_CONCURRENT_STREAMS,
    MAX_FRAME_SIZE,
    NUMBER,
    SETTING,
    SETTINGS_ACK,
    write_ping,
)
from mesh_plugins.http2.head_reader import HeadReader
from mesh_plugins.http2.intake import Intake
from mesh_plugins.http2.options import MAX_STREAM, MAX_WINDOW, Options

_MAX_FRAME_BYTES = 2**24 - 1


class Control(Intake):
    """The part of an engine that takes control frames.

    The mutable state: how many of some frames came, and how many streams were opened; `_most_credit`, the highest credit
    that a stream was ever given; whether the peer has acknowledged this side's settings; the largest id in its GOAWAYs.
    """

    __slots__ = (
        "_heads",
        "_ignored",
        "_most_credit",
        "_opened",
        "_owner",
        "_peer_last",
        "_peer_leaves",
        "_updates",
        "is_settled",
        "refusals",
    )

    def __init__(self, owner: ConnectionOwner, options: Options) -> None:
        super().__init__(options)
        self._owner = owner
        self._heads = HeadReader(options.limits)
        self._heads.blocks.offer(options.header_table_bytes)
        self._opened = self._ignored = self._updates = self._most_credit = 0
        self._peer_last = MAX_STREAM
        self.is_settled = self._peer_leaves = False
        self.refusals: list[RemoteProtocolError] = []

    def _settings(self, flags: int, stream: int, payload: bytes) -> None:
        if stream:
            self._fail(PROTOCOL_ERROR, "SETTINGS of a stream")
        if flags & ACK:
            if payload:
                self._fail(FRAME_SIZE_ERROR, "an acknowledgement of SETTINGS with content")
            self._settle()
            return
        before = self._initial
        self._apply(payload)
        self._answer(SETTINGS_ACK)
        if self._initial > before:
            self._tell_those_who_wait()

    def _settle(self) -> None:
        if not self.is_settled:
            self.is_settled = True
            self._given = self._options.stream_window
            self._heads.blocks.allow(self._options.header_table_bytes)

    def _apply(self, payload: bytes) -> None:
        """Take the peer's settings over. Source: RFC 9113 section 6.5.2."""
        if len(payload) % 6:
            self._fail(FRAME_SIZE_ERROR, "SETTINGS that are no multiple of 6 bytes")
        limit = None
        for name, value in SETTING.iter_unpack(payload):
            if name == INITIAL_WINDOW_SIZE:
                self._change_windows(value)
            elif name == MAX_FRAME_SIZE:
                if not 16384 <= value <= _MAX_FRAME_BYTES:
                    self._fail(PROTOCOL_ERROR, f"SETTINGS_MAX_FRAME_SIZE {value}")
                self._frame_bytes = value
            elif name == HEADER_TABLE_SIZE:
                self._writer.resize(value)
            elif name == MAX_CONCURRENT_STREAMS:
                limit = value
            elif (name == ENABLE_PUSH and value > self._may_push) or (name == ENABLE_CONNECT_PROTOCOL and value > 1):
                self._fail(PROTOCOL_ERROR, f"setting {name} cannot be {value}")
        if limit is not None:
            self._limit(limit)

    _may_push = 1
    """The highest value of the peer's SETTINGS_ENABLE_PUSH. Source: RFC 9113 section 6.5.2."""

    def _limit(self, streams: int) -> None:
        """The peer takes so many streams at a time."""

    def _change_windows(self, size: int) -> None:
        """Source: RFC 9113 section 6.9.2. The windows of all streams change at once, because each is kept as a difference."""
        if size > MAX_WINDOW:
            self._fail(FLOW_CONTROL_ERROR, f"SETTINGS_INITIAL_WINDOW_SIZE {size}")
        if size + self._most_credit > MAX_WINDOW:
            self._most_credit = max((stream.credit for stream in self._streams.values()), default=0)
            if size + self._most_credit > MAX_WINDOW:
                self._fail(FLOW_CONTROL_ERROR, "SETTINGS_INITIAL_WINDOW_SIZE that makes a stream's window too large")
        self._initial = size

    def _tell_those_who_wait(self) -> None:
        """Tell owners whose windows have grown; after the acknowledgement, so that the peer knows why data comes."""
        for stream in [stream for stream in self._streams.values() if stream.waits]:
            if stream.waits and stream.id in self._streams:
                stream.waits = False
                self._tell_room(stream)

    def _window_update(self, _: int, number: int, payload: bytes) -> None:
        if len(payload) != 4:
            self._fail(FRAME_SIZE_ERROR, "a WINDOW_UPDATE that is not of 4 bytes")
        self._updates += 1
        per_frame = self._limits.h2_max_window_updates_per_data_frame
        if self._updates > 5 + 2 * (self._opened + per_frame * self._data_frames):
            self._fail(ENHANCE_YOUR_CALM, "too many WINDOW_UPDATE frames")
        increment = NUMBER.unpack(payload)[0] & MAX_WINDOW
        if number == 0:
            self._widen(increment)
            return
        stream = self._streams.get(number)
        if stream is None:
            self._ignore(number)
            if not increment:
                self._fail(PROTOCOL_ERROR, "a WINDOW_UPDATE by nothing")
        elif not increment:
            self._fail_stream(stream, PROTOCOL_ERROR)
        elif self._initial + stream.credit + increment > MAX_WINDOW:
            self._fail_stream(stream, FLOW_CONTROL_ERROR)
        else:
            credit = stream.credit = stream.credit + increment
            if credit > self._most_credit:
                self._most_credit = credit
            if stream.waits:
                stream.waits = False
                self._tell_room(stream)

    def _widen(self, increment: int) -> None:
        if not increment:
            self._fail(PROTOCOL_ERROR, "a WINDOW_UPDATE by nothing")
        self._window += increment
        if self._window > MAX_WINDOW:
            self._fail(FLOW_CONTROL_ERROR, "a WINDOW_UPDATE that makes the connection's window too large")
        if self._blocked:
            self._wake()

    def _rst_stream(self, _: int, number: int, payload: bytes) -> None:
        if len(payload) != 4:
            self._fail(FRAME_SIZE_ERROR, "a RST_STREAM that is not of 4 bytes")
        stream = self._streams.get(number)
        if stream is None:
            self._ignore(number)
            return
        code: int = NUMBER.unpack(payload)[0]
        self._drop(stream)
        self._closed.add(number, by_peer=True)
        stream.owner.on_reset(code, by_peer=True, unprocessed=code == REFUSED_STREAM)
        self._count_reset(stream.answered)

    def _ping(self, flags: int, stream: int, payload: bytes) -> None:
        if stream:
            self._fail(PROTOCOL_ERROR, "a PING of a stream")
        if len(payload) != 8:
            self._fail(FRAME_SIZE_ERROR, "a PING that is not of 8 bytes")
        if flags & ACK:
            self._owner.on_pong(payload)
        else:
            self._answer(write_ping(payload, ACK))

    def _goaway(self, _: int, stream: int, payload: bytes) -> None:
        if stream:
            self._fail(PROTOCOL_ERROR, "a GOAWAY of a stream")
        if len(payload) < 8:
            self._fail(FRAME_SIZE_ERROR, "a GOAWAY of less than 8 bytes")
        self._count_ignored()
        last = (NUMBER.unpack_from(payload)[0]) & MAX_STREAM
        code: int = NUMBER.unpack_from(payload, 4)[0]
        self._peer_last = min(last, self._peer_last)
        self._peer_leaves = True
        self._end_beyond(self._peer_last, code)
        self._owner.on_goaway(last, code, payload[8:])

    def _end_beyond(self, last: int, code: int) -> None:
        """The peer has done nothing, and will do nothing, for streams above `last` that this side opened."""

    def _priority(self, _: int, stream: int, payload: bytes) -> None:
        """Source: RFC 9113 section 5.3.2: priorities are not acted on."""
        if not stream:
            self._fail(PROTOCOL_ERROR, "PRIORITY without a stream")
        if len(payload) != 5:
            self._fail(FRAME_SIZE_ERROR, "a PRIORITY that is not of 5 bytes")
        if NUMBER.unpack_from(payload)[0] & MAX_STREAM == stream:
            self._fail(PROTOCOL_ERROR, "a stream with priority over itself")
        self._count_ignored()

    def _push_promise(self, _: int, __: int, ___: bytes) -> None:
        self._fail(PROTOCOL_ERROR, "PUSH_PROMISE, which was never allowed")

    def _unknown(self, _: int, __: int, ___: bytes) -> None:
        self._count_ignored()

    def _ignore(self, number: int) -> None:
        """Ignore a frame that may come late for a stream that is over."""
        if self._is_idle(number):
            self._fail(PROTOCOL_ERROR, f"a frame for stream {number}, which was never opened")
        self._count_ignored()

    def _count_ignored(self) -> None:
        self._ignored += 1
        if self._ignored > self._limits.h2_max_priority_frames_per_stream * (1 + self._opened):
            self._fail(ENHANCE_YOUR_CALM, "too many frames that do nothing")
