"""Sections are read once, and the heads that they are part of are known again."""

import pytest

from mesh_plugins.http1.section import SECTIONS, known

LINE = b"GET / HTTP/1.1"
SECTION = b"\r\nHost: a.test\r\nX-Section: 1"
SECRET = SECTION + b"\r\nCookie: a=b"


def read_twice(section: bytes) -> None:
    for _time in range(2):
        SECTIONS[section]


def test_a_section_that_came_twice_is_looked_up() -> None:
    read_twice(SECTION)

    assert SECTION in SECTIONS


def test_a_head_whose_section_is_kept_is_known_again() -> None:
    read_twice(SECTION)

    assert known(LINE, SECTION) == LINE + SECTION + b"\r\n\r\n"


@pytest.mark.parametrize(
    ("line", "section"),
    [
        (LINE, SECTION + b"0"),
        (LINE, SECRET),
        (LINE, SECTION + b"0" * 1024),
        (b"GET /%b HTTP/1.1" % (b"a" * 300), SECTION),
    ],
    ids=["came once", "secret", "long", "a long line"],
)
def test_other_heads_are_not_kept(line: bytes, section: bytes) -> None:
    read_twice(SECTION)
    read_twice(SECRET)

    assert known(line, section) == b""
