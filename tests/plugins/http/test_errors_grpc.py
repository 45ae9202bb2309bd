"""Errors as calls of gRPC are told them."""

import logging

import pytest

from mesh import (
    EMPTY,
    ClientGone,
    ConnectFailed,
    Counter,
    DeadlineExceeded,
    HttpReply,
    HttpRequest,
    MeshError,
    Overloaded,
    RateLimited,
    RemoteProtocolError,
    StreamReset,
    Unidentified,
    Unroutable,
)
from mesh.testing import request
from mesh_plugins.http.errors import Errors


async def _answer(error: Exception) -> tuple[HttpRequest, HttpReply]:
    asked = request("POST", "/a.B/C", headers={"content-type": "application/grpc+proto"})

    async def service(_request: HttpRequest, /) -> HttpReply:
        raise error

    return asked, await Errors(Counter())(asked, service)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Unroutable("nowhere"), b"14"),
        (ConnectFailed("refused"), b"14"),
        (Overloaded("full"), b"14"),
        (DeadlineExceeded("late"), b"4"),
        (RemoteProtocolError("long", status=431), b"8"),
        (StreamReset("enough", code=11), b"8"),
    ],
)
async def test_an_error_is_a_status_in_headers_alone(error: MeshError, status: bytes) -> None:
    asked, answered = await _answer(error)

    fields = dict(answered.headers)
    assert (answered.status, answered.body, answered.outcome) == (200, EMPTY, False)
    assert (fields[b"content-type"], fields[b"grpc-status"]) == (b"application/grpc", status)
    assert fields[b"grpc-message"] == fields[b"l5d-err"] == str(error).encode()
    assert asked.context.flags == f"{error.flag} {error.detail}"


async def test_it_says_what_was_asked_for_as_http_does() -> None:
    _asked, answered = await _answer(Unidentified("no such service"))

    message = b"Unknown destination: POST /a.B/C / no such service"
    assert answered.headers[1:] == [(b"grpc-status", b"12"), (b"grpc-message", message), (b"l5d-err", message)]


@pytest.mark.parametrize(("error", "expected"), [(Overloaded("full"), b"true"), (Unroutable("nowhere"), None)])
async def test_it_says_whether_the_call_may_be_sent_again(error: MeshError, expected: bytes | None) -> None:
    _asked, answered = await _answer(error)

    assert dict(answered.headers).get(b"l5d-retryable") == expected


async def test_a_rate_limit_says_when_to_come_again() -> None:
    _asked, answered = await _answer(RateLimited("often", limit=1, retry_seconds=0.25, reset_seconds=1.0))

    fields = dict(answered.headers)
    assert (fields[b"grpc-status"], fields[b"grpc-retry-pushback-ms"]) == (b"8", b"250")


async def test_a_filter_that_raises_is_our_own_fault(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        _asked, answered = await _answer(ZeroDivisionError("oops"))

    fields = dict(answered.headers)
    assert (answered.status, fields[b"grpc-status"]) == (200, b"13")
    assert fields[b"grpc-message"].endswith(b" raised ZeroDivisionError: oops")


async def test_nobody_reads_what_a_client_is_told_that_has_gone() -> None:
    _asked, answered = await _answer(ClientGone("gone"))

    assert (answered.status, answered.outcome) == (499, False)
