"""Who owns what a module starts: tasks, and clean-up, as long as the part of the stack they belong to lives."""

import logging
import random
from collections.abc import Awaitable, Callable

import trio

from mesh.params import Param

logger = logging.getLogger(__name__)

RESTART_SECONDS = (0.1, 30.0)  # first and longest pause before a task that raised is started again


class Life:
    """The owner of tasks and clean-up; a tree, so that closing a branch closes all that was built under it.

    The mutable state is the children and the clean-up functions; it changes only between awaits.
    """

    __slots__ = ("_children", "_closers", "_nursery", "_parent", "_scopes", "closed", "name")

    def __init__(self, nursery: trio.Nursery | None, name: str = "", parent: "Life | None" = None) -> None:
        self._nursery = nursery
        self._parent = parent
        self._children: dict[Life, None] = {}  # in order of birth
        self._closers: list[Callable[[], None]] = []
        self._scopes: set[trio.CancelScope] = set()
        self.name = name
        self.closed = False

    def child(self, name: str) -> "Life":
        """Return a life that ends with this one at the latest: one that has ended already, if this one has."""
        child = Life(self._nursery, name, self)
        if self.closed:
            child.closed = True
        else:
            self._children[child] = None
        return child

    def adopt(self, child: "Life") -> None:
        """Take over a life from its parent: it now ends with this one at the latest. Neither has ended."""
        if child._parent is not None:
            child._parent._children.pop(child, None)
        child._parent = self
        self._children[child] = None

    def on_close(self, closer: Callable[[], None]) -> None:
        """Call `closer` once when this life ends (at once if it has ended), last registered first. It must not await."""
        if self.closed:
            self._call(closer)
        else:
            self._closers.append(closer)

    def start(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """Run a background task until it returns or this life ends.

        A task that raises is logged under `name` and started again after a growing, jittered pause; it never brings
        down anything else. Raises `RuntimeError` if this life has ended or owns no nursery.
        """
        if self.closed or self._nursery is None:
            raise RuntimeError(f"{name}: this life cannot start tasks")
        self._nursery.start_soon(self._supervise, name, run, name=name)

    def spawn(self, name: str, run: Callable[[], Awaitable[None]]) -> trio.CancelScope:
        """Run a task once, until it returns, this life ends, or the scope returned here is cancelled.

        `run` handles its own errors: one that gets out is logged under `name`. Raises as `start` does.
        """
        if self.closed or self._nursery is None:
            raise RuntimeError(f"{name}: this life cannot start tasks")
        scope = trio.CancelScope()
        self._scopes.add(scope)
        self._nursery.start_soon(self._run_once, name, run, scope, name=name)
        return scope

    async def _run_once(self, name: str, run: Callable[[], Awaitable[None]], scope: trio.CancelScope) -> None:
        try:
            with scope:
                await run()
        except Exception:
            logger.exception("%s: task failed", name)
        finally:
            self._scopes.discard(scope)

    async def _supervise(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        first, longest = RESTART_SECONDS
        pause = first
        with trio.CancelScope() as scope:
            if self.closed:
                return
            self._scopes.add(scope)
            try:
                while True:
                    started = trio.current_time()
                    try:
                        await run()
                    except Exception:
                        if trio.current_time() - started > longest:
                            pause = first
                        logger.exception("%s: task failed; started again in %.1f s", name, pause)
                    else:
                        return
                    await trio.sleep(pause * random.uniform(0.5, 1.0))
                    pause = min(pause * 2, longest)
            finally:
                self._scopes.discard(scope)

    def close(self) -> None:
        """End this life and those under it: cancel their tasks, then run the clean-up. Idempotent; never blocks.

        Children end first, the youngest before the others.
        """
        if self.closed:
            return
        self.closed = True
        if self._parent is not None:
            self._parent._children.pop(self, None)
        for child in reversed(list(self._children)):
            child.close()
        for scope in self._scopes:
            scope.cancel()
        closers, self._closers = self._closers, []
        for closer in reversed(closers):
            self._call(closer)

    def _call(self, closer: Callable[[], None]) -> None:
        try:
            closer()
        except Exception:
            logger.exception("%s: clean-up raised", self.name)


LIFE = Param(Life(None, "detached"), "life")
"""The life that owns what a module starts; the default one can start nothing."""
