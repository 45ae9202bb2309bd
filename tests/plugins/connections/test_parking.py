"""Where a task waits."""

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
