"""What strangers may say and hear."""

import pytest

from mesh import Body, Fields, HttpReply, HttpRequest, Params, TraceId
from mesh.testing import Trickle
from mesh_plugins.http.clear_context import CLEAR_CONTEXT, CLEARS_CONTEXT, ClearContext, clears_context
from mesh_plugins.http.context import PROFILE


async def _through(headers: Fields, reply: HttpReply) -> tuple[HttpRequest, HttpReply]:
    request = HttpRequest(b"GET", b"/", headers)

    async def service(request: HttpRequest, /) -> HttpReply:
        request.context.trace = TraceId.of(0xABC)
        return reply

    return request, await ClearContext()(request, service)


async def test_every_field_of_the_mesh_goes_both_ways() -> None:
    reply = HttpReply(200, [(b"l5d-success-class", b"1.0"), (b"server", b"x")], b"ok")

    request, got = await _through([(b"l5d-dtab", b"/a=>/b"), (b"host", b"web"), (b"l5d-ctx-thing", b"x")], reply)

    assert request.headers == [(b"host", b"web")]
    assert (got.headers, got.body.buffered) == ([(b"server", b"x")], b"ok")


async def test_an_error_before_any_attempt_has_an_id_too() -> None:
    request = HttpRequest(b"GET", b"/", [])

    async def refuse(_request: HttpRequest, /) -> HttpReply:
        return HttpReply(400, [(b"l5d-err", b"why")], b"why")

    got: HttpReply = await ClearContext()(request, refuse)

    assert request.context.trace is not None
    assert got.headers == [(b"x-request-id", request.context.trace.trace_hex.encode())]


@pytest.mark.parametrize("body", [Trickle(b"why"), b"why"], ids=["streamed", "whole"])
async def test_an_error_keeps_its_status_and_an_id_to_ask_with(body: Body | bytes) -> None:
    reply = HttpReply(502, [(b"l5d-err", b"why"), (b"l5d-retryable", b"true")], body)

    _request, got = await _through([], reply)

    assert (got.status, got.headers, got.body.buffered) == (502, [(b"x-request-id", b"0000000000000abc")], b"")
    assert got.whole


@pytest.mark.parametrize(
    ("key", "profile", "expected"), [(False, "mesh", False), (True, "mesh", True), (False, "edge", True)]
)
async def test_the_key_asks_for_it_and_an_edge_does_so_too(key: bool, profile: str, expected: bool) -> None:
    params = Params().put(CLEARS_CONTEXT, key).put(PROFILE, profile)

    async def rest(request: HttpRequest, /) -> HttpReply:
        return HttpReply(200, list(request.headers))

    reply = await CLEAR_CONTEXT.wrap(params, lambda _params: rest)(HttpRequest(b"GET", b"/", [(b"l5d-x", b"y")]))

    assert clears_context(params) == expected
    assert reply.headers == ([] if expected else [(b"l5d-x", b"y")])


async def test_the_message_of_a_call_that_failed_here_goes_with_the_text() -> None:
    fields = [(b"grpc-status", b"14"), (b"grpc-message", b"10.0.0.1 refused"), (b"l5d-err", b"10.0.0.1 refused")]

    _request, got = await _through([], HttpReply(200, fields))

    assert [name for name, _value in got.headers] == [b"grpc-status", b"x-request-id"]
