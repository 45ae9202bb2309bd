"""Errors as HTTP replies."""

import logging

import pytest

from mesh import (
    AddrBound,
    BadRequestContext,
    BindingTimeout,
    BoundName,
    ClientGone,
    ConnectFailed,
    Counter,
    Endpoint,
    Fixed,
    HttpReply,
    HttpRequest,
    IdleTimeout,
    LocalProtocolError,
    MeshError,
    Nacked,
    Overloaded,
    Path,
    PluginError,
    RateLimited,
    RemoteProtocolError,
    Unavailable,
    Unidentified,
    Unroutable,
    UpstreamBroken,
    field,
)
from mesh_plugins.http.errors import Errors, status_of


async def _answer(error: Exception) -> tuple[HttpRequest, HttpReply]:
    request = HttpRequest(b"GET", b"/", [])

    async def service(_request: HttpRequest, /) -> HttpReply:
        raise error

    return request, await Errors(Counter())(request, service)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Unidentified("x"), 400),
        (BadRequestContext("x"), 400),
        (RemoteProtocolError("x", status=431), 431),
        (Unroutable("x"), 502),
        (ConnectFailed("x"), 502),
        (Unavailable("x"), 502),
        (UpstreamBroken("x"), 502),
        (BindingTimeout("x"), 504),
        (IdleTimeout("x"), 504),
        (Overloaded("x"), 503),
        (Nacked("x"), 503),
        (RateLimited("x", limit=1, retry_seconds=0.0, reset_seconds=0.0), 429),
        (LocalProtocolError("x"), 500),
        (PluginError("x"), 500),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_each_error_has_its_status(error: MeshError, status: int) -> None:
    assert status_of(error) == status


async def test_the_text_stands_in_the_body_and_encoded_in_a_header() -> None:
    _request, reply = await _answer(Unroutable("no way\nline 2"))

    assert reply.body.buffered == b"no way\nline 2\n"
    assert field(reply.headers, b"l5d-err") == b"no way%0Aline 2"
    assert field(reply.headers, b"content-type") == b"text/plain; charset=utf-8"


async def test_a_request_that_nobody_can_name_is_told_which_it_was() -> None:
    _request, reply = await _answer(Unidentified("no host"))

    assert reply.body.buffered == b"Unknown destination: GET / / no host"


@pytest.mark.parametrize(("count", "shown"), [(2, "10.0.0.0:80, 10.0.0.1:80"), (40, "10.0.0.19:80, ...")])
async def test_an_endpoint_that_cannot_be_connected_to_is_told_with_its_names(count: int, shown: str) -> None:
    endpoints = tuple(Endpoint(f"10.0.0.{number}", 80) for number in range(count))
    request = HttpRequest(b"GET", b"/", [])
    request.context.path = Path.read("/svc/web")
    request.context.bound = BoundName(Path.read("/#/fs/web"), Path(()), Fixed(AddrBound(endpoints)))
    request.context.endpoint = endpoints[1]

    async def service(_request: HttpRequest, /) -> HttpReply:
        raise ConnectFailed("refused")

    reply = await Errors(Counter())(request, service)

    lines = (reply.body.buffered or b"").decode().splitlines()
    assert lines[:4] == [
        "Unable to establish connection to 10.0.0.1:80.",
        "",
        "service name: /svc/web",
        "client name: /#/fs/web",
    ]
    assert lines[4].endswith(f"{shown}]")
    assert lines[5:] == ["selected address: 10.0.0.1:80", "cause: refused"]


async def test_an_overload_says_that_it_is_safe_to_try_again() -> None:
    _request, reply = await _answer(Overloaded("full"))

    assert reply.status == 503
    assert field(reply.headers, b"retry-after") == b"1"
    assert field(reply.headers, b"l5d-retryable") == b"true"
    assert field(reply.headers, b"finagle-http-nack") == b"true"


async def test_a_rate_limit_says_when_to_come_again() -> None:
    _request, reply = await _answer(RateLimited("too fast", limit=10, retry_seconds=0.2, reset_seconds=2.1))

    assert [(name, value) for name, value in reply.headers if name.startswith((b"x-ratelimit", b"retry"))] == [
        (b"retry-after", b"1"),
        (b"x-ratelimit-limit", b"10"),
        (b"x-ratelimit-remaining", b"0"),
        (b"x-ratelimit-reset", b"3"),
    ]
    assert field(reply.headers, b"l5d-retryable") is None


async def test_a_failed_connect_is_marked_as_retryable() -> None:
    _request, reply = await _answer(ConnectFailed("refused"))

    assert field(reply.headers, b"l5d-retryable") == b"true"


async def test_the_reason_is_kept_for_the_access_log() -> None:
    request, reply = await _answer(ConnectFailed("refused"))

    assert request.context.flags == "UF connect"
    assert reply.outcome is False


async def test_a_stray_exception_costs_one_request_a_500_and_a_line_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR):
        _request, reply = await _answer(ZeroDivisionError("oops"))

    assert reply.status == 500
    assert b"ZeroDivisionError: oops" in (reply.body.buffered or b"")
    assert "raised" in caplog.text


async def test_a_client_that_is_gone_gets_no_page() -> None:
    request, reply = await _answer(ClientGone("gone"))

    assert (reply.status, reply.body.buffered) == (499, b"")
    assert request.context.flags == "DC client_gone"


async def test_a_text_of_one_line_is_the_body_to_the_byte() -> None:
    _request, reply = await _answer(Unroutable("no way"))

    assert reply.body.buffered == b"no way"


async def test_a_long_text_is_cut_in_the_header_and_at_the_limit_in_the_body() -> None:
    request = HttpRequest(b"GET", b"/", [])

    async def service(_request: HttpRequest, /) -> HttpReply:
        raise Unroutable("x" + "\u00e9" * 100_000)

    reply = await Errors(Counter(), 1024)(request, service)

    assert len(field(reply.headers, b"l5d-err") or b"") == 4096
    assert reply.body.buffered == ("x" + "\u00e9" * 511).encode()


async def test_answers_that_say_that_nothing_was_done_are_counted() -> None:
    nacks = Counter()
    errors = Errors(nacks)
    for error in (Overloaded("full"), Unroutable("no way")):

        async def service(_request: HttpRequest, /, error: MeshError = error) -> HttpReply:
            raise error

        await errors(HttpRequest(b"GET", b"/", []), service)

    assert nacks.value == 1
