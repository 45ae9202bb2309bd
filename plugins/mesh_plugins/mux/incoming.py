"""What comes over one connection, as messages: cut into frames, pieces put together. No I/O."""

from collections.abc import Iterator

from mesh import Limits
from mesh_plugins.mux.fragments import Fragments
from mesh_plugins.mux.wire import RDISPATCH, TDISPATCH, FrameReader

CALLS = frozenset({TDISPATCH, RDISPATCH})


class Incoming:
    """The messages of one connection, within its limits."""

    __slots__ = ("_fragments", "_frames")

    def __init__(self, limits: Limits) -> None:
        self._frames = FrameReader(limits.mux_max_frame_bytes)
        self._fragments = Fragments(limits.mux_max_frame_bytes, limits.mux_max_open_fragments)

    @property
    def is_within(self) -> bool:
        """Whether a frame has begun and is not whole."""
        return self._frames.is_within

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Return the messages that are whole now, in frames without their sizes. Raises `Undecodable` where they end."""
        begun = self._fragments.open
        for frame in self._frames.feed(data):
            if frame[1] & 0x80 or (begun and frame[0] in CALLS):
                whole = self._fragments.add(frame)
                if whole is not None:
                    yield whole
            else:
                yield frame
        if self._frames.error is not None:
            raise self._frames.error

    def drop(self, tag: int) -> None:
        """Forget what has come of a message: its sender has given it up."""
        self._fragments.drop(tag)
