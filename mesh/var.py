"""State that changes: a value one can read now, be told about, or wait for.

Everything runs in one thread between awaits, so nothing here needs a lock. A `Var` is set by its one owner; a `Computed`
follows the Vars it read last time, recomputes when one of them changes, and only while somebody watches it; a `Fixed`
never changes.
"""

import logging
from collections.abc import Callable
from typing import Generic, TypeVar

import trio

logger = logging.getLogger(__name__)

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
S = TypeVar("S")

Watcher = Callable[[], None]
"""Called after a change, without the value: whoever is told reads what it needs. Must not await and should not raise."""


class Readable(Generic[T_co]):
    """What can be read, watched and waited on, whether it is set or computed.

    It may be referred to weakly, so that a namer can share one among all who hold it and forget it with the last.
    """

    __slots__ = ("__weakref__",)

    @property
    def value(self) -> T_co:
        """The value now."""
        raise NotImplementedError

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Call `watcher` after every change until the function returned here is called (idempotent)."""
        raise NotImplementedError

    async def wait(self, accept: Callable[[T_co], bool]) -> T_co:
        """Return the first value, the present one included, that `accept` says yes to. Cancelling has no effect on it."""
        changed = trio.Event()

        def notify() -> None:
            nonlocal changed
            changed.set()

        unwatch = self.watch(notify)
        try:
            while not accept(value := self.value):
                await changed.wait()
                changed = trio.Event()
            return value
        finally:
            unwatch()


class _Watchers:
    """The watchers of one value; the same function may be added twice."""

    __slots__ = ("_next", "_watchers")

    def __init__(self) -> None:
        self._watchers: dict[int, Watcher] = {}
        self._next = 0

    def __len__(self) -> int:
        return len(self._watchers)

    def add(self, watcher: Watcher) -> int:
        self._next += 1
        self._watchers[self._next] = watcher
        return self._next

    def remove(self, key: int) -> bool:
        return self._watchers.pop(key, None) is not None

    def notify(self) -> None:
        for key in list(self._watchers):
            watcher = self._watchers.get(key)  # one watcher may remove another
            if watcher is not None:
                try:
                    watcher()
                except Exception:
                    logger.exception("a watcher raised")


class Fixed(Readable[T_co]):
    """A value that never changes: watching it costs nothing and tells nothing."""

    __slots__ = ("_value",)

    def __init__(self, value: T_co) -> None:
        self._value = value

    @property
    def value(self) -> T_co:
        return self._value

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        return _nothing


def _nothing() -> None:
    pass


class Var(Readable[T]):
    """A value that its owner sets. Setting an equal value is no change.

    `on_first_watch` and `on_last_unwatch` tell the owner when somebody begins and when nobody is left to watch, so that a
    namer can start and stop its own watch. `on_first_watch` is called before its watcher counts: what it sets is what
    that watcher finds, not a change; if it raises, nothing is watched.
    """

    __slots__ = ("_value", "_watchers", "on_first_watch", "on_last_unwatch")

    def __init__(self, value: T) -> None:
        self._value = value
        self._watchers = _Watchers()
        self.on_first_watch: Callable[[], None] | None = None
        self.on_last_unwatch: Callable[[], None] | None = None

    @property
    def value(self) -> T:
        return self._value

    @property
    def is_watched(self) -> bool:
        """Whether anybody watches."""
        return len(self._watchers) > 0

    def set(self, value: T) -> None:
        """Change the value and tell the watchers, in the order in which they came."""
        if value is self._value or value == self._value:
            return
        self._value = value
        self._watchers.notify()

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        if not self.is_watched and self.on_first_watch is not None:
            self.on_first_watch()
        key = self._watchers.add(watcher)

        def unwatch() -> None:
            if self._watchers.remove(key) and not self.is_watched and self.on_last_unwatch is not None:
                self.on_last_unwatch()

        return unwatch


class Reader:
    """Handed to a computation: reads a value, and makes the result depend on it."""

    __slots__ = ("_read",)

    def __init__(self, read: Callable[[Readable[object]], None] | None = None) -> None:
        self._read = read

    def __call__(self, source: Readable[S]) -> S:
        if self._read is not None:
            self._read(source)
        return source.value


MAX_ROUNDS = 100  # A computation whose own reads change what it read is looked at again, but not for ever.

_Held = dict[int, tuple[Readable[object], Callable[[], None]]]


class Computed(Readable[T]):
    """A value computed from others, recomputed when one that it read has changed, and only then.

    While nobody watches, it holds no watch on its sources and computes on every read. `compute` must be a function of
    what it reads through the `Reader` alone, and must not raise: if it does, whoever begins to watch or reads gets the
    error, and a change that leads to it is logged and changes nothing.
    """

    __slots__ = ("_compute", "_computing", "_dirty", "_held", "_value", "_watchers")

    def __init__(self, compute: Callable[[Reader], T]) -> None:
        self._compute = compute
        self._watchers = _Watchers()
        self._held: _Held = {}
        self._dirty = True
        self._computing = False
        self._value: T | None = None

    @property
    def value(self) -> T:
        if not len(self._watchers):
            return self._compute(Reader())
        return self._value  # type: ignore[return-value]  # set while there are watchers; T itself may be None

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        key = self._watchers.add(watcher)

        def unwatch() -> None:
            if self._watchers.remove(key) and not len(self._watchers):
                self._let_go()

        if len(self._watchers) == 1:
            try:
                self._refresh()
            except BaseException:
                unwatch()
                raise
        return unwatch

    def _refresh(self) -> None:
        """Compute until nothing that was read changes meanwhile; hold a watch on exactly what was read last."""
        self._computing = True
        try:
            for _round in range(MAX_ROUNDS):
                self._dirty = False
                self._compute_once()
                if not self._dirty:
                    return
            logger.warning("a computed value still changes after %d rounds; its last value is kept", MAX_ROUNDS)
        finally:
            self._computing = False

    def _compute_once(self) -> None:
        before, now = self._held, _Held()

        def read(source: Readable[object]) -> None:
            key = id(source)
            if key not in now:
                now[key] = before.pop(key) if key in before else (source, source.watch(self._source_changed))

        try:
            self._value = self._compute(Reader(read))
        except BaseException:
            self._held = before | now
            raise
        self._held = now
        for _source, unwatch in before.values():
            unwatch()

    def _source_changed(self) -> None:
        self._dirty = True
        if self._computing or not len(self._watchers):
            return
        before = self._value
        self._refresh()
        if before is not self._value and before != self._value:
            self._watchers.notify()

    def _let_go(self) -> None:
        held, self._held = self._held, {}
        self._value = None
        for _source, unwatch in held.values():
            unwatch()
