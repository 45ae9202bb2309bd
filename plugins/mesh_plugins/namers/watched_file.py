"""One file that endpoints are read from, or the place where it may appear: what is there, and how that is noticed.

Files are looked at, not announced: a `stat` finds every kind of change (written in place, renamed over, the target of a
symlink swapped) on every file system, and costs 4 µs. Two looks are better than one in two cases. A change in the same
clock tick as the one before leaves no trace in the file's times, so a changed file is read again at the next look. And
most editors and scripts remove or truncate a file before they write it, so one that vanished or was emptied is believed
when the next look finds it so. Reading is synchronous: it takes less time than a thread takes to start, and a name is
bound at once.
"""

import errno
import logging
import os
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import attrs

from mesh import Failed, Readable, Var
from mesh_plugins.namers.endpoint_list import EndpointList, read_endpoints

logger = logging.getLogger(__name__)

MAX_BYTES: Final = 500 * 1000  # linkerd's limit

_NOT_THERE: Final = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG)


@attrs.frozen
class Missing:
    """There is no file, and no directory either."""


@attrs.frozen
class Directory:
    """There is a directory, so the name is longer."""


@attrs.frozen(eq=False)
class Listed:
    """There is a file; `stale` says why this is not what it holds now but the last good content."""

    content: EndpointList
    stale: str = ""


Look = Missing | Directory | Listed | Failed

_Seen = tuple[int, int, int, int, int]


class WatchedFile(Readable[Look]):
    """What is at one place below a root directory.

    It is looked at when it is read or begins to be watched; from then on whoever owns it calls `look` again and again.
    The mutable state changes in `look` alone.
    """

    __slots__ = ("_digest", "_doubted", "_place", "_root", "_seen", "_settled", "_told", "_var")

    def __init__(self, root: bytes, place: bytes) -> None:
        """Take the root directory, which nothing outside is read from, and the place in it."""
        self._root = root
        self._place = place
        self._var: Var[Look] = Var(Missing())
        self._seen: _Seen | None = None  # the file's times, size and identity when it was last read
        self._settled = False  # whether it was read twice since then
        self._doubted = False  # whether the last look found less than the one before
        self._digest = 0
        self._told = ""

    def own(self, begin: Callable[[], None], end: Callable[[], None]) -> None:
        """Call `begin` when the file begins to be watched, `end` when nobody does any more."""
        self._var.on_first_watch = begin
        self._var.on_last_unwatch = end

    @property
    def shown(self) -> str:
        """The place, as text."""
        return os.fsdecode(self._place)

    @property
    def modified(self) -> str | None:
        """When the file that was read last was modified, in UTC; None if there is none."""
        if self._seen is None:
            return None
        return datetime.fromtimestamp(self._seen[0] / 1e9, UTC).isoformat(timespec="milliseconds")

    @property
    def value(self) -> Look:
        if not self._var.is_watched:
            self.look()
        return self._var.value

    def watch(self, watcher: Callable[[], None]) -> Callable[[], None]:
        return self._var.watch(watcher)

    def look(self) -> bool:
        """Look what is there now; return whether to look again soon, since this look alone does not decide."""
        try:
            status = os.stat(self._place)
        except OSError as error:
            return self._look_at_nothing(error)
        if not stat.S_ISREG(status.st_mode):
            return self._lose(Directory() if stat.S_ISDIR(status.st_mode) else Missing())
        seen = (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino, status.st_dev)
        if seen == self._seen:
            self._doubted = False
            if self._settled:
                return False
            self._settled = True
        elif status.st_size == 0 and self._doubt():
            return True
        else:
            self._seen = seen
            self._settled = False
        self._doubted = False
        self._read()
        return self._seen is not None and not self._settled

    def _look_at_nothing(self, error: OSError) -> bool:
        if error.errno in _NOT_THERE and (self._content is None or os.path.isdir(self._root)):
            return self._lose(Missing())
        gone = error.errno in _NOT_THERE
        self._seen = None
        self._cannot_tell(f"{os.fsdecode(self._root)}: the directory is gone" if gone else _text(self._place, error))
        return False

    def _lose(self, look: Missing | Directory) -> bool:
        if self._doubt():
            return True
        self._doubted = False
        self._seen = None
        self._var.set(look)
        return False

    def _doubt(self) -> bool:
        """Return whether this is the first look that finds less than there was."""
        first = self._content is not None and bool(self._content.endpoints) and not self._doubted
        self._doubted = first
        return first

    @property
    def _content(self) -> EndpointList | None:
        look = self._var.value
        return look.content if isinstance(look, Listed) else None

    def _read(self) -> None:
        real = os.path.realpath(self._place)
        if not real.startswith(os.path.join(os.path.realpath(self._root), b"")):
            self._tell(f"{os.fsdecode(self._place)}: leads outside {os.fsdecode(self._root)}, so it is not there")
            self._var.set(Missing())
            return
        try:
            with open(real, "rb") as file:
                content = file.read(MAX_BYTES + 1)
        except OSError as error:
            self._seen = None
            self._cannot_tell(_text(self._place, error))
            return
        if len(content) > MAX_BYTES:
            self._cannot_tell(f"{os.fsdecode(self._place)}: more than {MAX_BYTES} bytes")
            return
        digest, before = hash(content), self._var.value
        if digest != self._digest or not isinstance(before, Listed) or before.stale:
            self._digest = digest
            self._take(read_endpoints(content))

    def _take(self, content: EndpointList) -> None:
        if content.malformed is None:
            self._told = ""
            self._var.set(Listed(content))
            return
        cause = f"{os.fsdecode(self._place)}: malformed address: {content.malformed}"
        if self._content is None and content.endpoints:  # better the good lines than nothing
            self._tell(cause)
            self._var.set(Listed(content))
        else:
            self._cannot_tell(cause)

    def _cannot_tell(self, cause: str) -> None:
        self._tell(cause)
        content, now = self._content, self._var.value
        if content is None:
            self._var.set(Failed(cause))
        elif isinstance(now, Listed) and now.stale != cause:
            self._var.set(Listed(content, cause))

    def _tell(self, cause: str) -> None:
        if cause != self._told:
            self._told = cause
            logger.warning("%s", cause)


def _text(place: bytes, error: OSError) -> str:
    return f"{os.fsdecode(place)}: {error.strerror or error}"
