"""Values that could forge lines."""

import pytest

from mesh_plugins.access_log.escaping import quoted, word


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"curl/7.1 (x; y)", "curl/7.1 (x; y)"),
        (b'x" 200 "', 'x\\" 200 \\"'),
        (b"a\\b", "a\\\\b"),
        (b"a\r\n10.0.0.1 - -", "a\\x0d\\x0a10.0.0.1 - -"),
        (b"\x1b[31m\t\x7f", "\\x1b[31m\\x09\\x7f"),
        ("é".encode(), "\\xc3\\xa9"),
        (b"", ""),
    ],
)
def test_a_value_stays_between_its_quotes(value: bytes, expected: str) -> None:
    assert quoted(value) == expected


@pytest.mark.parametrize(("value", "expected"), [(b"a b", "a\\x20b"), (b"web:80", "web:80"), (b"", "-")])
def test_a_word_stays_one_word(value: bytes, expected: str) -> None:
    assert word(value) == expected
