"""The stacks that a branch point has built: found by key, leased while in use, closed when nobody needs them.

Theory of operation. Each branch has a life of its own under the branch point's. A request holds a lease from before its
call until its reply is closed. A sweep every quarter of the idle time closes branches that no request used since the
sweep before the last four, and that hold no lease. Where there is no room, a branch that was idle for a whole sweep makes
some; if none was, a key gets a one-shot branch, which is closed with its only reply, so that inventing names costs no memory,
and pushes out nothing that is used. Source: finagle-core, BindingFactory.scala and ServiceFactoryCache.
"""

import logging
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Generic, TypeVar

import attrs
import trio

from mesh.errors import Unavailable
from mesh.life import Life
from mesh.message import Reply, Request
from mesh.service import AnyService

logger = logging.getLogger(__name__)

K = TypeVar("K", bound=Hashable)

SWEEPS = 4  # sweeps within the idle time: a branch is closed between 1 and 1.25 idle times after its last use


@attrs.define(eq=False)
class BranchCounts:
    """What a cache has seen; each number only grows."""

    misses: int = 0
    expires: int = 0
    evicts: int = 0
    oneshots: int = 0


class Branch:
    """One built stack, as a service that holds a lease for each call until the reply is closed.

    `in_use` counts leases; `release` gives one back.
    """

    __slots__ = ("_unused_sweeps", "in_use", "life", "one_shot", "service", "used")

    def __init__(self, service: AnyService, life: Life, *, one_shot: bool = False) -> None:
        self.service = service
        self.life = life
        self.one_shot = one_shot
        self.in_use = 0
        self.used = True
        self._unused_sweeps = 0

    async def __call__(self, request: Request, /) -> Reply:
        self.in_use += 1
        service = self.service
        try:
            reply: Reply = await service(request)
        except BaseException:
            self.release()
            raise
        if not reply.whole:
            reply.on_close(self.release)
        elif self.one_shot:
            self.release()
        else:  # `release` without the call, which takes 70 ns
            self.in_use -= 1
            self.used = True
        return reply

    def release(self) -> None:
        """Give one lease back."""
        self.in_use -= 1
        self.used = True
        if self.one_shot and not self.in_use:
            self.life.close()

    def is_idle(self) -> bool:
        """Note a sweep; return whether the branch was neither used nor leased for `SWEEPS` of them."""
        if self.used or self.in_use:
            self.used = False
            self._unused_sweeps = 0
        else:
            self._unused_sweeps += 1
        return self._unused_sweeps >= SWEEPS

    def may_go(self) -> bool:
        """Return whether the branch was neither used nor leased since the sweep before the last."""
        return not self.used and not self.in_use and self._unused_sweeps > 0


class Branches(Generic[K]):
    """The branches of one branch point, by key. `build(key, life, one_shot)` builds one; it never awaits."""

    def __init__(
        self,
        life: Life,
        name: str,
        build: Callable[[K, Life, bool], AnyService],
        *,
        capacity: int = 1000,
        idle_seconds: float = 600.0,
        counts: BranchCounts | None = None,
    ) -> None:
        """Take the life that owns what is built; several branch points may share `counts`."""
        self._life = life
        self._name = name
        self._build = build
        self._capacity = capacity
        self._idle_seconds = idle_seconds
        self._branches: dict[K, Branch] = {}
        self._sweeping = False
        self._heir: Branches[K] | None = None
        self._idle: list[K] = []  # what the last sweep found idle, and may have been used since
        self.counts = BranchCounts() if counts is None else counts
        self.find = self._branches.get
        """Return the branch of a key, or None: the fast half of `get`."""

    def get(self, key: K) -> Branch:
        """Return the branch of `key`, building it if need be; whoever calls it does so before awaiting anything else.

        Raises what `build` raises, and `Unavailable` when the branch point's life has ended.
        """
        return self._branches.get(key) or self._miss(key)

    def _miss(self, key: K) -> Branch:
        if self._life.closed:
            raise Unavailable(f"{self._name} {key}: this part of the router is shut down")
        inherited = None if self._heir is None else self._heir.find(key)
        if inherited is not None:
            return inherited
        self.counts.misses += 1
        one_shot = len(self._branches) >= self._capacity and not self._evict()
        life = self._life.child(f"{self._name} {key}")
        try:
            branch = Branch(self._build(key, life, one_shot), life, one_shot=one_shot)
            if not one_shot and not self._sweeping:
                self._life.start(f"{self._name}: expiry", self._sweep)
                self._sweeping = True
        except BaseException:
            life.close()
            raise
        other = self._branches.get(key)
        if other is not None:  # building it led to a change that needed, and built, the same branch
            life.close()
            return other
        if one_shot:
            self.counts.oneshots += 1
        else:
            self._branches[key] = branch
        return branch

    def take_over(self, other: "Branches[K]", accept: Callable[[K], bool]) -> None:
        """Take the branches that `accept` says yes to from a branch point whose place this one takes.

        They live on, leases and all; `other` finds them here from now on.
        """
        for key, branch in other.items():
            if len(self._branches) < self._capacity and key not in self._branches and accept(key):
                del other._branches[key]
                self._branches[key] = branch
                self._life.adopt(branch.life)
        other._heir = self
        other._life.on_close(other._disinherit)
        if self._branches and not self._sweeping:
            self._life.start(f"{self._name}: expiry", self._sweep)
            self._sweeping = True

    def _disinherit(self) -> None:
        """Know the heir no more, or whatever still refers to this would keep all those that came after it in memory."""
        self._heir = None

    def warm(self, keys: Iterable[K]) -> Iterator[None]:
        """Build the branches of these keys that are not there, one each step, as far as there is room.

        One that cannot be built is left to the first request for it, which gets the error.
        """
        for key in keys:
            if self._life.closed or len(self._branches) >= self._capacity:
                return
            if key not in self._branches:
                try:
                    self._miss(key)
                except Exception:
                    logger.debug("%s %s cannot be built yet", self._name, key, exc_info=True)
            yield

    async def _sweep(self) -> None:
        """Close idle branches from time to time; ends when none is left."""
        try:
            while self._branches:
                await trio.sleep(self._idle_seconds / SWEEPS)
                for key in [key for key, branch in self._branches.items() if branch.is_idle()]:
                    self.counts.expires += 1
                    self._branches.pop(key).life.close()
                self._idle = [key for key, branch in self._branches.items() if branch.may_go()]
        finally:
            self._sweeping = False

    def _evict(self) -> bool:
        """Close a branch that nobody has used since the sweep before the last; return whether there was one."""
        while self._idle:
            key = self._idle.pop()
            branch = self._branches.get(key)
            if branch is not None and branch.may_go():
                self.counts.evicts += 1
                self._branches.pop(key).life.close()
                return True
        return False

    def __len__(self) -> int:
        return len(self._branches)

    def items(self) -> list[tuple[K, Branch]]:
        """Return the branches there are now."""
        return list(self._branches.items())
