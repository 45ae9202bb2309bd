"""A log file: opened when it is first written to, rolled by a policy, opened anew when somebody moved it away.

Several writers may share one file, those of other processes too: it is opened for appending, each write is a whole number of
lines, and only a file that still has its name is renamed. Source: com.twitter.logging, FileHandler.scala.
"""

import contextlib
import math
import os
import re
import stat
from pathlib import Path as FilePath

from mesh_plugins.access_log.rolling import NEVER, RollPolicy

STANDARD = {"/dev/stdout": 1, "/dev/stderr": 2}
LOOK_SECONDS = 1.0  # how often it is looked whether the file still has its name
_BEGUN: set[str] = set()  # paths that this process has written to: a reload begins none of them anew
_WHEN = r"-[0-9]{4}([0-9]{4}(-[0-9]{2}([0-9]{4})?)?)?(\.[0-9]+)?"


class LogFile:
    """See the module. Used by one thread at a time; times are seconds since 1970.

    The mutable state: `_fd` is -1 while no file is open, `_opened`, `_rolls` and `_looked` are times of it.
    """

    def __init__(self, path: str, policy: RollPolicy = NEVER, *, append: bool = True, keep: int = -1) -> None:
        """Take the path; `append` to what is there or begin it anew, once in a process; `keep` so many rolled files, or all."""
        self._path = path
        self._policy = policy
        self._append = append
        self._keep = keep
        self._fd = -1
        self._is_plain = False
        self._opened = 0.0
        self._rolls = math.inf
        self._looked = 0.0

    def write(self, data: bytes, now: float) -> None:
        """Write whole lines. Raises `OSError`; then nothing more than a part of `data` was written."""
        if self._fd >= 0 and self._is_plain:
            self._look(len(data), now)
        if self._fd < 0:
            self._open(now)
        view = memoryview(data)
        while view:
            view = view[os.write(self._fd, view) :]

    def close(self) -> None:
        """Let go of the file; the next write opens it again, under its name."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _open(self, now: float) -> None:
        standard = STANDARD.get(self._path)
        if standard is not None:
            self._fd = os.dup(standard)  # opening it would fail where it is a socket, such as systemd's journal
            return
        beginning = 0 if self._append or self._path in _BEGUN else os.O_TRUNC
        self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | beginning, 0o644)
        _BEGUN.add(self._path)
        self._is_plain = stat.S_ISREG(os.fstat(self._fd).st_mode)
        self._opened = self._looked = now
        self._rolls = self._policy.next_roll(now)

    def _look(self, more: int, now: float) -> None:
        """Roll the file if it is time or there is no room, and let go of it if it has lost its name."""
        size, most = 0, self._policy.max_bytes
        if most is not None:
            size = os.fstat(self._fd).st_size
        is_due = now >= self._rolls or (most is not None and size > 0 and size + more > most)
        if is_due or now - self._looked >= LOOK_SECONDS or now < self._looked:
            self._looked = now
            if self._has_name():
                if is_due:
                    self._roll()
            else:
                self.close()

    def _has_name(self) -> bool:
        try:
            return os.path.samestat(os.stat(self._path), os.fstat(self._fd))
        except FileNotFoundError:
            return False

    def _roll(self) -> None:
        path = FilePath(self._path)
        name = f"{path.stem}-{self._policy.suffix(self._opened)}"
        target, number = path.with_name(name + path.suffix), 1
        while target.exists():  # a second file in the same second: linkerd's replaced the first
            target = path.with_name(f"{name}.{number}{path.suffix}")
            number += 1
        path.rename(target)
        self.close()
        self._forget_old(path)

    def _forget_old(self, path: FilePath) -> None:
        """Delete the oldest rolled files beyond those that are kept."""
        if self._keep < 0:
            return
        ours = re.compile(re.escape(path.stem) + _WHEN + re.escape(path.suffix))
        rolled = [file for file in path.parent.iterdir() if ours.fullmatch(file.name)]
        rolled.sort(key=lambda file: (file.stat().st_mtime_ns, file.name))
        for file in rolled[: len(rolled) - self._keep]:
            with contextlib.suppress(FileNotFoundError):
                file.unlink()
