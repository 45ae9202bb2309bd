import gc
import weakref
from collections.abc import Callable
from functools import partial

import attrs
import pytest
import trio
import trio.testing

from mesh.branches import Branch, BranchCounts, Branches
from mesh.errors import Unavailable
from mesh.life import Life
from mesh.message import Reply, Request
from mesh.service import AnyService

IDLE = 100.0


async def answer(_request: Request, /) -> Reply:
    return Reply()


@attrs.define(eq=False)
class Builds:
    """What was built, under which life, and whether as a one-shot."""

    keys: list[str] = attrs.field(factory=list)
    lives: list[Life] = attrs.field(factory=list)
    one_shots: list[bool] = attrs.field(factory=list)
    during: Callable[[str], None] = lambda _key: None

    def __call__(self, key: str, life: Life, one_shot: bool) -> AnyService:
        self.keys.append(key)
        self.lives.append(life)
        self.one_shots.append(one_shot)
        self.during(key)
        return answer

    @property
    def open(self) -> list[str]:
        return [key for key, life in zip(self.keys, self.lives, strict=True) if not life.closed]


def branches(nursery: trio.Nursery, builds: Builds, capacity: int = 1000) -> Branches[str]:
    return Branches(Life(nursery), "path", builds, capacity=capacity, idle_seconds=IDLE)


def lease(branch: Branch) -> Branch:
    branch.in_use += 1
    branch.used = True
    return branch


async def test_a_branch_is_built_once_per_key(nursery: trio.Nursery) -> None:
    builds = Builds()
    cache = branches(nursery, builds)

    found = [cache.get(key) for key in ("a", "b", "a")]

    assert (builds.keys, found[0] is found[2], len(cache), cache.counts.misses) == (["a", "b"], True, 2, 2)
    assert [key for key, _branch in cache.items()] == ["a", "b"]


async def test_finding_builds_nothing(nursery: trio.Nursery) -> None:
    builds = Builds()
    cache = branches(nursery, builds)

    before = cache.find("a")
    built = cache.get("a")

    assert (before, cache.find("a"), builds.keys) == (None, built, ["a"])


async def test_an_idle_branch_is_closed_between_one_and_one_and_a_quarter_idle_times(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    closed: list[float] = []

    def note(used: float) -> None:
        closed.append(trio.current_time() - used)

    for start in (0.0, 0.1, 12.0, 24.9):
        builds = Builds()
        cache = branches(nursery, builds)
        cache.get("keeps the sweep going").in_use += 1
        await trio.sleep(start)
        cache.get("idle")
        used = trio.current_time()
        builds.lives[1].on_close(partial(note, used))
        await trio.sleep(2 * IDLE)

    assert [IDLE <= seconds <= 1.25 * IDLE for seconds in closed] == [True] * 4


async def test_a_branch_that_is_used_now_and_then_stays(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    builds = Builds()
    cache = branches(nursery, builds)

    for _ in range(10):
        lease(cache.get("a")).release()
        await trio.sleep(0.99 * IDLE)

    assert (builds.keys, cache.counts.expires) == (["a"], 0)


async def test_a_leased_branch_stays_and_goes_an_idle_time_after_its_release(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    builds = Builds()
    cache = branches(nursery, builds)
    branch = lease(cache.get("a"))

    await trio.sleep(10 * IDLE)
    held = list(builds.open)
    branch.release()
    await trio.sleep(0.9 * IDLE)
    released = list(builds.open)
    await trio.sleep(0.4 * IDLE)

    assert (held, released, builds.open, len(cache), cache.counts.expires) == (["a"], ["a"], [], 0, 1)


async def test_a_key_whose_branch_was_closed_is_built_anew(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    builds = Builds()
    cache = branches(nursery, builds)
    cache.get("a")
    await trio.sleep(2 * IDLE)
    tasks = len(nursery.child_tasks)

    cache.get("a")
    await trio.sleep(0.5 * IDLE)
    between = list(builds.open)
    await trio.sleep(IDLE)

    assert (tasks, builds.keys, between, builds.open) == (0, ["a", "a"], ["a"], [])


async def test_a_key_beyond_the_capacity_is_built_for_one_request_and_closed_with_its_last_lease(
    nursery: trio.Nursery,
) -> None:
    builds = Builds()
    cache = branches(nursery, builds, capacity=1)
    cache.get("kept")

    first, second = lease(cache.get("a")), lease(cache.get("a"))
    lease(first)
    first.release()
    shared = list(builds.open)
    first.release()
    second.release()

    assert (builds.keys, builds.one_shots) == (["kept", "a", "a"], [False, True, True])
    assert (shared, builds.open, len(cache), cache.counts.oneshots) == (["kept", "a", "a"], ["kept"], 1, 2)


async def test_a_build_that_fails_leaves_nothing(nursery: trio.Nursery) -> None:
    builds, told = Builds(), list[str]()

    def fail(_key: str) -> None:
        builds.lives[-1].on_close(lambda: told.append("cleaned up"))
        raise LookupError("no such thing")

    builds.during = fail
    cache = branches(nursery, builds)
    for _ in range(2):
        with pytest.raises(LookupError):
            cache.get("a")

    assert (len(cache), told, builds.open, len(nursery.child_tasks)) == (0, ["cleaned up"] * 2, [], 0)


async def test_a_life_that_can_start_no_sweep_keeps_no_branch() -> None:
    builds = Builds()
    cache = Branches(Life(None), "path", builds)

    with pytest.raises(RuntimeError):
        cache.get("a")

    assert (len(cache), builds.open) == (0, [])


async def test_building_a_branch_may_lead_to_others(nursery: trio.Nursery) -> None:
    builds = Builds()
    cache = branches(nursery, builds)
    builds.during = lambda key: cache.get(key[1:]).release() if len(key) > 1 else None

    cache.get("abc")

    assert (builds.keys, builds.open) == (["abc", "bc", "c"], ["abc", "bc", "c"])


async def test_a_branch_that_its_own_building_led_to_is_not_built_twice(nursery: trio.Nursery) -> None:
    builds = Builds()
    cache = branches(nursery, builds)
    inner: list[Branch] = []

    def change(key: str) -> None:
        if len(builds.keys) == 1:
            inner.append(cache.get(key))

    builds.during = change
    outer = cache.get("a")

    assert (outer, cache.find("a")) == (inner[0], inner[0])
    assert [life.closed for life in builds.lives] == [True, False]


async def test_the_branches_end_with_the_branch_point(nursery: trio.Nursery) -> None:
    builds, life = Builds(), Life(nursery)
    cache = Branches(life, "path", builds)
    lease(cache.get("a"))

    life.close()
    await trio.testing.wait_all_tasks_blocked()

    assert (builds.open, len(nursery.child_tasks)) == ([], 0)


async def test_a_branch_point_that_has_ended_builds_no_more(nursery: trio.Nursery) -> None:
    builds, life = Builds(), Life(nursery)
    cache = Branches(life, "path", builds)
    life.close()

    with pytest.raises(Unavailable, match="path a"):
        cache.get("a")

    assert builds.keys == []


async def test_branches_that_are_taken_over_live_on_with_their_leases(nursery: trio.Nursery) -> None:
    before, now = Builds(), Builds()
    old, new = branches(nursery, before), branches(nursery, now)
    kept, left = lease(old.get("kept")), lease(old.get("left"))

    new.take_over(old, lambda key: key == "kept")
    old._life.close()

    assert (new.get("kept") is kept, new.get("left") is left) == (True, False)
    assert (before.open, now.open) == (["kept"], ["left"])


async def test_who_was_taken_over_finds_its_branches_where_they_are(nursery: trio.Nursery) -> None:
    builds = Builds()
    old, new = branches(nursery, builds), branches(nursery, Builds())
    kept = old.get("kept")

    new.take_over(old, lambda _key: True)

    assert old.get("kept") is kept
    assert (builds.keys, old.counts.misses) == (["kept"], 1)


async def test_branches_that_were_taken_over_expire(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    builds = Builds()
    old, new = branches(nursery, builds), branches(nursery, Builds())
    old.get("kept")

    new.take_over(old, lambda _key: True)
    await trio.sleep(2 * IDLE)

    assert (builds.open, len(new)) == ([], 0)


async def test_no_more_branches_are_taken_over_than_there_is_room_for(nursery: trio.Nursery) -> None:
    old, new = branches(nursery, Builds()), branches(nursery, Builds(), capacity=1)
    old.get("a")
    old.get("b")

    new.take_over(old, lambda _key: True)

    assert ([key for key, _branch in new.items()], [key for key, _branch in old.items()]) == (["a"], ["b"])


async def test_branches_are_warmed_a_step_each_as_far_as_there_is_room(nursery: trio.Nursery) -> None:
    builds = Builds()
    cache = branches(nursery, builds, capacity=2)

    steps = list(cache.warm(["a", "a", "b", "c"]))

    assert (len(steps), builds.keys, builds.one_shots) == (3, ["a", "b"], [False, False])


async def test_a_branch_that_cannot_be_warmed_is_left_to_its_first_request(nursery: trio.Nursery) -> None:
    def fail(key: str) -> None:
        if key == "bad":
            raise LookupError(key)

    builds = Builds(during=fail)
    cache = branches(nursery, builds)

    list(cache.warm(["bad", "good"]))

    assert [key for key, _branch in cache.items()] == ["good"]


async def test_where_there_is_no_room_what_was_idle_makes_some(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    builds = Builds()
    cache = branches(nursery, builds, capacity=2)
    cache.get("a")
    lease(cache.get("b"))

    await trio.sleep(IDLE / 2 + 1)  # two sweeps: the first takes note of the use, the second of its lack
    cache.get("c")
    cache.get("d")

    assert (builds.open, builds.one_shots) == (["b", "c", "d"], [False, False, False, True])
    assert (cache.counts.evicts, cache.counts.oneshots) == (1, 1)


async def test_a_branch_that_is_used_again_makes_no_room(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    builds = Builds()
    cache = branches(nursery, builds, capacity=1)
    cache.get("a")

    await trio.sleep(IDLE / 2 + 1)
    cache.get("a").used = True
    cache.get("b")

    assert (builds.open, cache.counts.evicts) == (["a", "b"], 0)


async def test_several_may_count_together(nursery: trio.Nursery) -> None:
    counts = BranchCounts()
    caches = [Branches(Life(nursery), "path", Builds(), counts=counts) for _number in range(2)]

    for cache in caches:
        cache.get("a")

    assert counts.misses == 2


async def test_who_was_taken_over_keeps_nothing_of_its_heir_once_it_has_ended(nursery: trio.Nursery) -> None:
    old, new = branches(nursery, Builds()), branches(nursery, Builds())
    gone = weakref.ref(new)

    new.take_over(old, lambda _key: True)
    old._life.close()
    del new
    gc.collect()

    assert gone() is None
