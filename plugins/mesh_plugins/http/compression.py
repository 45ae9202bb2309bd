"""Compresses replies for clients that accept it, as they stream.

Source: finagle-netty4-http, TextualContentCompressor.scala; RFC 9110 sections 8.4, 8.8.3 and 12.5.3; nginx's gzip module.
"""

import zlib
from typing import Literal

import trio

from mesh import (
    AnyService,
    Body,
    Buffered,
    Fields,
    HttpReply,
    HttpRequest,
    Make,
    Module,
    Param,
    Params,
    WrappedBody,
    bind,
    field,
)
from mesh_plugins.http.codings import preferred

COMPRESSION_LEVEL = Param(0, "compression level")
"""How hard replies are compressed: 0 not at all, 1 to 9, or -1 for textual types alone."""

AUTOMATIC_LEVEL = 6
LEAST = 20  # bytes of a body that is compressed: gzip's own are as many
SLICE = 64 * 1024  # bytes compressed without a break: 2 ms, during which nobody else has their turn
_WINDOW = {"gzip": 31, "deflate": 15}  # zlib's codes for both formats
_TEXTUAL = frozenset(
    {
        "application/atom+xml",
        "application/javascript",
        "application/json",
        "application/rss+xml",
        "application/x-javascript",
        "application/xhtml+xml",
        "application/xml",
        "image/svg+xml",
    }
)
_LEFT_ALONE = frozenset({204, 205, 206, 304})  # without a body, or with a part of one
_OF_THE_BYTES = frozenset({b"accept-ranges", b"content-md5"})  # true of the content as it was alone
_DIGESTS = frozenset({b"content-digest", b"repr-digest", b"digest"})  # signed, perhaps: such content is left alone


class Compression:
    """Compresses what a client accepts compressed, and what is worth it; `level` is that of the key `compressionLevel`."""

    __slots__ = ("_is_automatic", "_level")

    def __init__(self, level: int) -> None:
        self._is_automatic = level < 0
        self._level = AUTOMATIC_LEVEL if level < 0 else level

    async def __call__(self, request: HttpRequest, service: AnyService, /) -> HttpReply:
        accepted = b",".join(value for name, value in request.headers if name == b"accept-encoding")
        transforms = not _forbids(request.headers)
        reply: HttpReply = await service(request)
        if not transforms or not self._is_worth_it(reply):
            return reply
        _vary(reply.headers)
        coding = preferred(accepted) if accepted else ""
        if coding and request.method not in (b"HEAD", b"CONNECT"):
            reply.headers = _coded(reply.headers, coding)
            await self._compress(reply, coding)
        return reply

    def _is_worth_it(self, reply: HttpReply) -> bool:
        headers, size = reply.headers, reply.body.size
        if (
            reply.status < 200
            or reply.status in _LEFT_ALONE
            or (size is not None and size < LEAST)
            or _forbids(headers)
        ):
            return False
        if any(name in _DIGESTS or name == b"content-range" for name, _value in headers):
            return False
        coding = field(headers, b"content-encoding")
        if coding is not None and coding.lower() != b"identity":
            return False
        return not self._is_automatic or is_textual(field(headers, b"content-type"))

    async def _compress(self, reply: HttpReply, coding: str) -> None:
        body = Compressed(reply.body, self._level, "gzip" if coding == "gzip" else "deflate")
        size = reply.body.size
        if reply.whole and size is not None and size <= SLICE:
            reply.body = Buffered(await body.receive_all())
        else:
            reply.body = body


class Compressed(WrappedBody):
    """A body that is compressed as it is received, at most 64 KiB at a time.

    A body of unknown size may be one whose pieces somebody waits for, such as events: each is let out at once. The state:
    `_left` of the piece that is being compressed, and whether the end has come.
    """

    __slots__ = ("_ended", "_left", "_lets_out", "_zip")

    def __init__(self, body: Body, level: int, coding: Literal["gzip", "deflate"]) -> None:
        super().__init__(body)
        self._zip = zlib.compressobj(level, zlib.DEFLATED, _WINDOW[coding])
        self._lets_out = body.size is None
        self._left = memoryview(b"")
        self._ended = False

    async def receive(self) -> bytes:
        while not self._ended:
            if self._left:
                await trio.lowlevel.checkpoint()  # between two slices
            else:
                piece = await self._body.receive()
                if not piece:
                    self._ended = True
                    return self._zip.flush()
                self._left = memoryview(piece)
            coded = self._next()
            if coded:
                return coded
        return b""

    def _next(self) -> bytes:
        piece, self._left = self._left[:SLICE], self._left[SLICE:]
        coded = self._zip.compress(piece)
        if self._lets_out and not self._left:
            coded += self._zip.flush(zlib.Z_SYNC_FLUSH)
        return coded

    async def receive_all(self) -> bytes:
        """Return all of a body that is in memory."""
        pieces = []
        while piece := await self.receive():
            pieces.append(piece)
        return b"".join(pieces)


def is_textual(content_type: bytes | None) -> bool:
    """Return whether content of a type is text, or as good as."""
    if content_type is None:
        return False
    name = content_type.partition(b";")[0].strip().lower().decode("latin-1")
    return name.startswith("text/") or name in _TEXTUAL or name.endswith(("+json", "+xml"))


def _forbids(headers: Fields) -> bool:
    return any(name == b"cache-control" and b"no-transform" in value.lower() for name, value in headers)


def _vary(headers: Fields) -> None:
    """Tell caches that the content depends on what the client accepts."""
    told = [part.strip() for name, value in headers if name == b"vary" for part in value.lower().split(b",")]
    if b"accept-encoding" not in told and b"*" not in told:
        headers.append((b"vary", b"accept-encoding"))


def _coded(headers: Fields, coding: str) -> Fields:
    """Return the fields of a reply that is compressed: not the same bytes any more, but the same content."""
    kept = [
        (name, b"W/" + value if name == b"etag" and not value.startswith(b"W/") else value)
        for name, value in headers
        if name not in _OF_THE_BYTES and name != b"content-encoding"
    ]
    return [*kept, (b"content-encoding", coding.encode())]


def _compression(params: Params, rest: Make) -> AnyService:
    level = params[COMPRESSION_LEVEL]
    return bind(Compression(level), rest(params), "compression") if level else rest(params)


COMPRESSION = Module(
    "compression",
    _compression,
    above=("clear_context", "errors"),
    why="replies that errors become, or lose their text, are compressed last",
    section="server",
)
