"""The calls of a session, used for one call after the other."""

import contextlib
import gc
import weakref

import pytest
import trio
import trio.testing

from mesh import AttemptTimeout, Expiry, IdleTimeout, UpstreamBroken
from mesh_plugins.connections import calls as kept
from mesh_plugins.connections.calls import Call, Calls


def ignore(_call: Call[str, str]) -> None:
    """Take note of nothing."""


def test_the_call_that_came_back_last_is_taken_first() -> None:
    calls: Calls[str, str] = Calls(ignore)
    taken = [calls.take() for _ in range(3)]

    for call in (taken[2], taken[0]):
        calls.give_back(call)

    assert [calls.take() for _ in range(2)] == [taken[0], taken[2]]


def test_few_calls_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MOST_KEPT", 1)
    calls: Calls[str, str] = Calls(ignore)
    taken = [calls.take() for _ in range(2)]

    for call in taken:
        calls.give_back(call)

    assert [calls.take() is call for call in taken] == [True, False]


def test_a_call_that_came_back_holds_no_request() -> None:
    calls: Calls[str, str] = Calls(ignore)
    call = calls.take()
    call.request = "hi"

    calls.give_back(call)

    assert call.request is None


class Caller:
    """A task that waits for a call."""

    def __init__(self, call: Call[str, str]) -> None:
        self.call = call
        self.got: str | UpstreamBroken | None = None

    async def run(self) -> None:
        try:
            self.got = await self.call.wait()
        except UpstreamBroken as error:
            self.got = error


async def test_a_task_gets_its_answer_although_its_call_is_another_s_by_then(nursery: trio.Nursery) -> None:
    calls: Calls[str, str] = Calls(ignore)
    first, second = Caller(calls.take()), Caller(calls.take())
    nursery.start_soon(first.run)
    await trio.testing.wait_all_tasks_blocked()

    first.call.answer("one")
    second.call = first.call
    nursery.start_soon(second.run)
    await trio.testing.wait_all_tasks_blocked()
    second.call.answer("two")
    await trio.testing.wait_all_tasks_blocked()

    assert [first.got, second.got] == ["one", "two"]


async def test_a_task_whose_call_fails_gets_the_error(nursery: trio.Nursery) -> None:
    caller, error = Caller(Call(0, ignore)), UpstreamBroken("gone")
    nursery.start_soon(caller.run)
    await trio.testing.wait_all_tasks_blocked()

    caller.call.fail(error)
    await trio.testing.wait_all_tasks_blocked()

    assert caller.got is error


async def test_a_call_whose_task_is_cancelled_is_told_of() -> None:
    abandoned: list[Call[str, str]] = []
    call = Call(0, abandoned.append)

    with trio.move_on_after(0):
        await call.wait()

    assert abandoned == [call]


class Held:
    """What the frame of a task holds that waits."""


async def wait(call: Call[str, str], _held: Held) -> None:
    with contextlib.suppress(UpstreamBroken):
        await call.wait()


@pytest.mark.parametrize("is_cancelled", [True, False])
async def test_a_call_that_ends_without_an_answer_leaves_no_garbage_to_be_collected(is_cancelled: bool) -> None:
    call, held = Call(0, ignore), Held()
    seen = weakref.ref(held)

    gc.disable()
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait, call, held)
            del held
            await trio.testing.wait_all_tasks_blocked()
            if is_cancelled:
                nursery.cancel_scope.cancel()
            else:
                call.fail(UpstreamBroken("gone"))
        left = seen()
    finally:
        gc.enable()

    assert left is None


@pytest.mark.parametrize(
    ("expiry", "expected"),
    [
        (Expiry(3.0, AttemptTimeout, "too slow"), AttemptTimeout),
        (Expiry(4.0, AttemptTimeout, "too slow"), IdleTimeout),
        (None, IdleTimeout),
    ],
)
def test_lateness_is_told_by_what_made_the_call_late(expiry: Expiry | None, expected: type[Exception]) -> None:
    call = Call(0, ignore)
    call.expiry = expiry

    assert type(call.lateness("web", 3.0, 300)) is expected
