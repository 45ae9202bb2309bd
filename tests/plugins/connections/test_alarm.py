"""The clock of a connection."""

import math

import trio
import trio.testing

from mesh_plugins.connections.alarm import Alarm


async def test_it_looks_when_it_was_told_to_look_again(autojump_clock: trio.testing.MockClock) -> None:
    looked: list[float] = []

    def look(now: float) -> float:
        looked.append(now)
        return now + 10 if len(looked) < 3 else math.inf

    async with trio.open_nursery() as nursery:
        nursery.start_soon(Alarm(trio.current_time, look).run)
        started = trio.current_time()
        await trio.sleep(100)
        nursery.cancel_scope.cancel()

    assert [at - started for at in looked] == [0, 10, 20]


async def test_it_looks_earlier_where_somebody_asks_for_it(autojump_clock: trio.testing.MockClock) -> None:
    looked: list[float] = []

    def look(now: float) -> float:
        looked.append(now)
        return math.inf

    alarm = Alarm(trio.current_time, look)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(alarm.run)
        started = trio.current_time()
        await trio.testing.wait_all_tasks_blocked()
        alarm.by(started + 7)
        alarm.by(started + 9)
        await trio.sleep(100)
        nursery.cancel_scope.cancel()

    assert [at - started for at in looked] == [0, 7]
