"""Where a task waits."""

import gc

import trio
import trio.testing

from mesh_plugins.connections.parking import Parking


async def test_a_task_is_woken_once(nursery: trio.Nursery) -> None:
    parking, woken = Parking(), 0

    async def wait() -> None:
        nonlocal woken
        await parking.wait()
        woken += 1

    nursery.start_soon(wait)
    await trio.testing.wait_all_tasks_blocked()
    parking.wake()
    parking.wake()
    await trio.testing.wait_all_tasks_blocked()

    assert (woken, parking.task) == (1, None)


async def test_a_cancelled_task_is_forgotten(autojump_clock: trio.testing.MockClock) -> None:
    parking = Parking()

    with trio.move_on_after(1) as scope:
        await parking.wait()
    parking.wake()

    assert scope.cancelled_caught
    assert parking.task is None


def count_parkings() -> int:
    return sum(isinstance(found, Parking) for found in gc.get_objects())


async def test_no_place_is_left_to_the_collector_of_cycles(autojump_clock: trio.testing.MockClock) -> None:
    gc.collect()
    gc.disable()
    try:
        before = count_parkings()
        with trio.move_on_after(1):
            await Parking().wait()

        assert count_parkings() == before
    finally:
        gc.enable()
