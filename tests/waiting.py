"""Waiting, in tests, for what other tasks bring about."""

from collections.abc import Callable

import trio
import trio.testing
from trio.testing import MockClock

SECONDS = 60.0  # that anything may take, on a busy machine, before a test gives up
TICK_SECONDS = (0.002, 0.1)  # between the first looks, and at most between later ones
QUIET_SECONDS = 0.05  # of real time, for the kernel to pass on what was sent


async def settled() -> None:
    """Let every task go on until it waits for something, and the poller see what the kernel knows."""
    await trio.testing.wait_all_tasks_blocked()


async def until(is_so: Callable[[], object], what: str = "what was waited for") -> None:
    """Wait until something is so. Raises `AssertionError` if it never is."""
    tick, longest = TICK_SECONDS
    with trio.move_on_after(SECONDS):
        while not is_so():
            await trio.sleep(tick)
            tick = min(tick * 1.2, longest)
        return
    raise AssertionError(f"never: {what}")


def idle_clock() -> MockClock:
    """Return a clock that stands still while anything goes on, and jumps to what is due next once nothing has for a moment.

    With it a timeout passes if what it waits for does not come, and never because the machine is slow. It is for tests whose
    sockets have both ends in this process, and that wait for no thread and no other process: it does not see them work.
    """
    return MockClock(autojump_threshold=QUIET_SECONDS)
