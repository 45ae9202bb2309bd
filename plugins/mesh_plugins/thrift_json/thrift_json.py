"""Lets HTTP clients call a Thrift service: a request with a JSON body becomes a call, its result the body of the reply.

It stands just above the pool, and gives the pool sessions that speak Thrift, so that whatever stands above it, retries,
circuit breakers and statistics, sees HTTP alone.
"""

from collections.abc import Callable, Mapping
from typing import TypeVar

import attrs
import trio

from mesh import (
    BOUND,
    SESSION,
    AnyService,
    Body,
    Context,
    HttpReply,
    HttpRequest,
    Limits,
    Make,
    Module,
    Params,
    PathPattern,
    UpstreamProtocolError,
    bind,
    field,
)
from mesh_plugins.grpc.content import is_grpc
from mesh_plugins.thrift.header import RequestHeader
from mesh_plugins.thrift.keys import ENCODINGS
from mesh_plugins.thrift.message import Message, ThriftReply, ThriftRequest
from mesh_plugins.thrift.peer import Peer
from mesh_plugins.thrift.sessions import new_session
from mesh_plugins.thrift.walking import Bounds, check, is_sound
from mesh_plugins.thrift.wire import Incomplete, Malformed
from mesh_plugins.thrift_json.calls import ACCEPTED, Call, targets
from mesh_plugins.thrift_json.config import ThriftJsonConfig
from mesh_plugins.thrift_json.errors import Refused, refused
from mesh_plugins.thrift_json.grpc_form import as_grpc, only_message
from mesh_plugins.thrift_json.wrong import MOST_NAMES

T = TypeVar("T")

AT_ONCE = 16384  # bytes that are converted without a thread, which takes 15 ms at most
THREADS = 2  # conversions at a time, each of which may take 30 times the memory of what is converted
MEDIA_TYPES = (b"application/json", b"text/json")


class ThriftJson:
    """The filter, for one endpoint."""

    __slots__ = ("_bounds", "_calls", "_limiter", "_most", "_offers")

    def __init__(self, calls: Mapping[bytes, Call], most_bytes: int, bounds: Bounds) -> None:
        self._calls = calls
        self._most = most_bytes
        self._bounds = bounds
        self._limiter = trio.CapacityLimiter(THREADS)
        self._offers = ", ".join(target.decode() for target in list(calls)[:MOST_NAMES])

    async def __call__(self, request: HttpRequest, service: AnyService, /) -> HttpReply:
        if not is_grpc(request.headers):
            return await self._exchange(request, service)
        return as_grpc(await self._exchange(request, service, only_message))

    async def _exchange(
        self, request: HttpRequest, service: AnyService, read: Callable[[bytes], bytes] | None = None
    ) -> HttpReply:
        """Make the call; `read` takes the arguments out of a body, if that is not what they are."""
        try:
            call = self._find(request, must_be_json=read is None)
            body = await self._body(request)
            message = await self._message(call, body if read is None else read(body))
        except Refused as refusal:
            return refusal.reply
        reply: ThriftReply = await service(
            ThriftRequest(call.encoding, call.parsed, Message(message), request.context, _header(request.context))
        )
        if call.method.is_one_way:
            return HttpReply(ACCEPTED)
        try:
            return await self._answer(call, reply.body.buffered or b"")
        finally:
            await reply.aclose()

    async def _message(self, call: Call, arguments: bytes) -> bytes:
        """Return the message of a call. Raises `Refused`."""
        message = await self._converted(call.message, arguments)
        if arguments.count(b"{") + arguments.count(b"[") > self._bounds.depth:  # else it cannot be too deep
            try:
                await check(call.encoding, message, call.parsed.at, self._bounds)
            except Malformed as error:
                raise refused(400, str(error)) from None
        return message

    async def _converted(self, convert: Callable[[bytes], T], data: bytes) -> T:
        """Convert what is short at once, and what is long in a thread, so that nobody waits for it."""
        if len(data) <= AT_ONCE:
            return convert(data)
        return await trio.to_thread.run_sync(convert, data, limiter=self._limiter)

    def _find(self, request: HttpRequest, *, must_be_json: bool) -> Call:
        call = self._calls.get(request.target.partition(b"?")[0])
        if call is None:
            raise refused(404, f"no such method; there are {self._offers}")
        if request.method != b"POST":
            raise refused(405, "methods are called with POST", (b"allow", b"POST"))
        media_type = field(request.headers, b"content-type")
        if must_be_json and media_type is not None and media_type.partition(b";")[0].strip().lower() not in MEDIA_TYPES:
            raise refused(415, "the arguments are application/json", (b"accept", MEDIA_TYPES[0]))
        return call

    async def _body(self, request: HttpRequest) -> bytes:
        """Return the whole body. Raises `Refused` for one that is too long."""
        body = request.body
        content = body.buffered
        if content is None and (body.size or 0) <= self._most:
            content = await self._gathered(body)
        if content is None or len(content) > self._most:
            raise refused(413, f"the body is longer than {self._most} bytes")
        return content

    async def _gathered(self, body: Body) -> bytes | None:
        """Return a body that comes in pieces, None if it is too long."""
        pieces: list[bytes] = []
        left = self._most
        while left >= 0 and (piece := await body.receive()):
            pieces.append(piece)
            left -= len(piece)
        return b"".join(pieces) if left >= 0 else None

    async def _answer(self, call: Call, message: bytes) -> HttpReply:
        try:
            at = call.encoding.read_head(message, 0).at
            if not is_sound(call.encoding, message, at, self._bounds):
                await check(call.encoding, message, at, self._bounds)
        except (Malformed, Incomplete) as error:
            raise UpstreamProtocolError(f"a reply cannot be read: {error}") from error
        return await self._converted(call.answer, message)


def _header(context: Context) -> RequestHeader:
    """Return what goes beside a call to a service that takes Finagle's headers: the dtab; the session knows the rest."""
    rules = context.local_dtab or ()
    return RequestHeader(delegations=[(rule.prefix.show().encode(), rule.dst.show().encode()) for rule in rules])


def thrift_json(config: ThriftJsonConfig) -> Module:
    """Return the module of one entry of a stack file. Raises `ConfigError`."""
    calls = targets(config.idl.definition, config)
    peer = Peer(ENCODINGS[config.thrift_protocol], config.thrift_framed, config.attempt_ttwitter_upgrade)
    limits = attrs.evolve(Limits(), thrift_max_frame_bytes=config.max_reply_kb * 1024)
    pattern = PathPattern.read(config.client)
    session = new_session(peer, limits)
    made = ThriftJson(calls, config.max_body_kb * 1024, Bounds.of(limits))

    def wrap(params: Params, rest: Make) -> AnyService:
        bound = params[BOUND]
        if bound is not None and pattern.match(bound.id) is None:
            return rest(params)
        return bind(made, rest(params.put(SESSION, session)), "thrift_json")

    return Module(
        "thrift_json",
        wrap,
        below=("attempt_timeout",),
        why="what stands above it sees HTTP, and what stands below it Thrift",
    )
