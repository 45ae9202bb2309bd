"""When the watchdog barks, and what it says."""

import logging
import threading
import time

import pytest
import trio

from mesh.linker.watchdog import BEAT_SECONDS, QUIET_SECONDS, Watchdog
from mesh.metrics import Metrics, flat


class Bench:
    """A watchdog on a clock of the test's own."""

    def __init__(self) -> None:
        self.now = 0.0
        self.metrics = Metrics()
        self.dog = Watchdog(self.metrics, lambda: self.now)
        self.dog.beat()

    def wait(self, seconds: float, *, alive: bool = False) -> None:
        """Let time pass, with looks as often as they come."""
        for _look in range(round(seconds / BEAT_SECONDS)):
            self.now += BEAT_SECONDS
            if alive:
                self.dog.beat()
            self.dog.look()

    @property
    def stalls(self) -> float:
        return flat(self.metrics)["runtime/stalls"]


def test_a_loop_that_beats_is_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()

    bench.wait(10, alive=True)

    assert (bench.stalls, caplog.messages) == (0, [])


def test_a_stall_is_said_once_with_the_stack_of_whoever_stalls(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()

    bench.wait(1)

    assert (bench.stalls, len(caplog.messages)) == (1, 1)
    assert "all requests have waited for 150 ms for code that does not await" in caplog.messages[0]
    assert "test_a_stall_is_said_once" in caplog.messages[0]


def test_stalls_that_come_often_are_counted_and_said_now_and_then(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()

    for _stall in range(5):
        bench.wait(1)
        bench.dog.beat()
    bench.wait(QUIET_SECONDS, alive=True)
    bench.wait(1)

    assert (bench.stalls, len(caplog.messages)) == (6, 2)
    assert "(4 more since the last time)" in caplog.messages[1]


def test_a_process_that_was_stopped_has_not_stalled(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()

    bench.now += 60
    bench.dog.look()
    bench.dog.beat()
    bench.wait(1, alive=True)

    assert (bench.stalls, caplog.messages) == (0, [])


async def test_the_code_that_stalls_a_real_loop_is_named(caplog: pytest.LogCaptureFixture) -> None:
    dog = Watchdog(Metrics())
    said = threading.Event()
    log = logging.getLogger("mesh.linker.watchdog")

    def note(_record: logging.LogRecord) -> bool:
        said.set()
        return True

    log.addFilter(note)

    def stall() -> None:
        deadline = time.monotonic() + 10
        while not said.is_set() and time.monotonic() < deadline:
            time.sleep(0.01)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(dog.run)
        with dog.watching():
            await trio.sleep(0.01)
            stall()
        nursery.cancel_scope.cancel()
    log.removeFilter(note)

    assert "in stall" in caplog.messages[0]
