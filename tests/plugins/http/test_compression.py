"""Compressed replies."""

import gzip
import zlib

import pytest

from mesh import Body, Fields, HttpReply, HttpRequest, Params, UpstreamBroken, field
from mesh.testing import Trickle
from mesh_plugins.http.compression import COMPRESSION, COMPRESSION_LEVEL, Compressed, Compression, is_textual

TEXT = (b"content-type", b"text/plain; charset=utf-8")
WORDS = b"as the lion said to the lion tamer " * 20
ACCEPTS = (b"accept-encoding", b"gzip")


async def _through(
    reply: HttpReply, *, level: int = -1, method: bytes = b"GET", headers: Fields | None = None
) -> HttpReply:
    async def service(_request: HttpRequest, /) -> HttpReply:
        return reply

    request = HttpRequest(method, b"/", [ACCEPTS] if headers is None else headers)
    return await Compression(level)(request, service)


async def _all(body: Body) -> bytes:
    pieces = []
    while piece := await body.receive():
        pieces.append(piece)
    return b"".join(pieces)


async def test_a_text_in_memory_is_compressed_in_one_go() -> None:
    reply = await _through(HttpReply(200, [TEXT], WORDS))

    content = reply.body.buffered or b""
    assert (gzip.decompress(content), len(content) < 100) == (WORDS, True)
    assert reply.headers == [TEXT, (b"vary", b"accept-encoding"), (b"content-encoding", b"gzip")]


async def test_a_client_may_prefer_deflate() -> None:
    reply = await _through(HttpReply(200, [TEXT], WORDS), headers=[(b"accept-encoding", b"deflate")])

    assert zlib.decompress(reply.body.buffered or b"") == WORDS
    assert field(reply.headers, b"content-encoding") == b"deflate"


async def test_a_text_that_streams_lets_every_piece_out_as_it_comes() -> None:
    reply = await _through(HttpReply(200, [TEXT], Trickle(b"event 1", b"event 2", trailers=[("x", "y")])))
    unzip = zlib.decompressobj(31)

    pieces = []
    while piece := await reply.body.receive():
        pieces.append(unzip.decompress(piece))

    assert pieces == [b"event 1", b"event 2", b""]
    assert (reply.body.size, reply.whole, reply.body.trailers) == (None, False, [(b"x", b"y")])
    assert await reply.body.receive() == b""


async def test_a_large_text_is_compressed_slice_by_slice() -> None:
    content = bytes(range(256)) * 4096
    body = Compressed(Trickle(content, size=len(content)), 1, "gzip")

    assert gzip.decompress(await _all(body)) == content


async def test_a_body_that_breaks_off_breaks_off() -> None:
    reply = await _through(HttpReply(200, [TEXT], Trickle(b"half", error=UpstreamBroken("gone"))))

    with pytest.raises(UpstreamBroken):
        await _all(reply.body)


@pytest.mark.parametrize(
    ("etag", "expected"), [(b'"x"', b'W/"x"'), (b'W/"x"', b'W/"x"')], ids=["strong", "weak already"]
)
async def test_a_strong_etag_becomes_a_weak_one(etag: bytes, expected: bytes) -> None:
    headers = [TEXT, (b"etag", etag), (b"accept-ranges", b"bytes"), (b"content-md5", b"x")]

    reply = await _through(HttpReply(200, headers, WORDS))

    assert [item for item in reply.headers if item[0] in (b"etag", b"accept-ranges", b"content-md5")] == [
        (b"etag", expected)
    ]


@pytest.mark.parametrize(
    ("status", "headers", "content"),
    [
        (204, [TEXT], b""),
        (206, [TEXT, (b"content-range", b"bytes 0-1/2")], WORDS),
        (304, [TEXT, (b"etag", b'"x"')], b""),
        (200, [TEXT], b"short"),
        (200, [(b"content-type", b"image/png")], WORDS),
        (200, [], WORDS),
        (200, [TEXT, (b"content-encoding", b"br")], WORDS),
        (200, [TEXT, (b"cache-control", b"public, No-Transform")], WORDS),
        (200, [TEXT, (b"content-digest", b"sha-256=:x:")], WORDS),
    ],
)
async def test_what_should_not_be_compressed_is_left_as_it_is(status: int, headers: Fields, content: bytes) -> None:
    reply = await _through(HttpReply(status, list(headers), content))

    assert (reply.headers, reply.body.buffered) == (headers, content)


@pytest.mark.parametrize(
    ("method", "asked"),
    [(b"HEAD", [ACCEPTS]), (b"GET", []), (b"GET", [(b"accept-encoding", b"gzip;q=0")])],
    ids=["HEAD", "not asked for", "refused"],
)
async def test_caches_are_told_that_another_client_might_get_it_compressed(method: bytes, asked: Fields) -> None:
    reply = await _through(HttpReply(200, [TEXT], WORDS), method=method, headers=asked)

    assert (reply.headers, reply.body.buffered) == ([TEXT, (b"vary", b"accept-encoding")], WORDS)


@pytest.mark.parametrize("vary", [b"*", b"Origin, Accept-Encoding"])
async def test_what_caches_know_is_not_repeated(vary: bytes) -> None:
    reply = await _through(HttpReply(200, [TEXT, (b"vary", vary)], WORDS))

    assert [value for name, value in reply.headers if name == b"vary"] == [vary]


async def test_a_client_that_wants_nothing_transformed_gets_it_so() -> None:
    reply = await _through(HttpReply(200, [TEXT], WORDS), headers=[ACCEPTS, (b"cache-control", b"no-transform")])

    assert reply.headers == [TEXT]


async def test_with_a_level_every_type_is_compressed() -> None:
    reply = await _through(HttpReply(200, [(b"content-type", b"image/bmp")], WORDS), level=9)

    assert gzip.decompress(reply.body.buffered or b"") == WORDS


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        (b"text/html", True),
        (b"Application/JSON; charset=utf-8", True),
        (b"application/problem+json", True),
        (b"image/svg+xml", True),
        (b"image/png", False),
        (b"application/octet-stream", False),
        (None, False),
    ],
)
def test_text_is_known_by_its_type(content_type: bytes | None, expected: bool) -> None:
    assert is_textual(content_type) == expected


def test_nothing_is_built_unasked() -> None:
    async def rest(_request: HttpRequest, /) -> HttpReply:
        return HttpReply(200)

    assert COMPRESSION.wrap(Params(), lambda _params: rest) is rest
    assert COMPRESSION.wrap(Params().put(COMPRESSION_LEVEL, -1), lambda _params: rest) is not rest


async def test_a_reply_that_breaks_off_is_known_to_have_although_it_is_compressed() -> None:
    reply = await _through(HttpReply(200, [TEXT], Trickle(b"hello", error=UpstreamBroken("gone"))))

    with pytest.raises(UpstreamBroken):
        await _all(reply.body)

    assert (type(reply.body), reply.body.broke) == (Compressed, True)
