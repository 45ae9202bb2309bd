"""Calls that wait."""

import math

import pytest
import trio

from mesh import AttemptTimeout, Expiry, IdleTimeout, Path, UpstreamBroken
from mesh_plugins.connections.pending import Call, Pending
from mesh_plugins.mux.message import MuxReply, MuxRequest


def call(until: float, expiry: Expiry | None = None) -> Call[MuxRequest, MuxReply]:
    request = MuxRequest(Path())
    request.context.expiry = expiry
    return Call(request, 2, until)


async def test_a_call_is_woken_with_its_answer() -> None:
    reply = MuxReply()
    waiting = call(1.0)

    waiting.answer(reply)

    assert await trio.lowlevel.wait_task_rescheduled(lambda _raise: trio.lowlevel.Abort.FAILED) is reply


async def test_a_call_is_woken_with_an_error() -> None:
    waiting = call(1.0)

    waiting.fail(UpstreamBroken("gone"))

    with pytest.raises(UpstreamBroken, match="gone"):
        await trio.lowlevel.wait_task_rescheduled(lambda _raise: trio.lowlevel.Abort.FAILED)


async def test_late_calls_are_found_and_the_next_moment_to_look() -> None:
    pending: Pending[Call[MuxRequest, MuxReply]] = Pending()
    calls = [call(until) for until in (3.0, 5.0, 9.0)]
    pending.update(enumerate(calls))
    pending.due = 3.0

    assert [pending.late(2.0), pending.late(5.0)] == [[], calls[:2]]
    assert pending.due == 9.0


async def test_without_calls_there_is_nothing_to_wait_for() -> None:
    pending: Pending[Call[MuxRequest, MuxReply]] = Pending()
    pending.due = 1.0

    assert (pending.late(2.0), pending.due) == ([], math.inf)


async def test_lateness_is_told_by_what_made_the_call_late() -> None:
    expiry = Expiry(3.0, AttemptTimeout, "too slow")

    assert isinstance(call(3.0, expiry).lateness("web", 3.0, 300), AttemptTimeout)
    assert isinstance(call(2.0, expiry).lateness("web", 2.0, 300), IdleTimeout)
    assert isinstance(call(2.0).lateness("web", 2.0, 300), IdleTimeout)
