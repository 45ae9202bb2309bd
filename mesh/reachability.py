"""Whether an endpoint can be connected to: what balancers are told while it cannot, and the attempts in the background.

Theory of operation. A connect that fails makes the endpoint busy at once, and a task goes on trying in the background; the
first connect that succeeds, whoever's it is, makes the endpoint open again. A connect that its call gave up (since its
time was over, or its client left) says nothing by itself, and may be one of many that are given up too early: one attempt
in the background, as patient as connecting is, finds out. Source: finagle-core, service/FailFastFactory.scala.
"""

import random
from collections.abc import Awaitable, Callable, Iterator

import attrs
import trio

from mesh.endpoint import Endpoint, Health, Status
from mesh.errors import FailedFast, MeshError, Overloaded
from mesh.life import Life

RECONNECT_SECONDS = (0.25, 16.0)  # first and longest pause between background attempts; doubled and jittered
FAIL_FAST_SECONDS = (1.0, 32.0)  # the same with fail-fast: Finagle's, exponentially jittered

Schedule = Callable[[], Iterator[float]]
"""Begins a series of pauses, in seconds; when it ends, the endpoint is taken to be well."""


def reconnecting() -> Iterator[float]:
    """Yield pauses that double, jittered, up to the longest."""
    pause, longest = RECONNECT_SECONDS
    while True:
        yield pause * random.uniform(0.5, 1.0)
        pause = min(pause * 2, longest)


def failing_fast() -> Iterator[float]:
    """Yield Finagle's pauses: each random, below the one before times a growing power of two, until that is the longest."""
    pause, longest = FAIL_FAST_SECONDS
    power = 1
    yield pause
    while (cap := pause * 2.0**power) < longest:
        pause = random.uniform(0.0, cap)
        power += 1
        yield pause
    while True:
        yield longest


@attrs.define(eq=False)
class ReachCounts:
    """What the endpoints of one client have gone through; `dead` holds those that cannot be connected to now."""

    marked_dead: int = 0
    marked_available: int = 0
    dead: set["Reachability"] = attrs.field(factory=set)


class Reachability:
    """What is known of connecting to one endpoint.

    `attempt` opens a session for nobody in particular; it returns false if it could not try, and raises what connecting
    raises. With `refuses`, calls that need a new connection fail at once while the endpoint is dead. State: since when
    it is dead, and how often it was tried since; the task that tries, if any. It changes only between awaits.
    """

    __slots__ = (
        "_attempt",
        "_begin",
        "_cause",
        "_counts",
        "_endpoint",
        "_health",
        "_life",
        "_trying",
        "refuses",
        "since",
        "tries",
    )

    def __init__(
        self,
        endpoint: Endpoint,
        health: Health,
        life: Life,
        counts: ReachCounts,
        attempt: Callable[[], Awaitable[bool]],
        *,
        refuses: bool = False,
        begin: Schedule | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._health = health
        self._life = life
        self._counts = counts
        self._attempt = attempt
        self._begin = begin or (failing_fast if refuses else reconnecting)
        self._cause = ""
        self._trying = False
        self.refuses = refuses
        self.since: float | None = None
        self.tries = 0
        life.on_close(lambda: counts.dead.discard(self))

    @property
    def seconds(self) -> float:
        """For how long the endpoint has been dead; 0 if it is not."""
        return 0.0 if self.since is None else trio.current_time() - self.since

    def check(self) -> None:
        """Raise `FailedFast` if connecting is not worth a try."""
        if self.refuses and self.since is not None:
            raise FailedFast(
                f"{self._endpoint} is known to be down ({self._cause}); it is reconnected to in the background"
            )

    def failed(self, error: MeshError) -> None:
        """Take note that a connect failed: keep balancers away until one has succeeded."""
        self._cause = str(error)
        if self.since is None:
            self.since = trio.current_time()
            self._counts.marked_dead += 1
            self._counts.dead.add(self)
        self._health.say("connect", Status.BUSY)
        self._start(self._reconnect)

    def succeeded(self) -> None:
        """Take note that a connect succeeded."""
        self._counts.marked_available += self.since is not None
        self._forgive()

    def _forgive(self) -> None:
        """Let balancers have the endpoint again."""
        self.since = None
        self.tries = 0
        self._counts.dead.discard(self)
        self._health.say("connect", Status.OPEN)

    def given_up(self) -> None:
        """Take note that a call did not wait for its connect: find out in the background whether that was the endpoint."""
        self._start(self._find_out)

    def _start(self, run: Callable[[], Awaitable[None]]) -> None:
        if not self._trying and not self._life.closed:
            self._trying = True
            self._life.start(f"reconnect {self._endpoint}", run)

    async def _find_out(self) -> None:
        """Try once; if that fails, as long as it takes."""
        try:
            await self._attempt()
        except Overloaded:
            pass  # a limit of ours: that says nothing about the endpoint
        except MeshError:
            await self._reconnect()
        finally:
            self._trying = False

    async def _reconnect(self) -> None:
        """Try to connect from time to time until somebody has succeeded."""
        self._trying = True  # also when this task is started again, after an error
        try:
            for pause in self._begin():
                await trio.sleep(pause)
                if self.since is None:
                    return
                try:
                    if await self._attempt():
                        return
                except MeshError:
                    self.tries += 1
            self._forgive()  # and nobody counts it as available: the next call finds out
        finally:
            self._trying = False
