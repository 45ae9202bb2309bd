"""What is made of files, and made anew when they have changed.

Theory of operation. Nobody watches: whoever uses the value asks for it, and at most once a second the files are looked at
first, which costs a `stat` each (4 µs). That finds a file that was written in place, renamed over, or whose symbolic link
was swapped. A file that changed just before it was read may change again without a trace in its times, so it is read
once more at the next look. What cannot be used (a pair of files is often replaced one after the other) is said to be
wrong if the next look finds it so too; the last good value stays.
"""

import hashlib
import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Generic, TypeVar

import trio

logger = logging.getLogger(__name__)

LOOK_SECONDS: Final = 1.0
FRESH_SECONDS: Final = 2.0  # a file younger than this may change without a trace; coarse clocks tick once a second
MAX_BYTES: Final = 4 << 20  # of one file; the roots of a whole system have 0.3 MiB

T = TypeVar("T")


class UnusableFilesError(Exception):
    """No good value was ever made; the message says of which file, and why."""


class Reloading(Generic[T]):
    """The value that `make` returns for the contents of some files, by their paths.

    `make` raises `ValueError` for contents that are no good. `value` is the last good one, None before. `problem` says why it
    is not of what the files hold now; `reloads` and `failures` count how often they changed for the better and for the
    worse. State changes in `look`.
    """

    def __init__(self, title: str, paths: Sequence[str], make: Callable[[Mapping[str, bytes]], T]) -> None:
        """`title` is what the log calls it."""
        self._title = title
        self._paths = tuple(paths)
        self._make = make
        self.value: T | None = None
        self._seen: object = None  # the files' times, sizes and identities when they were last read
        self._digest = b""
        self._settled = True
        self._doubted = ""
        self._next_look = 0.0
        self.problem = ""
        self.reloads = self.failures = 0

    def current(self) -> T:
        """Return the value for what the files hold, or held when they were last good. Raises `UnusableFilesError`."""
        now = trio.current_time()
        if now >= self._next_look:
            self._next_look = now + LOOK_SECONDS
            self.look()
        if self.value is None:
            raise UnusableFilesError(self.problem)
        return self.value

    def look(self) -> None:
        """Look at the files now."""
        try:
            seen = [_signature(path) for path in self._paths]
            if seen == self._seen and self._settled:
                return
            contents = {path: _read(path) for path in self._paths}
            digest = hashlib.sha256(repr(contents).encode()).digest()
            if self.value is None or digest != self._digest:
                self._take(self._make(contents), digest)
        except (OSError, ValueError) as error:
            self._fail(_shown(error))
            return
        if self.problem:
            logger.info("%s: good again", self._title)
        self.problem = self._doubted = ""
        self._seen = seen
        self._settled = time.time_ns() - max((max(times[:2]) for times in seen), default=0) > FRESH_SECONDS * 1e9

    def _take(self, value: T, digest: bytes) -> None:
        if self.value is not None:
            self.reloads += 1
            logger.info("%s: reloaded", self._title)
        self.value, self._digest = value, digest

    def _fail(self, cause: str) -> None:
        self._seen = None
        if self.value is not None and self._doubted != cause:
            self._doubted = cause
        elif self.problem != cause:
            self.problem = cause
            self.failures += 1
            keeps = "" if self.value is None else "; the last good files stay in use"
            logger.warning("%s: %s%s", self._title, cause, keeps)


def _signature(path: str) -> tuple[int, int, int, int, int]:
    status = os.stat(path)
    return (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino, status.st_dev)


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ValueError(f"{path}: more than {MAX_BYTES} bytes")
    return content


def _shown(error: Exception) -> str:
    return f"{error.filename}: {error.strerror}" if isinstance(error, OSError) and error.filename else str(error)
