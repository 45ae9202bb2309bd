"""What waits to be sent over one connection of Mux, where a peer may want long messages in pieces.

Theory of operation. A message longer than the peer wants in one piece is cut when its turn comes, and messages that are being
cut take turns, so that a long one does not hold up short ones.
"""

from collections.abc import Callable, Iterator

from mesh import Connection
from mesh_plugins.connections.outgoing import Outgoing
from mesh_plugins.mux.fragments import pieces
from mesh_plugins.mux.handshake import ANY_WINDOW
from mesh_plugins.mux.wire import HEAD_BYTES, RDISPATCH, TDISPATCH


class Cutting(Outgoing):
    """The writer of one connection of Mux. `window` is the longest body that the peer wants to receive in one piece."""

    __slots__ = ("_cut", "window")

    def __init__(self, connection: Connection, most: int, clock: Callable[[], float]) -> None:
        super().__init__(connection, most, clock)
        self._cut: dict[int, Iterator[bytes]] = {}
        self.window = ANY_WINDOW

    def take_back(self, key: int) -> None:
        """Do not send what was added as `key`, or no more of it."""
        super().take_back(key)
        cut = self._cut.pop(key, None)
        if cut is not None:
            self.queued -= sum(map(len, cut))

    def holds(self, key: int) -> bool:
        return key in self._queue and key not in self._cut

    def cuts(self, key: int) -> bool:
        """Return whether a part was sent of what was added as `key`, and another was not."""
        return key in self._cut

    def _gather(self) -> bytes:
        """Return what is sent next: every short message, and a piece of each long one."""
        if self.window == ANY_WINDOW and not self._cut:
            return super()._gather()
        queue, cut, ready = self._queue, self._cut, []
        longest = self.window + HEAD_BYTES
        for key, frame in queue.items():
            if len(frame) <= longest or not is_call(frame):
                ready.append(frame)
            else:
                cut[next(self._keys) if key in cut else key] = pieces(frame, self.window)
                self.queued += HEAD_BYTES * ((len(frame) - HEAD_BYTES - 1) // self.window)  # the heads of the pieces
        queue.clear()
        for key, left in list(cut.items()):
            piece = next(left, None)
            if piece is None:
                del cut[key]
            else:
                ready.append(piece)
        return b"".join(ready)


def is_call(frame: bytes) -> bool:
    """Return whether a frame, with its size, is of a type that may be sent in pieces."""
    return frame[4] in (TDISPATCH, RDISPATCH)
