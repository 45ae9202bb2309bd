"""What the process remembers of the lines that came in."""

import pytest

from mesh import RemoteProtocolError
from mesh_plugins.http1.lines import FIELD_LINES, REQUEST_LINES
from mesh_plugins.http1.section import SECTIONS


def test_a_line_that_comes_again_is_remembered_with_what_it_means() -> None:
    FIELD_LINES[b"X-Remembered: 1"]
    first = FIELD_LINES[b"X-Remembered: 1"]

    assert FIELD_LINES[b"X-Remembered: 1"] is first
    assert first[0] == (b"x-remembered", b"1")


@pytest.mark.parametrize("line", [b"Authorization: x", b"Cookie: x", b"Set-Cookie: x", b"proxy-authorization: x"])
def test_secrets_are_not_remembered(line: bytes) -> None:
    section = b"\r\nX-A: b\r\n" + line

    SECTIONS[section], SECTIONS[section]

    assert line not in FIELD_LINES
    assert section not in SECTIONS


def test_long_lines_are_not_remembered() -> None:
    line = b"X: " + b"a" * 254

    FIELD_LINES[line]

    assert line not in FIELD_LINES


def test_long_request_lines_and_sections_are_not_remembered() -> None:
    line = b"GET /" + b"a" * 256 + b" HTTP/1.1"
    section = b"\r\nX: " + b"a" * 1024

    REQUEST_LINES[line]
    SECTIONS[section]

    assert line not in REQUEST_LINES
    assert section not in SECTIONS


def test_a_bad_line_is_refused_every_time() -> None:
    for _ in range(2):
        with pytest.raises(RemoteProtocolError):
            FIELD_LINES[b"Host: a b"]
