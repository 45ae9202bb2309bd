"""The tags of a session."""

import pytest

from mesh_plugins.mux import tags
from mesh_plugins.mux.tags import Tags


def test_tags_begin_with_two() -> None:
    given = Tags()

    assert [given.take() for _ in range(3)] == [2, 3, 4]


def test_the_smallest_free_tag_is_given_out_first() -> None:
    given = Tags()
    for _ in range(5):
        given.take()

    for tag in (5, 3):
        given.give_back(tag)

    assert [given.take() for _ in range(3)] == [3, 5, 7]


def test_there_is_a_last_tag(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tags, "LAST_TAG", 2)
    given = Tags()
    given.take()

    with pytest.raises(LookupError, match="Exhausted tags"):
        given.take()
