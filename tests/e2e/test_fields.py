"""The fields of requests and replies, as they stand on the wire on both sides of a running linker."""

import gzip
import re
from base64 import b64decode

import pytest

from mesh import TraceId
from tests.e2e.raw import request
from tests.e2e.stubs import OK, answering, stub
from tests.proxies import between, proxy, stack

WORDS = b"as the lion said to the lion tamer " * 20


async def test_a_trace_goes_on_through_two_routers_and_its_root_is_told() -> None:
    async with between() as (endpoint, client):
        caller = TraceId.of(3, 2, 1)
        await client.send(request("GET", "/", "l5d-ctx-trace: AAAAAAAAAAMAAAAAAAAAAgAAAAAAAAABAAAAAAAAAAA="))
        await client.send(request("GET", "/"))
        for _number in range(2):
            assert (await client.reply()).status == 200

    first, second = (TraceId.unpack(b64decode(sent.value(b"l5d-ctx-trace") or b"")) for sent in endpoint.requests)
    assert (first.trace, endpoint.requests[0].value(b"l5d-reqid")) == (caller.trace, b"0000000000000001")
    assert first.parent not in (None, caller.span)
    assert second.trace not in (None, caller.trace)


@pytest.mark.parametrize("engine", ["fast", "reference"])
async def test_a_trace_request_is_told_where_it_went(engine: str) -> None:
    async with stub(OK) as endpoint:
        dtab = f"/srv => /$/inet/127.1/{endpoint.port}; /svc => /srv"
        async with proxy(stack(dtab, engine=engine)) as running, running.connect() as client:
            await client.send(request("TRACE", "/", "Max-Forwards: 5", "l5d-add-context: true", host="dog"))
            answer = await client.reply()

    assert (endpoint.requests[0].first, endpoint.requests[0].value(b"max-forwards")) == (b"TRACE / HTTP/1.1", b"4")
    assert re.sub(r"\d+ ms", "n ms", answer.body.decode()) == (
        "ok\n\n--- Router: http ---\nrequest duration: n ms\nservice name: /svc/dog\n"
        f"client name: /$/inet/127.1/{endpoint.port}\naddresses: [127.0.0.1:{endpoint.port}]\n"
        f"selected address: 127.0.0.1:{endpoint.port}\ndtab resolution:\n  /svc/dog\n  /srv/dog (/svc=>/srv)\n"
        f"  /$/inet/127.1/{endpoint.port}/dog (/srv=>/$/inet/127.1/{endpoint.port})\n"
    )


async def test_both_ends_of_the_connection_and_the_time_are_told() -> None:
    ends = {"by": {"kind": "ip:port"}, "for": {"kind": "ip"}}

    async with between(server={"addForwardedHeader": ends, "timestampHeader": "X-Time"}) as (endpoint, client):
        await client.send(request("GET", "/", "Forwarded: for=8.8.4.4"))
        await client.reply()

    before, own = endpoint.requests[0].values(b"forwarded")
    assert before == b"for=8.8.4.4"
    assert re.fullmatch(rb'by="127\.0\.0\.1:\d+";for=127\.0\.0\.1;host=web', own)
    assert re.fullmatch(rb"\d{13}", endpoint.requests[0].value(b"x-time") or b"")


@pytest.mark.parametrize("server", [{"clearContext": True}, {"profile": "edge"}], ids=["clearContext", "edge"])
async def test_a_stranger_is_told_of_an_error_only_an_id(server: dict[str, object]) -> None:
    async with proxy(stack("/svc => !", server=server)) as running, running.connect() as client:
        await client.send(request("GET", "/", "l5d-ctx-trace: AAAAAAAAAAMAAAAAAAAAAgAAAAAAAAABAAAAAAAAAAA="))
        answer = await client.reply()

    assert (answer.status, answer.body) == (502, b"")
    assert [name for name, _value in answer.fields if name.startswith(b"l5d-")] == []
    assert re.fullmatch(rb"[0-9a-f]{16}", answer.value(b"x-request-id") or b"")
    assert answer.value(b"x-request-id") != b"0000000000000001"


@pytest.mark.parametrize("in_chunks", [False, True], ids=["with a length", "in chunks"])
async def test_a_text_is_compressed_on_its_way(in_chunks: bool) -> None:
    framing = b"Transfer-Encoding: chunked" if in_chunks else b"Content-Length: %d" % len(WORDS)
    body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(WORDS), WORDS) if in_chunks else WORDS
    head = b'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nETag: "x"\r\n%b\r\n\r\n' % framing

    async with between(answering(head + body), compressionLevel=-1) as (_endpoint, client):
        await client.send(request("GET", "/", "Accept-Encoding: gzip"))
        zipped = await client.reply()
        await client.send(request("GET", "/"))
        plain = await client.reply()

    assert (gzip.decompress(zipped.body), plain.body) == (WORDS, WORDS)
    assert [zipped.value(name) for name in (b"content-encoding", b"etag", b"vary")] == [
        b"gzip",
        b'W/"x"',
        b"accept-encoding",
    ]
    assert [plain.value(name) for name in (b"content-encoding", b"etag")] == [None, b'"x"']


async def test_a_certificate_that_a_client_claims_to_have_goes_no_further() -> None:
    async with between(client={"forwardClientCert": True}) as (endpoint, client):
        await client.send(request("GET", "/", "X-Forwarded-Client-Cert: Hash=A", "X-Forwarded-Client-Cert: Hash=B"))
        await client.reply()

    assert endpoint.requests[0].values(b"x-forwarded-client-cert") == []


@pytest.mark.parametrize(
    ("kind", "field"), [("io.l5d.zipkin", b"x-b3-traceid"), ("w3c", b"traceparent"), ("none", None)]
)
async def test_ids_travel_as_the_file_says(kind: str, field: bytes | None) -> None:
    async with between(tracePropagator={"kind": kind}) as (endpoint, client):
        await client.send(request())
        await client.reply()

    names = {name for name, _value in endpoint.requests[0].fields}
    assert names & {b"l5d-ctx-trace", b"x-b3-traceid", b"traceparent"} == ({field} if field else set())
