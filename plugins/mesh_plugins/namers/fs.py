"""The `io.l5d.fs` namer: a directory of files, each named like a service and listing its endpoints.

A name is matched as deep as directories go; the first file on the way is what is bound, the rest is residual. A file with
no endpoint is bound to none, and does not fall back to an alternative; taking the file away does. As in linkerd, so an
operator can say both. Source: linkerd, WatchingNamer.scala and Watcher.scala.
"""

import functools
import itertools
import math
import os
import weakref
from collections.abc import Iterator
from typing import Final

import attrs
import trio

from mesh import (
    NEG,
    Addr,
    AddrBound,
    AddrFailed,
    AddrNeg,
    BoundName,
    Computed,
    ConfigError,
    Failed,
    Leaf,
    Life,
    Looked,
    Path,
    Problem,
    Readable,
    Reader,
    addr_json,
)
from mesh_plugins.namers.config import FsConfig
from mesh_plugins.namers.hosts import Hosts, Resolve, resolved
from mesh_plugins.namers.watched_file import Directory, Listed, Missing, WatchedFile

LOOK_SECONDS: Final = 0.25
# Up to this many watched files are looked at each time, 4 ms of work; beyond, a third of them, so that a change is still
# noticed within a second. 10,000 files cost 5 % of a core.
LOOKS_AT_A_TIME: Final = 1_000
LOOKS_IN_A_ROW: Final = 200  # then others have their turn: 0.8 ms
MAX_NAMES: Final = 10_000  # that are listed

_Elems = tuple[bytes, ...]


class FsNamer:
    """See the module. One task looks at the files that somebody watches, and ends when nobody does.

    The mutable state: `_watched`, which changes when a file gets its first or loses its last watcher; `_again`, `_turn`
    and `_is_looking`, which belong to the task.
    """

    def __init__(self, config: FsConfig, prefix: Path, life: Life, resolve: Resolve | None = None) -> None:
        """Take the whole prefix of its names; raise `ConfigError` if the root is no directory."""
        if not os.path.isdir(config.root_dir):
            problem = f"{config.root_dir} is not a directory"
            raise ConfigError(Problem(problem, key="rootDir", expected="an existing directory"))
        self._prefix = prefix
        self._root = os.fsencode(os.path.abspath(config.root_dir))
        self._life = life
        self._hosts = Hosts(life, resolve)
        self._answers: weakref.WeakValueDictionary[Path, Readable[Looked]] = weakref.WeakValueDictionary()
        self._addrs: weakref.WeakValueDictionary[_Elems, Readable[Addr]] = weakref.WeakValueDictionary()
        self._files: weakref.WeakValueDictionary[_Elems, WatchedFile] = weakref.WeakValueDictionary()
        self._watched: dict[_Elems, WatchedFile] = {}
        self._again: list[WatchedFile] = []
        self._turn: list[WatchedFile] = []
        self._is_looking = False

    def lookup(self, path: Path) -> Readable[Looked]:
        """Return the file that `path` leads to, or negative."""
        answer = self._answers.get(path)
        if answer is None:
            answer = self._answers[path] = Computed(functools.partial(self._look_up, path))
        return answer

    def names(self) -> list[Path]:
        """Return the names of all files, at most 10,000, but for hidden ones, such as Kubernetes' `..data`."""
        names = itertools.islice(_files_in(self._root), MAX_NAMES)
        return [self._prefix + Path(elems) for elems in sorted(names)]

    def state(self) -> dict[str, object]:
        """Return what is known of every file that is watched, by name."""
        return {(self._prefix + Path(elems)).show(): self._state_of(elems) for elems in sorted(self._watched)}

    def _state_of(self, elems: _Elems) -> dict[str, object]:
        file = self._watched[elems]
        addr = self._addr(elems).value
        known: dict[str, object] = {"running": self._is_looking, "value": addr_json(addr)}
        if isinstance(addr, AddrBound) and addr.stale:
            known["stale"] = addr.stale
        return {"state": known, "watch": {"file": file.shown, "modified": file.modified}}

    def _look_up(self, path: Path, read: Reader) -> Looked:
        for size in range(1, len(path) + 1):
            elems = path.elems[:size]
            if not _is_file_name(elems[-1]):
                return NEG
            match read(self._file(elems)):
                case Missing():
                    return NEG
                case Directory():
                    continue
                case _:
                    return Leaf(BoundName(self._prefix + path[:size], path[size:], self._addr(elems)))
        return NEG

    def _addr(self, elems: _Elems) -> Readable[Addr]:
        addr = self._addrs.get(elems)
        if addr is None:
            addr = self._addrs[elems] = Computed(functools.partial(self._addr_now, elems))
        return addr

    def _addr_now(self, elems: _Elems, read: Reader) -> Addr:
        match read(self._file(elems)):
            case Listed(content, stale):
                if not content.names:
                    return AddrBound(content.endpoints, stale=stale)
                addr = resolved(content.endpoints, content.names, self._hosts, read)
                return attrs.evolve(addr, stale=stale) if stale and isinstance(addr, AddrBound) else addr
            case Failed(cause):
                return AddrFailed(cause)
            case _:
                return AddrNeg()

    def _file(self, elems: _Elems) -> WatchedFile:
        file = self._files.get(elems)
        if file is None:
            file = self._files[elems] = WatchedFile(self._root, os.path.join(self._root, *elems))
            file.own(functools.partial(self._begin, elems), functools.partial(self._end, elems))
        return file

    def _begin(self, elems: _Elems) -> None:
        file = self._watched[elems] = self._files[elems]
        if file.look():
            self._again.append(file)
        if self._is_looking:
            return
        try:
            self._life.start(f"namer {self._prefix}", self._look_around)
        except RuntimeError:
            return  # what was seen now is what there is: a stack file that is only explained, or a router that ends
        self._is_looking = True

    def _end(self, elems: _Elems) -> None:
        del self._watched[elems]

    async def _look_around(self) -> None:
        while self._watched:
            await trio.sleep(LOOK_SECONDS)
            due, self._again = [*self._again, *self._due()], []
            for number, file in enumerate(due, 1):
                if file.look():
                    self._again.append(file)
                if number % LOOKS_IN_A_ROW == 0:
                    await trio.lowlevel.checkpoint()
        self._again, self._turn = [], []
        self._is_looking = False

    def _due(self) -> list[WatchedFile]:
        """Return the files whose turn it is: all, or of many a third."""
        if not self._turn:
            self._turn = list(self._watched.values())
        count = max(LOOKS_AT_A_TIME, math.ceil(len(self._watched) / 3))
        due, self._turn = self._turn[:count], self._turn[count:]
        return due


def _is_file_name(elem: bytes) -> bool:
    return elem not in (b".", b"..") and b"/" not in elem and b"\0" not in elem


def _files_in(root: bytes) -> Iterator[_Elems]:
    """Walk the files below `root`; symbolic links are followed unless they lead outside or to where the walk was."""
    real_root = os.path.realpath(root)
    todo: list[_Elems] = [()]
    seen = {real_root}
    while todo:
        elems = todo.pop()
        try:
            entries = sorted(os.listdir(os.path.join(root, *elems)))
        except OSError:
            continue  # it was there a moment ago, or is not for us
        for name in entries:
            real = os.path.realpath(os.path.join(root, *elems, name))
            if name.startswith(b".") or not real.startswith(os.path.join(real_root, b"")):
                continue
            if os.path.isfile(real):
                yield (*elems, name)
            elif os.path.isdir(real) and real not in seen:
                seen.add(real)
                todo.append((*elems, name))
