"""gRPC-Web: calls of browsers, which see no trailers, and of some that can send no binary, become calls of gRPC.

The messages are the same. Trailers are a last frame of the body, with a flag of their own; `-text` has all of it in base64.
Source: grpc/grpc, doc/PROTOCOL-WEB.md.
"""

import re
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from collections.abc import Awaitable

import attrs

from mesh import (
    EMPTY,
    AnyService,
    Body,
    Buffered,
    Fields,
    HttpReply,
    HttpRequest,
    Make,
    Module,
    Params,
    RemoteProtocolError,
    WrappedBody,
    bind,
    field,
    without,
)
from mesh_plugins.grpc.content import CARRIES_GRPC, CONTENT_TYPE, GRPC, is_grpc
from mesh_plugins.grpc.messages import TRAILERS, encode

_TYPE = re.compile(rb"application/grpc-web(-text)?((?:[+;].*)?)", re.IGNORECASE)
_TEXT = b"application/grpc-web-text"
_NEVER_SENT_ON = (CONTENT_TYPE, b"x-grpc-web", b"accept")


@attrs.frozen
class GrpcWebConfig:
    """Lets clients of gRPC-Web, such as browsers, call services of gRPC."""


class GrpcWeb:
    """Translates both ways; other requests pass as they are, with a look at their content type."""

    def __call__(self, request: HttpRequest, service: AnyService, /) -> Awaitable[HttpReply]:
        content_type = field(request.headers, CONTENT_TYPE)
        match = None if content_type is None else _TYPE.fullmatch(content_type)
        return service(request) if match is None else _call(request, service, bool(match[1]), match[2])


async def _call(request: HttpRequest, service: AnyService, is_text: bool, encoding: bytes) -> HttpReply:
    accepted = field(request.headers, b"accept") or b""
    answers_text = _TEXT in accepted.lower() if b"grpc-web" in accepted.lower() else is_text
    request.headers = [*without(request.headers, *_NEVER_SENT_ON), (CONTENT_TYPE, GRPC + encoding)]
    if is_text:
        request.body = _decoded(request.body)
    reply: HttpReply = await service(request)
    if not is_grpc(reply.headers):
        return reply
    name = b"application/grpc-web-text" if answers_text else b"application/grpc-web"
    reply.headers = [
        (key, name + value[len(GRPC) :] if key == CONTENT_TYPE else value)
        for key, value in reply.headers
        if key != b"trailer"
    ]
    if reply.whole:
        content = reply.body.buffered or b""
        if reply.body.trailers:
            content += trailers_frame(reply.body.trailers)
        reply.body = _whole(b2a_base64(content, newline=False) if answers_text else content)
    else:
        reply.body = _WebBody(reply.body, answers_text)
    return reply


def _whole(content: bytes) -> Body:
    return Buffered(content) if content else EMPTY


def trailers_frame(trailers: Fields) -> bytes:
    """Return trailers as the last frame of a body."""
    return encode(b"".join([b"%s: %s\r\n" % item for item in trailers]), TRAILERS)


def _decoded(body: Body) -> Body:
    """Return a body without its base64. One in memory is decoded at once; raises `RemoteProtocolError` as `Base64` does."""
    content = body.buffered
    if content is None:
        return _Base64Body(body)
    decoder = Base64()
    decoded = decoder.feed(content)
    decoder.end()
    return Buffered(decoded)


class Base64:
    """Decodes base64 that comes in pieces, and may be padded in the middle, where its sender had a break. Sans-io.

    State: what came and is no whole group of four characters yet.
    """

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = b""

    def feed(self, piece: bytes) -> bytes:
        """Return the bytes that are known now. Raises `RemoteProtocolError` for what is no base64."""
        text = self._left + piece
        whole = len(text) & ~3
        self._left = text[whole:]
        try:
            return b"".join([_group(part) for part in _PADDED.findall(text[:whole])])
        except Base64Error as error:
            raise RemoteProtocolError(f"the body of a call of gRPC-Web is no base64: {error}") from error

    def end(self) -> None:
        """Take note of the end. Raises `RemoteProtocolError` if that is in the middle of a group."""
        if self._left:
            raise RemoteProtocolError("the body of a call of gRPC-Web ended in the middle of its base64")


_PADDED = re.compile(rb"[^=]+={0,2}|=+")


def _group(part: bytes) -> bytes:
    """Return what some whole groups stand for, of which the last may be padded."""
    return a2b_base64(part, strict_mode=True)


class _Base64Body(WrappedBody):
    """The body of a request that comes in base64."""

    __slots__ = ("_decoder",)

    def __init__(self, body: Body) -> None:
        super().__init__(body)
        self._decoder = Base64()

    async def receive(self) -> bytes:
        while piece := await self._body.receive():
            decoded = self._decoder.feed(piece)
            if decoded:
                return decoded
        self._decoder.end()
        return b""


class _WebBody(WrappedBody):
    """The body of a reply, with its trailers as the last frame; each piece is let out as it comes. State: whether that went."""

    __slots__ = ("_ended", "_is_text")

    def __init__(self, body: Body, is_text: bool) -> None:
        super().__init__(body)
        self._is_text = is_text
        self._ended = False

    @property
    def trailers(self) -> Fields:
        return []

    async def receive(self) -> bytes:
        if self._ended:
            return b""
        piece = await self._body.receive()
        if not piece:
            self._ended = True
            piece = trailers_frame(self._body.trailers)
        return b2a_base64(piece, newline=False) if self._is_text else piece


def grpc_web(_config: GrpcWebConfig) -> Module:
    """Return the module of the kind `io.l5d.grpcWeb`."""

    def wrap(params: Params, rest: Make) -> AnyService:
        return bind(GrpcWeb(), rest(params.put(CARRIES_GRPC, True)), "grpc_web")

    return Module(
        "grpc_web",
        wrap,
        above=("grpc_endings", "errors"),
        why="errors, and streams that break off, get their status below it",
    )
