"""Every call ends with a status."""

import pytest

from mesh import Body, DeadlineExceeded, HttpReply, HttpRequest, MeshError, Params, StreamReset, UpstreamBroken
from mesh.testing import Headers, Trickle, reply, request, run_filter
from mesh_plugins.grpc.content import CARRIES_GRPC
from mesh_plugins.grpc.endings import GRPC_ENDINGS, Endings
from mesh_plugins.http.clear_context import CLEARS_CONTEXT
from mesh_plugins.http.gathered import Trailed
from tests.plugins.rest import Rest

GRPC = {"content-type": "application/grpc"}
OK = {"grpc-status": "0"}
NO_STATUS = [(b"grpc-status", b"13"), (b"grpc-message", b"the endpoint ended its reply without a status")]


def call() -> HttpRequest:
    return request("POST", "/a.B/C", headers=GRPC)


async def _all(body: Body) -> bytes:
    pieces = []
    while piece := await body.receive():
        pieces.append(piece)
    assert await body.receive() == b""
    return b"".join(pieces)


async def _ended(answer: HttpReply, asked: HttpRequest | None = None) -> HttpReply:
    returned: HttpReply = await run_filter(Endings(), asked or call(), answer)
    await _all(returned.body)
    return returned


async def test_a_stream_that_ends_as_it_should_is_left_as_it_is() -> None:
    body = Trickle(b"a", b"b", trailers={**OK, "x": "y"})

    returned = await run_filter(Endings(), call(), reply(200, body, headers=GRPC))

    assert await _all(returned.body) == b"ab"
    assert returned.body.trailers == [(b"grpc-status", b"0"), (b"x", b"y")]


@pytest.mark.parametrize(
    "whole",
    [
        reply(200, headers={**GRPC, "grpc-status": "5"}),
        reply(200, Trailed(b"a", [(b"grpc-status", b"0")]), headers=GRPC),
    ],
)
async def test_a_whole_reply_with_a_status_keeps_its_body(whole: HttpReply) -> None:
    body = whole.body

    assert (await run_filter(Endings(), call(), whole)).body is body


@pytest.mark.parametrize(
    ("error", "status", "flags"),
    [
        (UpstreamBroken("broke"), b"14", "UC upstream_broken"),
        (StreamReset("broke", code=8), b"1", "UR stream_reset"),
        (DeadlineExceeded("broke"), b"4", "UT deadline"),
    ],
)
async def test_a_stream_that_breaks_off_ends_with_a_status(error: MeshError, status: bytes, flags: str) -> None:
    asked = call()

    returned = await _ended(reply(200, Trickle(b"a", error=error), headers=GRPC), asked)

    assert returned.body.trailers == [(b"grpc-status", status), (b"grpc-message", b"broke")]
    assert (returned.body.broke, asked.context.flags) == (True, flags)


async def test_strangers_learn_no_names_from_it() -> None:
    params, rest = Params().put(CARRIES_GRPC, True).put(CLEARS_CONTEXT, True), Rest()
    rest.answer = lambda _request: reply(200, Trickle(error=UpstreamBroken("10.0.0.1 broke")), headers=GRPC)

    returned = await GRPC_ENDINGS.wrap(params, rest)(call())
    await _all(returned.body)

    assert returned.body.trailers == [(b"grpc-status", b"14")]


async def test_a_stream_that_ends_without_a_status_gets_one() -> None:
    asked = call()

    returned = await _ended(reply(200, Trickle(b"a", trailers={"x": "y"}), headers=GRPC), asked)

    assert returned.body.trailers == [(b"x", b"y"), *NO_STATUS]
    assert asked.context.flags == "UPE upstream_protocol"


async def test_so_does_a_whole_reply() -> None:
    returned = await run_filter(Endings(), call(), reply(200, b"a", headers=GRPC))

    assert (returned.body.buffered, returned.body.trailers) == (b"a", NO_STATUS)


async def test_its_size_is_nobodys_promise() -> None:
    returned = await run_filter(Endings(), call(), reply(200, Trickle(b"a", size=9), headers=GRPC))

    assert returned.body.size is None


@pytest.mark.parametrize(
    ("status", "headers", "expected", "message"),
    [
        (503, {"content-type": "text/html"}, b"14", b"HTTP status 503, content-type text/html: no reply of gRPC"),
        (404, {}, b"12", b"HTTP status 404, no content-type: no reply of gRPC"),
        (200, {"content-type": "text/html"}, b"2", b"HTTP status 200, content-type text/html: no reply of gRPC"),
        (500, GRPC, b"2", b"HTTP status 500, content-type application/grpc: no reply of gRPC"),
    ],
)
async def test_a_reply_that_is_none_of_grpc_is_translated(
    status: int, headers: Headers, expected: bytes, message: bytes
) -> None:
    answer = reply(status, Trickle(b"<html>"), headers=[*dict(headers).items(), ("via", "1.1 linkerd")])

    returned = await run_filter(Endings(), call(), answer)

    assert (returned.status, returned.outcome, await _all(returned.body)) == (200, False, b"")
    assert returned.headers[1:] == [(b"grpc-status", expected), (b"grpc-message", message), (b"via", b"1.1 linkerd")]


async def test_one_with_a_status_is_of_grpc_whatever_else_it_says() -> None:
    answer = reply(500, headers={"grpc-status": "7"})

    assert await run_filter(Endings(), call(), answer) is answer


@pytest.mark.parametrize("asked", [request("GET", headers=GRPC), request("POST")], ids=["get", "post"])
async def test_what_is_no_call_is_left_alone(asked: HttpRequest) -> None:
    answer = reply(503, b"busy")

    assert await run_filter(Endings(), asked, answer) is answer
    assert answer.body.buffered == b"busy"


async def test_where_no_calls_come_through_nothing_is_added() -> None:
    rest = Rest()

    assert GRPC_ENDINGS.wrap(Params(), rest) is rest.services[0]
