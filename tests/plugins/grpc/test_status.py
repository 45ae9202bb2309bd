"""Codes by name and number, and the fields that carry them."""

import pytest

from mesh_plugins.grpc.status import (
    MAX_MESSAGE,
    Code,
    encode_message,
    parse_code,
    read_status,
    status_fields,
)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (b"0", Code.OK),
        (b"14", Code.UNAVAILABLE),
        (b"014", Code.UNAVAILABLE),
        (b"17", Code.UNKNOWN),
        (b"-1", Code.UNKNOWN),
        (b"OK", Code.UNKNOWN),
        (b"", Code.UNKNOWN),
        (b"1_4", Code.UNKNOWN),
        (b"9" * 5000, Code.UNKNOWN),
    ],
)
def test_a_status_is_a_number_that_stands_for_a_code(value: bytes, code: Code) -> None:
    assert read_status([(b"x", b"y"), (b"grpc-status", value)]) is code


def test_without_the_field_there_is_none() -> None:
    assert read_status([(b"grpc-message", b"14")]) is None


@pytest.mark.parametrize("text", ["UNAVAILABLE", "unavailable", "Unavailable", 14, "14"])
def test_a_code_may_be_written_as_a_name_or_a_number(text: str | int) -> None:
    assert parse_code(text) is Code.UNAVAILABLE


@pytest.mark.parametrize("text", ["DEADLINE-EXCEEDED", "deadline_exceeded"])
def test_words_of_a_name_are_joined_by_either_line(text: str) -> None:
    assert parse_code(text) is Code.DEADLINE_EXCEEDED


@pytest.mark.parametrize("text", ["GONE", 17, -1, "17", "", "1.5"])
def test_what_is_no_code_is_refused(text: str | int) -> None:
    with pytest.raises(ValueError, match="is no status of gRPC"):
        parse_code(text)


@pytest.mark.parametrize(
    ("text", "coded"),
    [
        ("no route to /svc/web", b"no route to /svc/web"),
        ("100% sure", b"100%25 sure"),
        ("two\nlines\x7f", b"two%0Alines%7F"),
        ("nö", b"n%C3%B6"),
    ],
)
def test_a_message_is_percent_encoded(text: str, coded: bytes) -> None:
    assert encode_message(text) == coded


@pytest.mark.parametrize("before", range(3))
def test_a_long_message_is_cut_off_between_two_characters(before: int) -> None:
    coded = encode_message("a" * before + "ö" * MAX_MESSAGE)

    assert len(coded) <= MAX_MESSAGE
    assert (len(coded) - before) % 3 == 0


def test_a_status_without_a_message_is_one_field() -> None:
    assert status_fields(Code.OK) == [(b"grpc-status", b"0")]
    assert status_fields(Code.INTERNAL, "why") == [(b"grpc-status", b"13"), (b"grpc-message", b"why")]
