"""What becomes of ordinary messages on their way through the proxy, both ways."""

import itertools

import pytest
import trio

from tests.e2e.raw import Incomplete, Message, RawConnection, chunked, reply, request
from tests.e2e.stubs import OK, Stub, answering, stub
from tests.proxies import between, proxy, stack


def echo(asked: Message) -> bytes:
    """Return a reply whose body says what was asked for."""
    return reply(body=asked.target + b" " + asked.body)


@pytest.fixture(params=["fast", "reference"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def test_a_connection_is_kept_on_both_sides(engine: str) -> None:
    async with between(answering(echo), engine=engine) as (endpoint, client):
        bodies = []
        for number in range(3):
            await client.send(request(target=f"/{number}"))
            bodies.append((await client.reply()).body)

    assert bodies == [b"/0 ", b"/1 ", b"/2 "]
    assert len(endpoint.connections) == 1


async def test_fifty_pipelined_requests_are_answered_in_order(engine: str) -> None:
    async with between(answering(echo), engine=engine) as (_endpoint, client):
        await client.send(b"".join(request(target=f"/{number}") for number in range(50)))
        bodies = [(await client.reply()).body for _number in range(50)]

    assert bodies == [b"/%d " % number for number in range(50)]


async def test_pipelined_requests_with_bodies_of_all_kinds_are_answered_in_order(engine: str) -> None:
    long = b"l" * 20_000
    kinds = (
        (b"GET", b"", b""),
        (b"POST", b"Content-Length: 5\r\n", b"short"),
        (b"PUT", b"Transfer-Encoding: chunked\r\n", chunked(b"in ", b"chunks")),
        (b"POST", b"Content-Length: 20000\r\n", long),
        (b"POST", b"Content-Length: 0\r\n", b""),
    )
    bodies = (b"", b"short", b"in chunks", long, b"")
    asked = [
        b"%b /%d HTTP/1.1\r\nHost: web\r\n%b\r\n%b" % (method, number, line, body)
        for number, (method, line, body) in enumerate(itertools.islice(itertools.cycle(kinds), 20))
    ]

    async with between(answering(echo), engine=engine) as (_endpoint, client):
        await client.send(b"".join(asked))
        found = [(await client.reply()).body for _request in asked]

    assert found == [b"/%d %b" % (number, bodies[number % 5]) for number in range(20)]


async def test_a_client_of_http_1_0_is_answered_and_its_connection_closed(engine: str) -> None:
    async with between(answering(echo), engine=engine) as (_endpoint, client):
        await client.send(b"GET /old HTTP/1.0\r\nHost: web\r\n\r\n")
        answer = await client.reply()
        closed = await client.is_closed()

    assert (answer.body, answer.value(b"connection"), closed) == (b"/old ", b"close", True)


async def test_a_client_of_http_1_0_may_keep_its_connection(engine: str) -> None:
    asked = b"GET /old HTTP/1.0\r\nHost: web\r\nConnection: Keep-Alive\r\n\r\n"

    async with between(answering(echo), engine=engine) as (_endpoint, client):
        await client.send(asked)
        first = await client.reply()
        await client.send(asked)
        second = await client.reply()

    assert [(answer.body, answer.value(b"connection")) for answer in (first, second)] == [(b"/old ", b"keep-alive")] * 2


async def test_a_body_of_unknown_length_ends_with_the_connection_for_http_1_0(engine: str) -> None:
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"one ", b"x" * 70_000)

    async with between(answering(answer), engine=engine) as (_endpoint, client):
        await client.send(b"GET / HTTP/1.0\r\nHost: web\r\nConnection: keep-alive\r\n\r\n")
        found = await client.reply()

    assert found.body == b"one " + b"x" * 70_000
    assert found.value(b"transfer-encoding") is None
    assert not client.was_reset


async def test_chunks_and_trailers_pass_both_ways(engine: str) -> None:
    said = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"good", b"bye", trailers="X-Sum: 7\r\n")

    async with between(answering(said), engine=engine) as (endpoint, client):
        body = chunked(b"hel", b"lo", trailers="X-Check: 5\r\nAuthorization: no\r\n")
        await client.send(b"POST / HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
        answer = await client.reply()

    arrived = endpoint.requests[0]
    assert (arrived.body, arrived.trailers) == (b"hello", [(b"x-check", b"5")])
    assert (answer.body, answer.trailers) == (b"goodbye", [(b"x-sum", b"7")])


async def test_trailers_pass_even_without_a_body(engine: str) -> None:
    said = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(trailers="X-Sum: 0\r\n")

    async with between(answering(said), engine=engine) as (_endpoint, client):
        await client.send(request())
        answer = await client.reply()

    assert (answer.body, answer.trailers) == (b"", [(b"x-sum", b"0")])


async def test_large_bodies_pass_unchanged_both_ways(engine: str) -> None:
    body = bytes(range(256)) * 4000

    def back(asked: Message) -> bytes:
        return reply(body=asked.body[::-1])

    async with between(answering(back), engine=engine) as (endpoint, client):
        await client.send(request("POST", body=body))
        answer = await client.reply()
        await client.send(request())
        after = await client.reply()

    assert answer.body == body[::-1]
    assert after.status == 200
    assert len(endpoint.connections) == 1


@pytest.mark.parametrize(
    ("method", "said", "size"),
    [
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n", b"1234"),
        ("HEAD", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", None),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n", None),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\nETag: x\r\n\r\n", b"77"),
    ],
)
async def test_a_reply_without_a_body_leaves_both_connections_usable(
    engine: str, method: str, said: bytes, size: bytes | None
) -> None:
    async with between(answering(said), engine=engine) as (endpoint, client):
        await client.send(request(method) + request(method))
        answers = [await client.reply(bodiless=True) for _number in range(2)]

    assert [answer.value(b"content-length") for answer in answers] == [size, size]
    assert len(endpoint.connections) == 1


@pytest.mark.parametrize("method", ["DELETE", "OPTIONS", "PATCH", "PROPFIND", "M-SEARCH", "X!#$%&'*+-.^_`|~0", "get"])
async def test_any_method_passes_as_it_is(engine: str, method: str) -> None:
    async with between(OK, engine=engine) as (endpoint, client):
        await client.send(request(method, "/odd?a=b;c&d=%2F"))
        status = (await client.reply()).status

    assert (status, endpoint.requests[0].first) == (200, f"{method} /odd?a=b;c&d=%2F HTTP/1.1".encode())


async def test_a_target_in_absolute_form_names_the_host(engine: str) -> None:
    async with between(OK, engine=engine) as (endpoint, client):
        await client.send(b"GET http://a.test:80/x%2Fy?q HTTP/1.1\r\nHost: b.test\r\n\r\n")
        await client.reply()

    arrived = endpoint.requests[0]
    assert (arrived.first, arrived.value(b"host")) == (b"GET /x%2Fy?q HTTP/1.1", b"a.test:80")


async def test_fields_of_one_connection_stop_at_it_both_ways(engine: str) -> None:
    private = ("Connection: x-mine, keep-alive", "X-Mine: 1", "Keep-Alive: timeout=5", "TE: trailers", "Upgrade: h2c")
    own = ("Proxy-Authenticate: Basic", "Proxy-Authorization: x", "Proxy-Connection: keep-alive", "Trailer: x-sum")
    names = [line.partition(":")[0].lower().encode() for line in (*private, *own)]

    async with between(answering(reply(200, *private, *own, "X-Other: 2")), engine=engine) as (endpoint, client):
        await client.send(request("GET", "/", *private, *own, "X-Other: 1"))
        answer = await client.reply()

    arrived = endpoint.requests[0]
    assert [name for name in names if arrived.values(name)] == []
    assert [name for name in names if answer.values(name)] == []
    assert (arrived.value(b"x-other"), answer.value(b"x-other")) == (b"1", b"2")


async def test_other_fields_keep_their_order_and_their_doubles(engine: str) -> None:
    lines = ("A: 1", "Cookie: b=2; c=3", "B: \xe9 \xff", "A: 2", "Empty:")
    fields = [(b"a", b"1"), (b"cookie", b"b=2; c=3"), (b"b", b"\xe9 \xff"), (b"a", b"2"), (b"empty", b"")]

    async with between(answering(reply(200, *lines)), engine=engine) as (endpoint, client):
        await client.send(request("GET", "/", *lines))
        answer = await client.reply()

    assert endpoint.requests[0].fields[1:6] == fields
    assert answer.fields[:5] == fields


async def test_the_reason_and_an_unknown_status_pass(engine: str) -> None:
    async with between(answering(reply(799, reason="Very Odd")), engine=engine) as (_endpoint, client):
        await client.send(request())
        answer = await client.reply()

    assert answer.first == b"HTTP/1.1 799 Very Odd"


async def test_each_hop_adds_itself_to_via(engine: str) -> None:
    async with between(answering(reply(200, "Via: 1.0 fred")), engine=engine) as (endpoint, client):
        await client.send(b"GET / HTTP/1.0\r\nHost: web\r\nVia: 1.1 joe\r\n\r\n")
        answer = await client.reply()

    assert endpoint.requests[0].value(b"via") == b"1.1 joe, 1.0 linkerd"
    assert answer.value(b"via") == b"1.0 fred, 1.1 linkerd"


async def test_the_endpoint_is_told_where_it_stands(engine: str) -> None:
    async with stub(answering(reply())) as endpoint:
        dtab = f"/svc/web => /$/inet/127.0.0.1/{endpoint.port}/rest;"
        async with proxy(stack(dtab, engine=engine)) as running, running.connect() as client:
            await client.send(request("GET", "/", "l5d-dst-service: /forged", "l5d-dst-residual: /forged"))
            await client.reply()

    arrived = endpoint.requests[0]
    assert arrived.value(b"l5d-dst-service") == b"/svc/web"
    assert arrived.value(b"l5d-dst-client") == f"/$/inet/127.0.0.1/{endpoint.port}".encode()
    assert arrived.value(b"l5d-dst-residual") == b"/rest"


async def test_early_hints_are_passed_on_before_the_reply(engine: str) -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"

    async with between(answering(hints + hints + reply()), engine=engine) as (_endpoint, client):
        await client.send(request())
        answers = [await client.reply() for _number in range(3)]

    assert [answer.status for answer in answers] == [103, 103, 200]
    assert [answer.value(b"link") for answer in answers] == [b"</a>", b"</a>", None]


async def test_a_client_of_http_1_0_gets_no_early_hints(engine: str) -> None:
    async with between(answering(b"HTTP/1.1 103 Early Hints\r\n\r\n" + reply()), engine=engine) as (_endpoint, client):
        await client.send(b"GET / HTTP/1.0\r\nHost: web\r\n\r\n")
        answer = await client.reply()

    assert answer.status == 200


async def test_a_reply_that_ends_with_its_connection_is_reframed(engine: str) -> None:
    async def end(_stub: Stub, connection: RawConnection) -> None:
        await connection.request()
        await connection.send(b"HTTP/1.0 200 OK\r\n\r\nhello")

    async with between(end, engine=engine) as (_endpoint, client):
        await client.send(request())
        answer = await client.reply()

    assert (answer.body, answer.value(b"transfer-encoding")) == (b"hello", b"chunked")


async def test_nothing_is_answered_after_a_request_that_closes(engine: str) -> None:
    async with between(answering(echo), engine=engine) as (endpoint, client):
        await client.send(request("GET", "/last", "Connection: close") + request("GET", "/more"))
        answer = await client.reply()
        with pytest.raises(Incomplete):
            await client.reply()

    assert (answer.body, answer.value(b"connection")) == (b"/last ", b"close")
    assert len(endpoint.requests) == 1


async def test_a_last_reply_is_not_lost_when_the_client_goes_on_sending(engine: str) -> None:
    body = b"x" * 500_000

    async with between(answering(reply(body=body)), engine=engine) as (_endpoint, client):
        await client.send(request("GET", "/last", "Connection: close") + b"y" * 300_000)
        await trio.sleep(0.05)
        answer = await client.reply()
        closed = await client.is_closed()

    assert answer.body == body
    assert (closed, client.was_reset) == (True, False)
