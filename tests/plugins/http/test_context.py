"""The routing context that requests carry: overrides, call depth, via, and what an edge takes away."""

from typing import Any

import pytest

from mesh import BadRequestContext, Dtab, Fields, HttpReply, HttpRequest, RemoteProtocolError
from mesh_plugins.http import context
from mesh_plugins.http.context import CallDepth, DtabReader, Edge, Reader, Via, normalised


async def _through(filter_: Any, headers: Fields, **more: Any) -> tuple[HttpRequest, HttpReply]:
    request = HttpRequest(b"GET", more.get("target", b"/"), headers)

    async def service(_request: HttpRequest, /) -> HttpReply:
        return more.get("reply") or HttpReply(200)

    return request, await filter_(request, service)


def reading(reader: Reader) -> Any:
    """Return the filter that lets `reader` read every request."""

    async def read(request: HttpRequest, service: Any, /) -> HttpReply:
        reader(request)
        reply: HttpReply = await service(request)
        return reply

    return read


async def test_a_request_without_an_override_has_none() -> None:
    request, _reply = await _through(reading(DtabReader()), [(b"host", b"web")])

    assert request.context.local_dtab is None


async def test_the_users_override_comes_after_the_contexts_and_leaves_as_context() -> None:
    headers = [(b"l5d-dtab", b"/a => /c"), (b"host", b"web"), (b"l5d-ctx-dtab", b"/a=>/b")]

    request, _reply = await _through(reading(DtabReader()), headers)

    assert request.context.local_dtab == Dtab.read("/a=>/b;/a=>/c")
    assert request.headers == [(b"host", b"web"), (b"l5d-ctx-dtab", b"/a=>/b;/a=>/c")]


async def test_several_headers_are_joined_in_order() -> None:
    request, _reply = await _through(reading(DtabReader()), [(b"l5d-dtab", b"/a=>/b"), (b"l5d-dtab", b"/c=>/d")])

    assert request.context.local_dtab == Dtab.read("/a=>/b;/c=>/d")


async def test_an_empty_override_is_none() -> None:
    request, _reply = await _through(reading(DtabReader()), [(b"l5d-dtab", b"")])

    assert request.context.local_dtab is None
    assert request.headers == []


async def test_an_override_that_does_not_parse_is_refused_with_the_parsers_words() -> None:
    with pytest.raises(BadRequestContext, match=r"expected but end of input found"):
        await _through(reading(DtabReader()), [(b"l5d-dtab", b"/svc =>")])


async def test_an_override_that_is_too_long_is_not_read() -> None:
    with pytest.raises(BadRequestContext, match="longer than"):
        await _through(reading(DtabReader()), [(b"l5d-dtab", b"/a=>/b;" * 2000)])


async def test_overrides_are_read_once_each_and_not_remembered_without_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context, "MEMO", 2)
    reader = DtabReader()

    for number in range(5):
        await _through(reading(reader), [(b"l5d-dtab", b"/a=>/%d" % number)])

    assert len(reader._memo) <= 2


@pytest.mark.parametrize(
    ("via", "refused"),
    [
        ([b"1.1 a", b"1.1 b, 1.1 c"], False),
        ([b"1.1 a, 1.1 b", b"1.1 c, 1.1 d"], True),
        ([], False),
    ],
    ids=["three", "four", "none"],
)
async def test_more_hops_than_allowed_are_taken_for_a_loop(via: list[bytes], refused: bool) -> None:
    headers = [(b"via", value) for value in via]
    if refused:
        with pytest.raises(BadRequestContext, match=r"Maximum number of calls \(3\) has been exceeded"):
            await _through(reading(CallDepth(3)), headers)
    else:
        _request, reply = await _through(reading(CallDepth(3)), headers)

        assert reply.status == 200


async def test_our_own_name_too_often_is_a_loop_whatever_the_limit() -> None:
    with pytest.raises(BadRequestContext, match="proxy loops"):
        await _through(reading(CallDepth(1000)), [(b"via", b", ".join([b"1.1 linkerd"] * 17))])


async def test_via_is_added_to_requests_and_replies() -> None:
    reply = HttpReply(200, [(b"via", b"1.1 other")])

    request, got = await _through(Via(), [(b"host", b"web")], reply=reply)

    assert request.headers[-1] == (b"via", b"1.1 linkerd")
    assert got.headers == [(b"via", b"1.1 other, 1.1 linkerd")]


@pytest.mark.parametrize(("outcome", "expected"), [(True, [b"1.0"]), (False, [b"0.0"]), (None, [])])
async def test_a_reply_says_whether_it_counts_as_a_success(outcome: bool | None, expected: list[bytes]) -> None:
    reply = HttpReply(200, [(b"l5d-success-class", b"0.5"), (b"via", b"1.1 other")])
    reply.outcome = outcome

    _request, got = await _through(Via(), [(b"host", b"web")], reply=reply)

    assert [value for name, value in got.headers if name == b"l5d-success-class"] == expected
    assert (b"via", b"1.1 other, 1.1 linkerd") in got.headers


async def test_an_edge_normalises_the_path() -> None:
    request, _reply = await _through(Edge(), [], target=b"/a/../b?c=..")

    assert request.target == b"/b?c=.."


async def test_at_the_edge_no_orders_to_services_made_with_finagle_are_taken() -> None:
    orders = [(b"dtab-local", b"/s => /x"), (b"x-dtab-00-a", b"L3M="), (b"finagle-ctx-deadline", b"1 2")]

    request, _reply = await _through(Edge(), [(b"host", b"web"), *orders])

    assert [name for name, _value in request.headers] == [b"host"]


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (b"/", b"/"),
        (b"/a/b", b"/a/b"),
        (b"/a/../admin", b"/admin"),
        (b"/a/%2e%2e/admin", b"/admin"),
        (b"/../../x", b"/x"),
        (b"/a//b///c", b"/a/b/c"),
        (b"/a/./b/.", b"/a/b/"),
        (b"/a/b/..", b"/a/"),
        (b"/a/..", b"/"),
        (b"/%7euser/%41?x=%2e%2e//", b"/~user/A?x=%2e%2e//"),
        (b"/caf%c3%a9", b"/caf%c3%a9"),
        (b"*", b"*"),
    ],
)
def test_a_path_is_normalised_once(target: bytes, expected: bytes) -> None:
    assert normalised(target) == expected


@pytest.mark.parametrize("target", [b"/a%zz", b"/a%2", b"/a/..%2fadmin", b"/a%5c..", b"/a\\b"])
def test_a_path_that_two_readers_could_read_differently_is_refused(target: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        normalised(target)
