"""The tasks that answer streams."""

from collections.abc import Awaitable, Callable

import trio
import trio.testing

from mesh_plugins.connections.workers import MOST_PARKED, Workers
from tests.waiting import settled


class Job:
    """What a worker is given; notes which task worked on it, and how that ended."""

    def __init__(self, work: Callable[[], Awaitable[None]] | None = None) -> None:
        self.scope: trio.CancelScope | None = None
        self.work = work
        self.task: object = None
        self.ended = ""


async def do(job: Job) -> None:
    job.task = trio.lowlevel.current_task()
    try:
        if job.work is not None:
            await job.work()
        job.ended = "done"
    except trio.Cancelled:
        job.ended = "cancelled"
        raise


async def test_a_worker_is_kept_for_the_next_job(nursery: trio.Nursery) -> None:
    workers = Workers[Job](nursery, do)
    jobs = [Job(), Job()]

    for job in jobs:
        workers.give(job)
        await settled()
    nursery.cancel_scope.cancel()

    assert jobs[0].task is jobs[1].task
    assert [job.ended for job in jobs] == ["done", "done"]
    assert jobs[0].scope is None


async def test_a_cancelled_job_costs_no_other(nursery: trio.Nursery) -> None:
    workers = Workers[Job](nursery, do)
    first, other = Job(trio.sleep_forever), Job(trio.sleep_forever)
    workers.give(first)
    workers.give(other)
    await settled()
    assert first.scope is not None

    first.scope.cancel()
    await settled()
    again = Job()
    workers.give(again)
    await settled()
    waiting = other.ended
    nursery.cancel_scope.cancel()

    assert (first.ended, waiting, again.ended) == ("cancelled", "", "done")
    assert again.task is first.task


async def test_a_job_that_is_cancelled_as_it_ends_spoils_nothing(nursery: trio.Nursery) -> None:
    workers = Workers[Job](nursery, do)
    ending: Job

    async def cancel_itself() -> None:
        assert ending.scope is not None
        ending.scope.cancel()

    ending = Job(cancel_itself)
    workers.give(ending)
    await settled()
    again = Job()
    workers.give(again)
    await settled()
    nursery.cancel_scope.cancel()

    assert (ending.ended, again.ended) == ("done", "done")


async def test_no_more_workers_are_kept_than_are_of_use(nursery: trio.Nursery) -> None:
    workers = Workers[Job](nursery, do)

    for _ in range(MOST_PARKED + 10):
        workers.give(Job())
    await settled()
    kept = len(nursery.child_tasks)
    nursery.cancel_scope.cancel()

    assert kept == MOST_PARKED


async def test_a_worker_that_is_being_cancelled_gets_no_job(nursery: trio.Nursery) -> None:
    workers = Workers[Job](nursery, do)
    workers.give(Job())
    await settled()

    nursery.cancel_scope.cancel()
    late = Job()
    workers.give(late)
    with trio.CancelScope(shield=True):
        await settled()

    assert late.ended == "done"
