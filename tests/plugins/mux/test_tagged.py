"""The calls of a session of Mux, with their tags."""

import pytest

from mesh_plugins.connections import calls as kept
from mesh_plugins.mux.tagged import MuxCall, Tagged


def ignore(_call: MuxCall) -> None:
    """Take note of nothing."""


def test_calls_get_the_lowest_tags_that_are_free_and_keep_them() -> None:
    calls = Tagged(ignore)
    taken = [calls.take() for _ in range(3)]

    calls.give_back(taken[1])

    assert [call.tag for call in taken] == [2, 3, 4]
    assert [calls.take().tag for _ in range(2)] == [3, 5]


def test_few_calls_are_kept_and_the_tags_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MOST_KEPT", 1)
    calls = Tagged(ignore)
    taken = [calls.take() for _ in range(3)]

    for call in taken:
        calls.give_back(call)
    again = [calls.take() for _ in range(4)]

    assert [call.tag for call in again] == [2, 3, 4, 5]
    assert [call is other for call, other in zip(again, taken, strict=False)] == [True, False, False]
