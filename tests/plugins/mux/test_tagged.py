"""The calls of a session, used for one call after the other."""

import contextlib
import gc
import weakref

import pytest
import trio
import trio.testing

from mesh import UpstreamBroken
from mesh_plugins.mux import tagged
from mesh_plugins.mux.message import MuxReply
from mesh_plugins.mux.tagged import Call, Calls


def ignore(_call: Call) -> None:
    """Take note of nothing."""


def test_the_call_that_came_back_last_is_taken_first() -> None:
    calls = Calls(ignore)
    taken = [calls.take() for _ in range(3)]

    for call in (taken[2], taken[0]):
        calls.give_back(call)

    assert [calls.take() for _ in range(2)] == [taken[0], taken[2]]
    assert [call.tag for call in taken] == [2, 3, 4]


def test_few_calls_are_kept_and_the_tags_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tagged, "MOST_KEPT", 1)
    calls = Calls(ignore)
    taken = [calls.take() for _ in range(3)]

    for call in taken:
        calls.give_back(call)
    again = [calls.take() for _ in range(4)]

    assert [call.tag for call in again] == [2, 3, 4, 5]
    assert [call is other for call, other in zip(again, taken, strict=False)] == [True, False, False]


class Caller:
    """A task that waits for a call."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.got: MuxReply | UpstreamBroken | None = None

    async def run(self) -> None:
        try:
            self.got = await self.call.wait()
        except UpstreamBroken as error:
            self.got = error


async def test_a_task_gets_its_answer_although_its_call_is_another_s_by_then(nursery: trio.Nursery) -> None:
    calls, replies = Calls(ignore), [MuxReply(), MuxReply()]
    first, second = Caller(calls.take()), Caller(calls.take())
    nursery.start_soon(first.run)
    await trio.testing.wait_all_tasks_blocked()

    first.call.answer(replies[0])
    second.call = first.call
    nursery.start_soon(second.run)
    await trio.testing.wait_all_tasks_blocked()
    second.call.answer(replies[1])
    await trio.testing.wait_all_tasks_blocked()

    assert [first.got, second.got] == replies


async def test_a_task_whose_call_fails_gets_the_error(nursery: trio.Nursery) -> None:
    caller, error = Caller(Calls(ignore).take()), UpstreamBroken("gone")
    nursery.start_soon(caller.run)
    await trio.testing.wait_all_tasks_blocked()

    caller.call.fail(error)
    await trio.testing.wait_all_tasks_blocked()

    assert caller.got is error


async def test_a_call_whose_task_is_cancelled_is_told_of() -> None:
    abandoned: list[Call] = []
    call = Calls(abandoned.append).take()

    with trio.move_on_after(0):
        await call.wait()

    assert abandoned == [call]


class Held:
    """What the frame of a task holds that waits."""


async def wait(call: Call, _held: Held) -> None:
    with contextlib.suppress(UpstreamBroken):
        await call.wait()


@pytest.mark.parametrize("is_cancelled", [True, False])
async def test_a_call_that_ends_without_an_answer_leaves_no_garbage_to_be_collected(is_cancelled: bool) -> None:
    call, held = Calls(ignore).take(), Held()
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
