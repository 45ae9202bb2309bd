"""Ids in digits."""

import pytest

from mesh_plugins.propagators.digits import read_span, read_trace


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"1", 1),
        (b"ABC", 0xABC),
        (b"48485a3953bb6124", 0x48485A3953BB6124),
        (b"a48485a3953bb6124", 0x48485A3953BB6124),
        (b"", None),
        (b"0x1", None),
        (b"1_0", None),
        (b" 1", None),
        (b"1" * 33, None),
        (None, None),
    ],
)
def test_the_last_16_digits_are_the_span(text: bytes | None, expected: int | None) -> None:
    assert read_span(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"48485a3953bb6124", (None, 0x48485A3953BB6124)),
        (b"463ac35c9f6413ad48485a3953bb6124", (0x463AC35C9F6413AD, 0x48485A3953BB6124)),
        (b"1463ac35c9f6413ad48485a3953bb61", (None, 0xAD48485A3953BB61)),
        (b"zz", None),
        (None, None),
    ],
)
def test_only_32_digits_are_128_bits(text: bytes | None, expected: tuple[int | None, int] | None) -> None:
    assert read_trace(text) == expected
