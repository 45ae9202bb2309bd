"""The tasks that answer the streams, or calls, of one connection: kept for the next, since to start one costs 10 µs.

Theory of operation. A worker does one job after the other; in between it is parked. All that it does happens inside
one cancel scope, which a job that ends before its time cancels: the worker then gets another one.
"""

from collections.abc import Awaitable, Callable
from typing import Generic, Protocol, TypeVar

import trio
from trio import lowlevel

from mesh import WOKEN, Trap, new_trap, until_woken

MOST_PARKED = 64  # workers that wait for a job, each some 4 KiB; more have nothing to do after a burst


class Job(Protocol):
    """What a worker is given. `scope` ends the work on it; None while nobody works on it."""

    scope: trio.CancelScope | None


J = TypeVar("J", bound=Job)


class _Worker(Generic[J]):
    """A task. `job` is what it is to do next; `task` is its own, once it runs."""

    __slots__ = ("_parked", "_trap", "job", "task")

    def __init__(self, job: J, parked: "list[_Worker[J]]") -> None:
        self.job: J | None = job
        self._parked = parked
        self._trap: Trap = new_trap(self._leave)
        self.task: lowlevel.Task | None = None

    def park(self) -> Awaitable[None]:
        """Wait for the next job, beside the others."""
        self._parked.append(self)
        return until_woken(self._trap)

    def _leave(self) -> None:
        """Leave the others, at once: it would be given a job that it never does."""
        self._parked.remove(self)


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
            if worker.task is not None:
                lowlevel.reschedule(worker.task, WOKEN)
        else:
            self._nursery.start_soon(self._run, _Worker(job, self._parked))

    async def _run(self, worker: _Worker[J]) -> None:
        work, parked = self._work, self._parked
        worker.task = lowlevel.current_task()
        while worker.job is not None:
            with trio.CancelScope() as scope:
                while (job := worker.job) is not None:
                    worker.job = None
                    job.scope = scope
                    try:
                        await work(job)
                    finally:
                        job.scope = None
                    job = None  # or it would live on until the next one
                    if len(parked) >= MOST_PARKED:
                        await lowlevel.checkpoint_if_cancelled()
                        return
                    await worker.park()
            if worker.job is None and len(parked) < MOST_PARKED:  # the job was cancelled, and its scope is spent
                await worker.park()
