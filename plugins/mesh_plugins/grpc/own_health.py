"""Answers health checks of gRPC for the linker itself, so that load balancers in front know when it leaves.

Source: grpc/grpc, doc/health-checking.md.
"""

from collections.abc import Awaitable

import attrs

from mesh import (
    DRAINING,
    AnyService,
    Body,
    Fields,
    HttpReply,
    HttpRequest,
    Make,
    Module,
    Params,
    Readable,
    RemoteProtocolError,
    bind,
    key,
)
from mesh_plugins.grpc.content import CONTENT_TYPE, GRPC, is_grpc, trailers_only
from mesh_plugins.grpc.health import CHECK, MAX_BYTES, WATCH, Serving, decode_request, encode_reply
from mesh_plugins.grpc.messages import MessageReader, encode
from mesh_plugins.grpc.status import Code, status_fields
from mesh_plugins.http.gathered import Trailed


@attrs.frozen(kw_only=True)
class GrpcHealthConfig:
    """Answers health checks of gRPC for the linker itself."""

    services: tuple[str, ...] = key(
        "The names that are asked for, besides the empty one, which is the linker as a whole.", ()
    )


class OwnHealth:
    """Answers `Check` and `Watch` of `grpc.health.v1.Health`: `SERVING`, until the process drains. Other requests pass."""

    __slots__ = ("_draining", "_names")

    def __init__(self, names: frozenset[str], draining: Readable[bool]) -> None:
        self._names = names
        self._draining = draining

    def __call__(self, request: HttpRequest, service: AnyService, /) -> Awaitable[HttpReply]:
        if request.target in (CHECK, WATCH) and request.method == b"POST" and is_grpc(request.headers):
            return self._answer(request)
        return service(request)

    async def _answer(self, request: HttpRequest) -> HttpReply:
        name = decode_request(await _only_message(request.body))
        is_known = name in self._names
        if request.target == WATCH:
            body: Body = _Watched(self._draining, is_known=is_known)
        elif is_known:
            body = Trailed(encode(encode_reply(_serving(self._draining))), status_fields(Code.OK))
        else:
            return trailers_only(Code.NOT_FOUND, f"nobody knows the service {name[:256]!r} here")
        reply = HttpReply(200, [(CONTENT_TYPE, GRPC)], body)
        reply.outcome = True
        return reply


def _serving(draining: Readable[bool]) -> Serving:
    return Serving.NOT_SERVING if draining.value else Serving.SERVING


async def _only_message(body: Body) -> bytes:
    """Read a request to its end, and return its message. Raises `RemoteProtocolError` if it has none, or several."""
    reader, messages = MessageReader(MAX_BYTES), []
    while piece := await body.receive():
        messages += reader.feed(piece)
        if len(messages) > 1:
            break
    reader.end()
    if len(messages) != 1 or messages[0].flags:
        raise RemoteProtocolError("a health check has one message, which is not compressed")
    return messages[0].content


class _Watched(Body):
    """What a server says of itself: at once, and when that changes, which it does once. State: what was said so far."""

    __slots__ = ("_draining", "_is_known", "_said")

    def __init__(self, draining: Readable[bool], *, is_known: bool) -> None:
        self._draining = draining
        self._is_known = is_known
        self._said: Serving | None = None

    @property
    def trailers(self) -> Fields:
        return status_fields(Code.UNAVAILABLE, "the linker drains") if self._said is Serving.NOT_SERVING else []

    async def receive(self) -> bytes:
        if self._said is Serving.NOT_SERVING:
            return b""
        if self._said is None and not self._draining.value:
            self._said = Serving.SERVING if self._is_known else Serving.SERVICE_UNKNOWN
        else:
            await self._draining.wait(bool)
            self._said = Serving.NOT_SERVING
        return encode(encode_reply(self._said))


def grpc_health(config: GrpcHealthConfig) -> Module:
    """Return the module of the kind `io.l5d.grpcHealth`."""
    names = frozenset({"", *config.services})

    def wrap(params: Params, rest: Make) -> AnyService:
        return bind(OwnHealth(names, params[DRAINING]), rest(params), "grpc_health")

    return Module(
        "grpc_health", wrap, above=("router",), below=("errors",), why="what is asked of the linker is not routed"
    )
