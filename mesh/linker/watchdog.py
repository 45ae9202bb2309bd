"""The watchdog of the event loop: says which code keeps everything else waiting.

One thread serves all requests, so that a filter which computes for long, or calls something that blocks, holds all of them
up. A task tells the time every 50 ms; a thread of its own looks at it as often, and if it is older than a stall may be, logs
what the thread of the loop is doing. Both together take less than 0.1 % of a core.
"""

import contextlib
import logging
import math
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator

import trio

from mesh.metrics import Metrics

logger = logging.getLogger(__name__)

BEAT_SECONDS = 0.05
STALL_SECONDS = 0.1
QUIET_SECONDS = 10.0  # between two stacks in the log: code that stalls does so with every request
FRAMES = 30  # of the stack, the innermost ones


class Watchdog:
    """Knows when the loop was last alive.

    The loop's thread writes `_alive` and nothing else; the watching thread writes the rest, and the counter.
    """

    def __init__(self, metrics: Metrics, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._alive = math.inf  # until the first beat
        self._looked = self._quiet_until = clock()
        self._stalled_since = -1.0
        self._unsaid = 0
        self._stalls = metrics.counter("runtime", "stalls")
        self._thread = threading.get_ident()
        self._end = threading.Event()

    def beat(self) -> None:
        """Take note that the loop is alive."""
        self._alive = self._clock()

    async def run(self) -> None:
        """Beat, for ever."""
        while True:
            self.beat()
            await trio.sleep(BEAT_SECONDS)

    def look(self) -> None:
        """Log the stack of the loop's thread if it has stalled: once in each stall, and not too often.

        A look that comes late itself says nothing: the whole process was stopped, or code did not let go of the interpreter.
        """
        now = self._clock()
        late, self._looked = now - self._looked - BEAT_SECONDS, now
        alive = self._alive
        if now - alive < BEAT_SECONDS + STALL_SECONDS or late > STALL_SECONDS or self._stalled_since == alive:
            return
        self._stalled_since = alive
        self._stalls.value += 1
        if now < self._quiet_until:
            self._unsaid += 1
            return
        self._quiet_until = now + QUIET_SECONDS
        frame = sys._current_frames().get(self._thread)
        stack = "".join(traceback.format_stack(frame)[-FRAMES:]) if frame is not None else ""
        more = f" ({self._unsaid} more since the last time)" if self._unsaid else ""
        self._unsaid = 0
        logger.warning(
            "all requests have waited for %.0f ms%s for code that does not await:\n%s", (now - alive) * 1e3, more, stack
        )

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Look from time to time, from a thread of its own, until the end of the block."""
        thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._end.set()
            thread.join()

    def _watch(self) -> None:
        while not self._end.wait(BEAT_SECONDS):
            self.look()
