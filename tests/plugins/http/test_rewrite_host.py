"""Endpoints that know themselves by another host."""

import pytest

from mesh import (
    BOUND,
    ENDPOINT,
    AddrBound,
    BoundName,
    Endpoint,
    Fields,
    Fixed,
    HttpReply,
    HttpRequest,
    Params,
    Path,
    UpstreamBroken,
)
from mesh_plugins.http.rewrite_host import REWRITE_HOST, RewriteHost

HOST = (b"host", b"monkeys")


async def _through(reply: Fields, headers: Fields | None = None) -> tuple[Fields, HttpRequest, HttpReply]:
    seen: list[Fields] = []
    request = HttpRequest(b"GET", b"/", [(b"a", b"b"), HOST] if headers is None else headers)

    async def service(request: HttpRequest, /) -> HttpReply:
        seen.append(request.headers)
        return HttpReply(302, list(reply))

    got = await RewriteHost(b"acme.co")(request, service)
    return seen[0], request, got


async def test_the_endpoint_is_asked_for_its_own_host_and_the_request_stays_as_it_was() -> None:
    seen, request, _reply = await _through([])

    assert seen == [(b"host", b"acme.co"), (b"a", b"b")]
    assert request.headers == [(b"a", b"b"), HOST]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"http://acme.co/x?y=acme.com", b"http://monkeys/x?y=acme.com"),
        (b"https://ACME.CO:8443/", b"https://monkeys:8443/"),
        (b"http://notacme.co/", b"http://notacme.co/"),
        (b"5; url=http://acme.co/", b"5; url=http://monkeys/"),
        (b"/relative", b"/relative"),
    ],
)
async def test_the_clients_host_comes_back_where_the_reply_leads_elsewhere(value: bytes, expected: bytes) -> None:
    for name in (b"location", b"refresh"):
        _seen, _request, reply = await _through([(name, value), (b"x-other", value)])

        assert reply.headers == [(name, expected), (b"x-other", value)]


async def test_a_client_that_named_no_host_gets_the_endpoints() -> None:
    location = (b"location", b"http://acme.co/")

    _seen, _request, reply = await _through([location], [])

    assert reply.headers == [location]


async def test_a_failed_attempt_leaves_the_request_as_it_was() -> None:
    request = HttpRequest(b"GET", b"/", [HOST])

    async def service(_request: HttpRequest, /) -> HttpReply:
        raise UpstreamBroken("gone")

    with pytest.raises(UpstreamBroken):
        await RewriteHost(b"acme.co")(request, service)

    assert request.headers == [HOST]


@pytest.mark.parametrize(
    ("own", "of_all", "expected"),
    [({}, {}, b"monkeys"), ({}, {"authority": "set"}, b"set"), ({"authority": "own"}, {"authority": "set"}, b"own")],
    ids=["neither", "the set's", "its own"],
)
async def test_discovery_says_what_the_host_is(own: dict[str, str], of_all: dict[str, str], expected: bytes) -> None:
    endpoint = Endpoint("10.0.0.1", 80, meta=own)
    name = BoundName(Path.read("/#/x"), Path(()), Fixed(AddrBound((endpoint,), of_all)))
    params = Params().put(ENDPOINT, endpoint).put(BOUND, name)

    async def echo(request: HttpRequest, /) -> HttpReply:
        return HttpReply(200, [], dict(request.headers)[b"host"])

    reply = await REWRITE_HOST.wrap(params, lambda _params: echo)(HttpRequest(b"GET", b"/", [HOST]))

    assert reply.body.buffered == expected
