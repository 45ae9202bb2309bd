"""Calls that wait."""

import math

from mesh_plugins.connections.calls import Call
from mesh_plugins.connections.pending import Pending


def ignore(_call: Call[str, str]) -> None:
    """Take note of nothing."""


def call(until: float) -> Call[str, str]:
    made: Call[str, str] = Call(2, ignore)
    made.until = until
    return made


def test_late_calls_are_found_and_the_next_moment_to_look() -> None:
    pending: Pending[str, str] = Pending()
    calls = [call(until) for until in (3.0, 5.0, 9.0)]
    pending.update(enumerate(calls))
    pending.due = 3.0

    assert [pending.late(2.0), pending.late(5.0)] == [[], calls[:2]]
    assert pending.due == 9.0


def test_without_calls_there_is_nothing_to_wait_for() -> None:
    pending: Pending[str, str] = Pending()
    pending.due = 1.0

    assert (pending.late(2.0), pending.due) == ([], math.inf)
