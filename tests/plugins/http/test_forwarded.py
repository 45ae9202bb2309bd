"""Whom a request comes from, and when."""

from typing import Any

import pytest

from mesh import Fields, HttpReply, HttpRequest, Params
from mesh.testing import memory_connections
from mesh_plugins.http.forwarded import (
    FORWARDED,
    LABELERS,
    TIMESTAMP,
    TIMESTAMP_HEADER,
    Forwarded,
    Labelers,
    Timestamp,
)


async def _ok(_request: HttpRequest, /) -> HttpReply:
    return HttpReply(200)


async def _added(filter_: Any, headers: Fields, scheme: bytes = b"http") -> Fields:
    request = HttpRequest(b"GET", b"/", headers)
    request.scheme = scheme
    await filter_(request, _ok)
    return request.headers


def _labelers(by: str, for_: str) -> Labelers:
    return Labelers(lambda _address, _connection: by, lambda _address, _connection: for_)


@pytest.mark.parametrize(
    ("headers", "scheme", "expected"),
    [
        ([], b"http", b"by=_http;for=8.8.8.8"),
        ([(b"host", b"buoyant.pizza")], b"http", b"by=_http;for=8.8.8.8;host=buoyant.pizza"),
        ([(b"host", b"web:80")], b"http", b'by=_http;for=8.8.8.8;host="web:80"'),
        ([(b"host", b'a"b')], b"https", b'by=_http;for=8.8.8.8;host="a\\"b";proto=https'),
    ],
)
async def test_a_field_says_who_asks_whom_for_what(headers: Fields, scheme: bytes, expected: bytes) -> None:
    assert (await _added(Forwarded(_labelers("_http", "8.8.8.8")), headers, scheme))[-1] == (b"forwarded", expected)


async def test_what_is_there_stays() -> None:
    before = (b"forwarded", b"for=8.8.4.4")

    assert (await _added(Forwarded(_labelers("_a", "_b")), [before])) == [before, (b"forwarded", b"by=_a;for=_b")]


async def test_labelers_are_told_both_ends_of_the_connection() -> None:
    connection, _other = memory_connections()
    connection.local = "10.0.0.1:4140"
    request = HttpRequest(b"GET", b"/", [])
    request.context.connection, request.context.peer = connection, "10.0.0.2:5000"
    labelers = Labelers(
        lambda address, end: f"{address}/{end is connection}", lambda address, end: f"{address}/{end is connection}"
    )

    await Forwarded(labelers)(request, _ok)

    assert request.headers == [(b"forwarded", b"by=10.0.0.1:4140/True;for=10.0.0.2:5000/True")]


async def test_the_time_is_in_milliseconds() -> None:
    assert await _added(Timestamp(b"x-time", lambda: 1452115286.1239), []) == [(b"x-time", b"1452115286123")]


def test_nothing_is_built_unasked() -> None:
    assert FORWARDED.wrap(Params(), lambda _params: _ok) is _ok
    assert TIMESTAMP.wrap(Params(), lambda _params: _ok) is _ok
    assert FORWARDED.wrap(Params().put(LABELERS, _labelers("_a", "_b")), lambda _params: _ok) is not _ok
    assert TIMESTAMP.wrap(Params().put(TIMESTAMP_HEADER, "X-Time"), lambda _params: _ok) is not _ok
