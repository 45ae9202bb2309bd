"""Kinds with keys common to their category."""

from typing import Any

import attrs
import pytest

from mesh.keys import Category, Chosen, Kind
from mesh.naming.path import Path
from mesh.settings import FilterEntry, NamerSettings, TransformerSettings
from mesh.settings.kinds import NamerPrefix

NAMER = Chosen(Kind("io.l5d.files", Category.NAMER, ""), None)
TRANSFORMER = Kind("io.l5d.change", Category.TRANSFORMER, "")
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


@attrs.frozen
class _Numbered:
    """The keys of a transformer whose default prefix says more than its kind."""

    default_prefix: str = "io.l5d.change/7"


@pytest.mark.parametrize(
    ("config", "prefix", "expected"),
    [(None, "", "/io.l5d.change"), (_Numbered(), "", "/io.l5d.change/7"), (_Numbered(), "/x", "/x")],
)
def test_a_transformer_is_known_by_its_kind_unless_it_has_a_prefix(config: object, prefix: str, expected: str) -> None:
    settings = TransformerSettings(chosen=Chosen(TRANSFORMER, config), prefix=NamerPrefix(prefix))

    assert settings.path.show() == expected


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
