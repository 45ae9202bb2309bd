import gc
import weakref

import outcome
import pytest
import trio
from trio import lowlevel

from mesh.trap import WOKEN, Trap, new_trap, until_woken


class Waiting:
    """A task that waits with a trap, again and again; what it was told, and how often it was abandoned."""

    def __init__(self) -> None:
        self.trap: Trap = new_trap(self._abandoned)
        self.task: lowlevel.Task | None = None
        self.told: list[object] = []
        self.times_abandoned = 0

    def _abandoned(self) -> None:
        self.times_abandoned += 1

    async def run(self) -> None:
        self.task = lowlevel.current_task()
        while True:
            self.told.append(await until_woken(self.trap))

    async def tell(self, told: object) -> None:
        await trio.testing.wait_all_tasks_blocked()
        assert self.task is not None
        lowlevel.reschedule(self.task, told)  # type: ignore[arg-type]  # WOKEN only unwraps
        await trio.testing.wait_all_tasks_blocked()


async def test_a_trap_serves_any_number_of_waits() -> None:
    waiting = Waiting()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(waiting.run)
        for told in (WOKEN, outcome.Value("news"), WOKEN):
            await waiting.tell(told)
        nursery.cancel_scope.cancel()

    assert waiting.told == [None, "news", None]


async def test_a_task_that_waits_gets_the_error_it_is_told() -> None:
    waiting = Waiting()

    with pytest.RaisesGroup(ValueError):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(waiting.run)
            await waiting.tell(outcome.Error(ValueError("told")))


async def test_a_wait_is_abandoned_once_when_its_task_is_cancelled() -> None:
    waiting = Waiting()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(waiting.run)
        await waiting.tell(WOKEN)
        nursery.cancel_scope.cancel()

    assert (waiting.told, waiting.times_abandoned) == ([None], 1)


async def test_another_task_can_wait_with_the_trap_of_one_that_was_cancelled() -> None:
    waiting = Waiting()
    with trio.move_on_after(0):
        await waiting.run()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(waiting.run)
        await waiting.tell(outcome.Value("again"))
        nursery.cancel_scope.cancel()

    assert waiting.told == ["again"]


class Held:
    """What the frame of a task holds that waits."""


async def test_a_cancelled_wait_leaves_no_garbage_to_be_collected() -> None:
    trap = new_trap(lambda: None)

    async def wait(_held: Held) -> None:
        await until_woken(trap)

    gc.disable()
    try:
        held = Held()
        seen = weakref.ref(held)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait, held)
            del held
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        left = seen()
    finally:
        gc.enable()

    assert left is None
