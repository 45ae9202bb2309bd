"""The tasks that answer the streams of one connection: kept for the next stream, since to start one costs 10 µs.

Theory of operation. A worker answers one stream after the other; in between it is parked. All that it does happens inside
one cancel scope, which a stream that ends before its time cancels: the worker then gets another one.
"""

from collections.abc import Awaitable, Callable
from typing import Generic, Protocol, TypeVar

import trio
from trio import lowlevel

from mesh_plugins.http2.parking import Parking

MOST_PARKED = 64  # workers that wait for a stream, each some 4 KiB; more have nothing to do after a burst


class Job(Protocol):
    """What a worker is given. `scope` ends the work on it; None while nobody works on it."""

    scope: trio.CancelScope | None


J = TypeVar("J", bound=Job)


class _Worker(Generic[J]):
    """A task. `job` is what it is to do next."""

    __slots__ = ("job", "parking")

    def __init__(self, job: J, parked: "list[_Worker[J]]") -> None:
        self.job: J | None = job
        self.parking = Parking(lambda: parked.remove(self))  # at once, or it would be given a job that it never does


class Workers(Generic[J]):
    """The workers of one connection, in its nursery. `work(job)` raises nothing but `trio.Cancelled`."""

    __slots__ = ("_nursery", "_parked", "_work")

    def __init__(self, nursery: trio.Nursery, work: Callable[[J], Awaitable[None]]) -> None:
        self._nursery = nursery
        self._work = work
        self._parked: list[_Worker[J]] = []

    def give(self, job: J) -> None:
        """Have a job done, by a worker of its own."""
        if self._parked:
            worker = self._parked.pop()
            worker.job = job
            worker.parking.wake()
        else:
            self._nursery.start_soon(self._run, _Worker(job, self._parked))

    async def _run(self, worker: _Worker[J]) -> None:
        while worker.job is not None:
            with trio.CancelScope() as scope:
                while worker.job is not None:
                    job, worker.job = worker.job, None
                    job.scope = scope
                    try:
                        await self._work(job)
                    finally:
                        job.scope = None
                    del job
                    await self._park(worker)
            if worker.job is None:  # the job was cancelled, and its scope is spent
                await self._park(worker)

    async def _park(self, worker: _Worker[J]) -> None:
        """Wait for a job; none comes if enough others wait."""
        parked = self._parked
        if len(parked) >= MOST_PARKED:
            await lowlevel.checkpoint_if_cancelled()
            return
        parked.append(worker)
        await worker.parking.wait()
