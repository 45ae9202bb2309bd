from functools import partial
from itertools import pairwise

import pytest
import trio
import trio.testing

from mesh.life import LIFE, RESTART_SECONDS, Life
from mesh.params import Params
from tests.waiting import settled


async def test_what_was_registered_is_called_at_the_end_the_last_first(nursery: trio.Nursery) -> None:
    life, told = Life(nursery), list[str]()
    life.on_close(lambda: told.append("first"))
    life.on_close(lambda: told.append("second"))

    life.close()
    life.close()

    assert (told, life.closed) == (["second", "first"], True)


async def test_what_is_registered_after_the_end_is_called_at_once(nursery: trio.Nursery) -> None:
    life, told = Life(nursery), list[str]()
    life.close()

    life.on_close(lambda: told.append("late"))

    assert told == ["late"]


async def test_clean_up_that_raises_is_logged_and_the_rest_is_done(
    nursery: trio.Nursery, caplog: pytest.LogCaptureFixture
) -> None:
    life, told = Life(nursery, "router"), list[str]()

    def raising() -> None:
        raise LookupError("a bug")

    life.on_close(lambda: told.append("first"))
    life.on_close(raising)
    life.close()
    life.on_close(raising)

    assert told == ["first"]
    assert [record.getMessage() for record in caplog.records] == ["router: clean-up raised"] * 2


async def test_children_end_before_their_parent_the_youngest_first(nursery: trio.Nursery) -> None:
    life, told = Life(nursery), list[str]()
    life.on_close(lambda: told.append("parent"))
    for name in ("eldest", "middle", "youngest"):
        life.child(name).on_close(partial(told.append, name))

    life.close()

    assert told == ["youngest", "middle", "eldest", "parent"]


async def test_a_child_ends_alone_and_is_forgotten(nursery: trio.Nursery) -> None:
    life, told = Life(nursery), list[str]()
    child = life.child("child")
    child.on_close(lambda: told.append("child"))

    child.close()
    forgotten = not life._children
    life.close()

    assert (told, forgotten, child.closed) == (["child"], True, True)


async def test_a_child_of_a_life_that_has_ended_has_ended_too(nursery: trio.Nursery) -> None:
    life = Life(nursery)
    life.close()

    child = life.child("late")

    assert (child.closed, life._children) == (True, {})
    with pytest.raises(RuntimeError):
        child.start("watch", trio.sleep_forever)


async def test_what_is_started_while_a_life_ends_does_not_survive_it(
    nursery: trio.Nursery, caplog: pytest.LogCaptureFixture
) -> None:
    life, ran = Life(nursery, "router"), list[str]()
    first, second = life.child("first"), life.child("second")

    async def run() -> None:
        ran.append("a task")

    second.on_close(lambda: first.start("in the sibling", run))
    second.on_close(lambda: life.start("in the parent", run))
    life.close()
    await settled()

    assert (ran, len(nursery.child_tasks)) == ([], 0)
    assert "in the parent: this life cannot start tasks" in caplog.text


async def test_a_task_runs_until_it_returns(nursery: trio.Nursery) -> None:
    life, ran = Life(nursery), list[str]()

    async def run() -> None:
        ran.append("once")

    life.start("work", run)
    await settled()

    assert (ran, life._scopes) == (["once"], set())


async def test_a_task_ends_with_its_life(nursery: trio.Nursery) -> None:
    life = Life(nursery)
    life.child("branch").start("watch", trio.sleep_forever)
    life.start("watch", trio.sleep_forever)
    await settled()

    life.close()
    await settled()

    assert len(nursery.child_tasks) == 0


async def test_a_task_that_never_got_to_run_does_not_run_after_the_end(nursery: trio.Nursery) -> None:
    life, ran = Life(nursery), list[str]()

    async def run() -> None:
        ran.append("too late")

    life.start("watch", run)
    life.close()
    await settled()

    assert ran == []


async def test_a_task_that_raises_is_started_again_after_growing_pauses(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    life, times = Life(nursery), list[float]()

    async def run() -> None:
        times.append(trio.current_time())
        if len(times) < 6:
            raise LookupError("not yet")

    life.start("watch of names", run)
    await trio.sleep(60)

    pauses = [later - earlier for earlier, later in pairwise(times)]
    limits = [RESTART_SECONDS[0] * 2**number for number in range(5)]
    assert [limit / 2 <= pause <= limit for pause, limit in zip(pauses, limits, strict=True)] == [True] * 5
    assert [record.getMessage()[:28] for record in caplog.records] == ["watch of names: task failed;"] * 5


async def test_pauses_stop_growing(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    life, times = Life(nursery), list[float]()

    async def run() -> None:
        times.append(trio.current_time())
        raise LookupError("never")

    life.start("watch", run)
    await trio.sleep(600)
    life.close()

    assert max(later - earlier for earlier, later in pairwise(times)) <= RESTART_SECONDS[1]


async def test_a_task_that_ran_for_long_is_started_again_soon(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    life, times = Life(nursery), list[float]()

    async def run() -> None:
        times.append(trio.current_time())
        if len(times) == 8:
            await trio.sleep(RESTART_SECONDS[1] + 1)
        raise LookupError("again")

    life.start("watch", run)
    await trio.sleep(300)
    life.close()

    assert times[8] - times[7] <= RESTART_SECONDS[1] + 1 + RESTART_SECONDS[0]


async def test_a_task_that_raises_harms_no_other(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    life, ticks = Life(nursery), list[float]()

    async def fail() -> None:
        async with trio.open_nursery() as inner:
            inner.start_soon(fail_inside)

    async def fail_inside() -> None:
        raise LookupError("in a nursery of its own")

    async def tick() -> None:
        while True:
            ticks.append(trio.current_time())
            await trio.sleep(1)

    life.start("failing", fail)
    life.start("ticking", tick)
    await trio.sleep(4.5)
    life.close()

    assert ticks == [0, 1, 2, 3, 4]


async def test_a_spawned_task_runs_once_even_if_it_raises(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    life, times = Life(nursery), list[float]()

    async def run() -> None:
        times.append(trio.current_time())
        raise LookupError("a bug")

    life.spawn("request body", run)
    await trio.sleep(60)

    assert (times, life._scopes) == ([0], set())
    assert "request body: task failed" in caplog.text


async def test_a_spawned_task_ends_when_its_scope_is_cancelled_or_its_life_ends(nursery: trio.Nursery) -> None:
    life = Life(nursery)
    scope = life.spawn("first", trio.sleep_forever)
    life.spawn("second", trio.sleep_forever)
    await settled()

    scope.cancel()
    await settled()
    left = len(nursery.child_tasks)
    life.close()
    await settled()

    assert (left, len(nursery.child_tasks), life._scopes) == (1, 0, set())


async def test_tasks_end_when_their_nursery_is_cancelled() -> None:
    async with trio.open_nursery() as nursery:
        life = Life(nursery)
        life.start("watch", trio.sleep_forever)
        life.spawn("work", trio.sleep_forever)
        await settled()
        nursery.cancel_scope.cancel()

    assert life._scopes == set()


def test_a_life_without_a_nursery_starts_nothing() -> None:
    life = Params()[LIFE]

    with pytest.raises(RuntimeError, match="watch: this life cannot start tasks"):
        life.start("watch", trio.sleep_forever)
    with pytest.raises(RuntimeError, match="work: this life cannot start tasks"):
        life.spawn("work", trio.sleep_forever)


def test_a_life_that_was_adopted_ends_with_its_new_parent_alone() -> None:
    first, second = Life(None, "first"), Life(None, "second")
    child = first.child("child")

    second.adopt(child)
    first.close()
    before = child.closed
    second.close()

    assert (before, child.closed) == (False, True)
