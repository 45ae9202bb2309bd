"""Sections are read once and given out anew."""

from mesh import Limits
from mesh_plugins.http1.head import RequestHead
from mesh_plugins.http1.section import SECTIONS
from mesh_plugins.http1.wire import FastServer

REQUEST = b"GET / HTTP/1.1\r\nHost: a.test\r\nX-Section: 1\r\n\r\n"


def read() -> RequestHead:
    server = FastServer(Limits())
    server.feed(REQUEST)
    head = server.read_head()
    assert head is not None
    return head


def test_a_section_that_came_twice_is_looked_up() -> None:
    read()
    read()

    assert REQUEST[14:-4] in SECTIONS


def test_a_filter_that_changes_its_headers_changes_nobody_elses() -> None:
    read().headers.clear()

    assert read().headers == [(b"host", b"a.test"), (b"x-section", b"1")]
