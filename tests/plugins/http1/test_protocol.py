"""What the protocol `http` brings: its stack, which requests may be repeated, and both sides with either engine."""

import pytest
import trio

from mesh import HttpReply, HttpRequest, Life, Limits, Switch
from mesh.testing import memory_connections, request
from mesh_plugins.http1.protocol import STACK, is_repeatable, make_request, new_session, serve, serve_plainly
from mesh_plugins.http1.serving import Serving


def test_the_default_stack_keeps_its_own_rules() -> None:
    STACK.verify()

    assert [module.role for module in STACK if module.branch] == ["router", "binding", "balancer"]


def test_idempotent_requests_alone_may_be_repeated() -> None:
    methods = ("GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "POST", "PATCH", "PROPFIND", "get")

    repeatable = [method for method in methods if is_repeatable(request(method))]

    assert repeatable == ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]


@pytest.mark.parametrize("reference", [False, True])
async def test_both_sides_understand_each_other_with_either_engine(reference: bool) -> None:
    async def answer(asked: HttpRequest) -> HttpReply:
        return HttpReply(200, [(b"x-target", asked.target)], b"for " + (asked.body.buffered or b""))

    near, far = memory_connections()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve(Serving(), reference=reference), far, Switch(answer))
        session = new_session(Limits(), reference=reference)(near, Life(nursery))
        replies = [await session(request("PUT", f"/{n}", headers={"host": "a"}, body=b"you")) for n in range(2)]
        session.close()

    assert [reply.body.buffered for reply in replies] == [b"for you"] * 2


async def test_pages_are_served_without_settings() -> None:
    async def answer(_request: HttpRequest) -> HttpReply:
        return HttpReply(200, body=b"a page")

    near, far = memory_connections()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve_plainly(), far, Switch(answer))
        await near.send_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        found = await near.receive_some()

    assert found == b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 6\r\n\r\na page"


@pytest.mark.parametrize(
    ("url", "host", "target"),
    [
        ("http://web:80/a?b", b"web:80", b"/a?b"),
        ("https://web", b"web", b"/"),
        ("/a?b=http%3A", None, b"/a?b=http%3A"),
    ],
)
def test_a_url_is_turned_into_the_request_that_a_client_would_send(url: str, host: bytes | None, target: bytes) -> None:
    made = make_request("GET", url, [("X-A", " 1 ")])

    hosts = [(b"host", host)] if host else []
    assert (made.method, made.target, made.headers) == (b"GET", target, [*hosts, (b"x-a", b"1")])
