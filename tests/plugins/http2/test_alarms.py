"""The clock of all streams."""

import math

import pytest
import trio
import trio.testing

from mesh_plugins.http2 import alarms


class Ringing:
    """Notes when it was told, and asks for more."""

    def __init__(self, *then: float) -> None:
        self.told: list[float] = []
        self._then = list(then)

    def on_alarm(self, now: float) -> float:
        self.told.append(round(now, 1))
        return self._then.pop(0) if self._then else math.inf


async def test_whoever_asks_is_told_in_time(autojump_clock: trio.testing.MockClock) -> None:
    early, late = Ringing(), Ringing()
    clock = alarms.current()

    clock.set(late, 20)
    clock.set(early, 10)
    clock.set(early, 15)  # which it is told of already
    await trio.sleep(30)

    assert (early.told, late.told) == ([10], [20])


async def test_it_may_ask_for_the_next_time(autojump_clock: trio.testing.MockClock) -> None:
    asks = Ringing(12, 14)

    alarms.current().set(asks, 10)
    await trio.sleep(30)

    assert asks.told == [10, 12, 14]


async def test_whoever_is_dropped_is_not_told(autojump_clock: trio.testing.MockClock) -> None:
    dropped = Ringing()
    clock = alarms.current()

    clock.set(dropped, 10)
    clock.drop(dropped)
    await trio.sleep(30)

    assert dropped.told == []


async def test_an_error_costs_its_own_alarm_alone(
    autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    class Raising(Ringing):
        def on_alarm(self, now: float) -> float:
            raise ZeroDivisionError

    other, clock = Ringing(), alarms.current()
    clock.set(Raising(), 10)
    clock.set(other, 11)
    await trio.sleep(30)

    assert other.told == [11]
    assert "raised" in caplog.text
