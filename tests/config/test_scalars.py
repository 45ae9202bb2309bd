"""The expectation decides what a text means."""

import pytest

from mesh.config.nodes import Scalar
from mesh.config.scalars import (
    MismatchError,
    nearest,
    read_anything,
    read_number,
    read_plain_text,
    read_truth,
    read_whole,
)
from mesh.config.tree import read_tree
from mesh.keys import Key


def scalar(text: str) -> Scalar:
    node, _ = read_tree(text, "f")
    assert isinstance(node, Scalar)
    return node


@pytest.mark.parametrize("text", ["true", "True", "TRUE", "yes", "On"])
def test_words_of_yaml_1_1_are_true(text: str) -> None:
    assert read_truth(scalar(text), Key()) is True


@pytest.mark.parametrize("text", ["'true'", "1", "y", "tRUE", "t"])
def test_nothing_else_is_true_or_false(text: str) -> None:
    with pytest.raises(MismatchError):
        read_truth(scalar(text), Key())


@pytest.mark.parametrize(("text", "expected"), [("0", 0), ("-3", -3), ("+7", 7), ("999999999999999999", 10**18 - 1)])
def test_decimal_numbers_are_whole(text: str, expected: int) -> None:
    assert read_whole(scalar(text), Key()) == expected


@pytest.mark.parametrize("text", ["010", "0x1", "1_000", "1.0", "1e3", "'1'", "٣", "1:30", "9" * 5000, "--1", "+"])
def test_other_spellings_of_numbers_are_refused(text: str) -> None:
    with pytest.raises(MismatchError):
        read_whole(scalar(text), Key())


@pytest.mark.parametrize(("text", "expected"), [("1", 1.0), ("0.2", 0.2), (".5", 0.5), ("1e3", 1000.0), ("-2.", -2.0)])
def test_numbers_may_have_fractions(text: str, expected: float) -> None:
    assert read_number(scalar(text), Key()) == expected


@pytest.mark.parametrize("text", [".inf", ".nan", "inf", "nan", "1e999", "1_0", "0x1p3", "1.2.3", "'1'"])
def test_numbers_are_finite(text: str) -> None:
    with pytest.raises(MismatchError):
        read_number(scalar(text), Key())


def test_bounds_are_told() -> None:
    with pytest.raises(MismatchError) as caught:
        read_number(scalar("1.5"), Key(least=0, most=1))

    assert (caught.value.message, caught.value.expected) == ("1.5 found", "a number from 0 to 1")


@pytest.mark.parametrize("text", ["no", "1.20", "41:40", "2020-01-01", "0x10", "on"])
def test_a_text_is_what_is_written(text: str) -> None:
    assert read_plain_text(scalar(text), Key()) == text


def test_a_secret_is_not_shown() -> None:
    node, _ = read_tree("[hunter2]", "f")
    assert node is not None

    with pytest.raises(MismatchError) as caught:
        read_plain_text(node, Key(secret=True))

    assert "hunter2" not in str(caught.value)


def test_where_nothing_is_expected_json_decides() -> None:
    node, _ = read_tree("{a: [1, 2.5, true, no, null, '1'], b: x}", "f")
    assert node is not None

    assert read_anything(node) == {"a": [1, 2.5, True, "no", None, "1"], "b": "x"}


@pytest.mark.parametrize(("name", "expected"), [("srvers", "servers"), ("LABEL", "label"), ("zzz", "")])
def test_the_nearest_name_is_found_whatever_its_case(name: str, expected: str) -> None:
    assert nearest(name, ["servers", "label"]) == expected
