"""What a config class expects of a map."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import attrs
import pytest

from mesh.config.shape import fields, item_type, key_name, known_names, names, options, value_type, words
from mesh.keys import key


@attrs.frozen
class Example:
    constant: ClassVar[int] = 1

    some_size_bytes: int = key("", 1)
    _hidden: str = ""
    renamed: "int | None" = key("", None, name="other", aliases=("another",))
    made: list[str] = attrs.field(factory=list)
    computed: int = attrs.field(init=False, default=0)


def test_fields_are_keys_in_camel_case() -> None:
    assert [names(field) for field in fields(Example)] == [
        ("someSizeBytes",),
        ("hidden",),
        ("other", "another"),
        ("made",),
    ]


def test_an_annotation_may_be_a_text() -> None:
    assert [field.type for field in fields(Example) if field.name == "renamed"] == [int | None]


def test_defaults_are_made_anew() -> None:
    (made,) = [field for field in fields(Example) if field.name == "made"]

    assert made.make_default() is not made.make_default()


def test_names_of_several_classes_are_known_together() -> None:
    @attrs.frozen
    class Other:
        made: int = 0
        more: int = 0

    assert known_names([Example, Other]) == {"someSizeBytes", "hidden", "other", "another", "made", "more"}


def test_a_field_has_a_key() -> None:
    assert key_name(Example, "renamed") == "other"


@pytest.mark.parametrize(
    ("annotation", "item", "value"),
    [
        (list[int], int, None),
        (tuple[str, ...], str, None),
        (list, Any, None),
        (dict[str, int], None, int),
        (Mapping[str, str], None, str),
        (dict, None, Any),
        (int, None, None),
        (Literal["a"], None, None),
        (int | None, None, None),
    ],
)
def test_lists_and_maps_are_told_apart(annotation: Any, item: Any, value: Any) -> None:
    assert (item_type(annotation), value_type(annotation)) == (item, value)


def test_none_is_no_option() -> None:
    assert options(int | str | None) == (int, str)


def test_a_literal_has_words() -> None:
    assert words(Literal["a", 1]) == {"a": "a", "1": 1}
