"""Waiting, in tests, for what other tasks bring about."""

from collections.abc import Callable

import trio
import trio.testing

SECONDS = 20.0  # that anything may take, on a busy machine, before a test gives up
TICK_SECONDS = 0.002


async def settled() -> None:
    """Let every task go on until it waits for something, and the poller see what the kernel knows."""
    await trio.testing.wait_all_tasks_blocked()


async def until(is_so: Callable[[], object], what: str = "what was waited for") -> None:
    """Wait until something is so. Raises `AssertionError` if it never is."""
    with trio.move_on_after(SECONDS):
        while not is_so():
            await trio.sleep(TICK_SECONDS)
        return
    raise AssertionError(f"never: {what}")
