"""Kinds with keys common to their category."""

from typing import Any

import pytest

from mesh.keys import Category, Chosen, Kind
from mesh.naming.path import Path
from mesh.settings import FilterEntry, NamerSettings
from mesh.settings.kinds import NamerPrefix

NAMER = Chosen(Kind("io.l5d.files", Category.NAMER, ""), None)
FILTER = Chosen(Kind("pause", Category.FILTER, ""), None)


@pytest.mark.parametrize(("written", "expected"), [("x", "/x"), ("/x/y", "/x/y"), ("", "/"), ("/", "/")])
def test_a_prefix_is_read_with_or_without_its_slash(written: str, expected: str) -> None:
    assert NamerPrefix.read(written) == expected


def test_a_prefix_that_is_no_path_is_refused() -> None:
    with pytest.raises(ValueError, match="'a b' is no path"):
        NamerPrefix.read("a b")


def test_a_namer_is_known_by_its_kind_unless_it_has_a_prefix() -> None:
    paths = [NamerSettings(chosen=NAMER).path, NamerSettings(chosen=NAMER, prefix=NamerPrefix("/x")).path]

    assert paths == [Path.utf8("io.l5d.files"), Path.utf8("x")]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({}, "either `kind` or `remove` is required"),
        ({"before": "a"}, "either `kind` or `remove` is required"),
        ({"remove": "a", "after": "b"}, "`remove` stands alone"),
        ({"remove": "a", "chosen": FILTER}, "`remove` stands alone"),
        (
            {"chosen": FILTER, "before": "a", "replace": "b"},
            "at most one of `before`, `after` and `replace` may be given, not before and replace",
        ),
    ],
)
def test_an_entry_of_a_filter_list_is_refused(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  the message is compared whole
        FilterEntry(**keys)

    assert str(caught.value) == message
