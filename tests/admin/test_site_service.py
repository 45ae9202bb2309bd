"""A site over HTTP: what becomes of targets, headers and bodies."""

from collections.abc import Iterable

import pytest

from mesh.admin.pages import Page, PageReply, PageRequest, Site
from mesh.admin.site_service import MAX_BODY_BYTES, MAX_PARAMETERS, site_service
from mesh.http import HttpReply, HttpRequest, field
from mesh.message import Body, Buffered


class Pieces(Body):
    """A body of unknown size; `left` is what was not read."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self.left = list(pieces)

    async def receive(self) -> bytes:
        return self.left.pop(0) if self.left else b""


class Recorder:
    """A site with one page, and what it was asked."""

    def __init__(self) -> None:
        self.asked: list[PageRequest] = []
        self.site = Site([Page("/a b", "", self.handle, methods=("GET", "POST"))])

    def handle(self, request: PageRequest) -> PageReply:
        self.asked.append(request)
        return PageReply(201, "text/x", b"answer", headers=(("x-more", "1"),))


async def ask(site: Site, request: HttpRequest) -> HttpReply:
    return await site_service(site)(request)


async def test_a_request_is_taken_apart() -> None:
    recorder = Recorder()
    fields = [(b"accept", b"a"), (b"host", b"h"), (b"accept", b"b")]
    body = Pieces([b"one", b"two"])

    await ask(recorder.site, HttpRequest(b"POST", b"/a%20b?q=x%2Fy&q=z&empty", fields, body))

    assert recorder.asked == [
        PageRequest("POST", "/a b", {"q": ["x/y", "z"], "empty": [""]}, {"accept": "a, b", "host": "h"}, b"onetwo")
    ]


async def test_a_reply_is_put_together() -> None:
    reply = await ask(Recorder().site, HttpRequest(b"GET", b"/a%20b", []))

    assert (reply.status, reply.body.buffered, field(reply.headers, b"x-more")) == (201, b"answer", b"1")
    assert field(reply.headers, b"content-type") == b"text/x"
    assert field(reply.headers, b"cache-control") == b"no-store"


async def test_a_reply_to_head_has_a_size_and_no_body() -> None:
    reply = await ask(Recorder().site, HttpRequest(b"HEAD", b"/a%20b", []))

    assert (reply.status, reply.body.buffered, reply.declared_size) == (201, b"", 6)


async def test_a_body_that_says_it_is_too_long_is_not_read() -> None:
    recorder = Recorder()
    body = Buffered(bytes(MAX_BODY_BYTES + 1))

    reply = await ask(recorder.site, HttpRequest(b"POST", b"/a%20b", [], body))

    assert (reply.status, recorder.asked) == (413, [])
    assert len(await body.receive()) == MAX_BODY_BYTES + 1


async def test_a_body_that_turns_out_too_long_is_read_no_further() -> None:
    half = bytes(MAX_BODY_BYTES // 2 + 1)
    body = Pieces([half, half, half])

    reply = await ask(Recorder().site, HttpRequest(b"POST", b"/a%20b", [], body))

    assert (reply.status, len(body.left)) == (413, 1)


async def test_a_query_of_too_many_parameters_is_refused() -> None:
    query = b"&".join([b"a=1"] * (MAX_PARAMETERS + 1))

    reply = await ask(Recorder().site, HttpRequest(b"GET", b"/a%20b?" + query, []))

    assert reply.status == 400


@pytest.mark.parametrize("target", [b"*", b"//evil.example/a", b"/a%20b/../c", b"/%ff", b""])
async def test_a_strange_target_is_no_page(target: bytes) -> None:
    reply = await ask(Recorder().site, HttpRequest(b"GET", target, []))

    assert reply.status == 404
