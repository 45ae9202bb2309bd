"""Writing the access log: a bounded queue of lines, and a thread that waits for the disk.

Theory of operation. A line is made when its reply has ended, by the event loop: what it tells of is at hand then, and need not
be kept. A thread would make it no sooner, since only one of both can run at a time, and the loop would wait for it. The
thread sleeps until the first line, lets more come for a moment, and writes all of them at once. Either side says what it does
before it looks at what the other said (`_idle`, the queue), so nothing is forgotten. A full queue drops and counts.
"""

import atexit
import logging
import threading
import time
from collections import deque
from collections.abc import Callable

from mesh_plugins.access_log.exchange import Exchange
from mesh_plugins.access_log.logfile import LogFile

logger = logging.getLogger(__name__)

GATHER_SECONDS = 0.05  # at full load some 500 lines: the threads need not take turns more often for them
SLICE = 1024  # lines of one write, some 50 µs of the interpreter's lock
FINISH_SECONDS = 2.0  # that the end of the process waits for a disk

Show = Callable[[Exchange], str]
"""Returns the line of an exchange, without its end."""


class Writer:
    """Writes exchanges to a file. `lines` are those written, `dropped` those that are lost.

    `put`, `reopen` and `close` belong to the event loop, all else to the thread.
    """

    def __init__(self, file: LogFile, show: Show, max_queued: int) -> None:
        self._file = file
        self._show = show
        self._most = max_queued
        self._queue: deque[str] = deque()
        self._idle = True
        self._closing = False
        self._reopening = False
        self._failing = False
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._overflow = 0
        self._failed = 0
        self.lines = 0

    @property
    def dropped(self) -> int:
        """Lines that are lost: the queue was full, or the file could not be written."""
        return self._overflow + self._failed

    def put(self, exchange: Exchange) -> None:
        """Have an exchange written soon. Never blocks."""
        queue = self._queue
        if len(queue) >= self._most:
            self._overflow += 1
            return
        try:
            queue.append(self._show(exchange))
        except Exception:
            logger.exception("a line of the access log cannot be made")
            queue.append("-")
        if self._idle:
            self._rouse()

    def reopen(self) -> None:
        """Have the file opened again under its name, once what is in the queue now is written: it was moved away."""
        self._reopening = True
        if self._idle:
            self._rouse()

    def close(self) -> None:
        """Have what is in the queue written, and the file closed; returns at once."""
        self._closing = True
        if self._idle and self._thread is not None:
            self._rouse()

    def join(self, seconds: float) -> bool:
        """Wait until the thread has ended, after `close`; return whether it has."""
        thread = self._thread
        if thread is not None:
            thread.join(seconds)
        return thread is None or not thread.is_alive()

    def _rouse(self) -> None:
        self._idle = False
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="access log", daemon=True)
            atexit.register(self._finish)
            self._thread.start()
        self._wake.set()

    def _finish(self) -> None:
        """End with the process, which may not wait for ever."""
        self.close()
        self.join(FINISH_SECONDS)

    def _run(self) -> None:
        while not (self._closing and not self._queue):
            if not self._closing:
                time.sleep(GATHER_SECONDS)
            self._drain()
            if self._reopening:
                self._reopening = False
                self._file.close()
            self._idle = True
            if self._queue or self._closing or self._reopening:
                self._idle = False
                continue
            self._wake.wait()
            self._wake.clear()
        self._idle = True
        self._file.close()
        atexit.unregister(self._finish)

    def _drain(self) -> None:
        queue = self._queue
        while queue:
            lines = [queue.popleft() for _number in range(min(SLICE, len(queue)))]
            try:
                self._file.write("\n".join([*lines, ""]).encode("utf-8", "backslashreplace"), time.time())
            except OSError as error:
                self._failed += len(lines)
                self._file.close()
                if not self._failing:
                    logger.warning("the access log cannot be written: %s", error)
                self._failing = True
            else:
                self.lines += len(lines)
                self._failing = False
