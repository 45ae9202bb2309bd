"""What waits to be sent over one connection: everything of one scheduler pass goes out in one write.

Theory of operation. Whoever has a frame adds it and goes on. The one task that writes is woken by the first, so that it runs
after all the others that are ready now, and sends what has gathered. Nobody who adds waits: whoever makes others add looks at
`is_full` and stops doing so, and beyond `most` bytes the peer is given up. State changes between awaits.
"""

import itertools
import math
from collections.abc import Callable

from trio import lowlevel

from mesh import WOKEN, Connection, Trap, new_trap, until_woken

FULL_BYTES = 1 << 20  # beyond which nothing that asks for more is begun


class Outgoing:
    """The writer of one connection.

    `queued` is how many bytes wait, those included that are being sent; `since` when the write began that is in progress.
    `on_sent` is called after each write, `on_room` when the peer has read again after the queue was full, `on_excess` when
    it is longer than `most`.
    """

    __slots__ = (
        "_clock",
        "_connection",
        "_ends",
        "_keys",
        "_most",
        "_parked",
        "_queue",
        "_trap",
        "is_full",
        "on_excess",
        "on_full",
        "on_room",
        "on_sent",
        "queued",
        "since",
    )

    def __init__(self, connection: Connection, most: int, clock: Callable[[], float]) -> None:
        self._connection = connection
        self._clock = clock
        self._most = most
        self._queue: dict[int, bytes] = {}
        self._keys = itertools.count(-1, -1)
        self._parked: lowlevel.Task | None = None
        self._trap: Trap = new_trap(self._unpark)
        self._ends = False
        self.queued = 0
        self.since = math.inf
        self.is_full = False
        self.on_full: Callable[[], None] = _nothing
        self.on_sent: Callable[[], None] = _nothing
        self.on_room: Callable[[], None] = _nothing
        self.on_excess: Callable[[], None] = _nothing

    def add(self, frame: bytes, key: int | None = None) -> None:
        """Send a frame when its turn comes. By `key`, such as a tag, it can be taken back until then."""
        if key is None or key in self._queue:
            key = next(self._keys)
        self._queue[key] = frame
        self.queued += len(frame)
        if self._parked is not None:
            task, self._parked = self._parked, None
            lowlevel.reschedule(task, WOKEN)
        if self.queued > FULL_BYTES:
            self._filled()

    def _filled(self) -> None:
        if not self.is_full:
            self.is_full = True
            self.on_full()
        if self.is_excessive:
            self.on_excess()

    @property
    def is_excessive(self) -> bool:
        """Whether more waits than may."""
        return self.queued > self._most

    def take_back(self, key: int) -> None:
        """Do not send what was added as `key`."""
        frame = self._queue.pop(key, None)
        if frame is not None:
            self.queued -= len(frame)

    def holds(self, key: int) -> bool:
        """Return whether nothing was sent yet of what was added as `key`."""
        return key in self._queue

    def end(self) -> None:
        """Let `run` return once everything has been sent."""
        self._ends = True
        if self._parked is not None:
            task, self._parked = self._parked, None
            lowlevel.reschedule(task, WOKEN)

    async def run(self) -> None:
        """Send what is added, until `end`. Raises what sending raises."""
        connection = self._connection
        while True:
            while data := self._gather():
                self.since = self._clock()
                await connection.send_all(data)
                self.since = math.inf
                self.queued -= len(data)
                self.on_sent()
                if self.is_full and self.queued <= FULL_BYTES // 2:
                    self.is_full = False
                    self.on_room()
            if self._ends:
                return
            self._parked = lowlevel.current_task()
            await until_woken(self._trap)

    def _unpark(self) -> None:
        self._parked = None

    def _gather(self) -> bytes:
        """Return what is sent next; nothing if nothing waits."""
        queue = self._queue
        data = b"".join(queue.values()) if len(queue) != 1 else next(iter(queue.values()))
        queue.clear()
        return data


def _nothing() -> None:
    """Do nothing, where nobody asked to be told."""
