"""Turns errors into HTTP replies: a status, a text, and `l5d-err`.

Statuses: unidentified 400; unroutable, cannot connect, upstream broken 502; timeouts 504; overload 503, with what tells
clients and proxies that it is safe to try again; rate limits 429; a plugin's own exception 500. Source: RFC 9110 section
15.6; linkerd protocol/http, ErrorResponder.scala; finagle-base-http, HttpNackFilter.scala. A call of gRPC is answered with a
status of its own, and no body: see `mesh_plugins.grpc.mapping`.
"""

import logging
import math
from functools import lru_cache
from urllib.parse import quote

from mesh import (
    AddrBound,
    AnyService,
    BadRequestContext,
    ClientGone,
    ConnectFailed,
    Counter,
    Fields,
    HttpReply,
    HttpRequest,
    LocalProtocolError,
    Make,
    MeshError,
    Module,
    Nacked,
    Overloaded,
    Param,
    Params,
    PluginError,
    RateLimited,
    RemoteProtocolError,
    TimedOut,
    Unidentified,
    bind,
    blame,
)
from mesh_plugins.grpc.content import is_grpc, trailers_only
from mesh_plugins.grpc.mapping import of_error
from mesh_plugins.grpc.retrying import PUSHBACK_MS
from mesh_plugins.grpc.status import Code
from mesh_plugins.scopes import server_scope

logger = logging.getLogger(__name__)

TEXT = (b"content-type", b"text/plain; charset=utf-8")
NACK: Fields = [(b"retry-after", b"1"), (b"l5d-retryable", b"true"), (b"finagle-http-nack", b"true")]
NACKED = (Overloaded, Nacked)
MAX_HEADER = 4096  # bytes of `l5d-err`: proxies in front limit heads to 8 KiB
SHORT = 512  # bytes of a text that is encoded once and remembered
LONGEST_TARGET = 256  # bytes of a target that are told back
MOST_ADDRESSES = 20  # that are told of a name whose endpoint cannot be connected to

MOST_ERROR_BYTES = Param(5120 * 1024, "most error bytes")
"""Where the body of a generated reply is cut off."""


def status_of(error: MeshError) -> int:
    """Return the status that says best what happened."""
    match error:
        case RemoteProtocolError():
            return error.status
        case Unidentified() | BadRequestContext():
            return 400
        case TimedOut():
            return 504
        case RateLimited():
            return 429
        case Overloaded() | Nacked():
            return 503
        case LocalProtocolError() | PluginError():
            return 500
        case _:
            return 502


class Errors:
    """Answers what went wrong below; only cancellation passes through. Bodies are cut off after so many bytes.

    `nacks` counts the answers that say that nothing was done for the request.
    """

    __slots__ = ("_most", "_nacks")

    def __init__(self, nacks: Counter, most: int = MOST_ERROR_BYTES.default) -> None:
        self._nacks = nacks
        self._most = most

    async def __call__(self, request: HttpRequest, service: AnyService, /) -> HttpReply:
        try:
            reply: HttpReply = await service(request)
        except ClientGone as error:
            request.context.flags = f"{error.flag} {error.detail}"
            reply = HttpReply(
                499, reason=b"Client Closed Request"
            )  # nobody is there to read it; it shows in statistics
            reply.outcome = False
        except MeshError as error:
            if isinstance(error, NACKED) and not isinstance(error, RateLimited):
                self._nacks.value += 1
                reply = _nack(request, error, self._most)
            else:
                reply = _reply(request, error, self._most)
        except Exception as error:
            culprit = blame(error) or "a filter"
            logger.exception("%s raised", culprit)
            text = f"{culprit} raised {type(error).__name__}: {error}"
            if is_grpc(request.headers):
                reply = trailers_only(Code.INTERNAL, text, [_err(text)])
            else:
                reply = _answer(500, text, [], self._most)
        return reply


def _nack(request: HttpRequest, error: MeshError, most: int) -> HttpReply:
    """Do as `_reply`, and cheaply: an overloaded server says the same thing again and again."""
    request.context.flags = f"{error.flag} {error.detail}"
    if is_grpc(request.headers):
        return _grpc_reply(request, error)
    text = str(error)
    headers, body = _nack_before(text, most) if len(text) <= SHORT else _nack_parts(text, most)
    reply = HttpReply(503, headers.copy(), body)
    reply.outcome = False
    return reply


def _nack_parts(text: str, most: int) -> tuple[Fields, bytes]:
    """Return the fields and the body of a reply that says that nothing was done for its request."""
    short, body = _encoded(text)
    return [TEXT, (b"l5d-err", short), *NACK], _cut(body, most)


_nack_before = lru_cache(maxsize=256)(_nack_parts)  # so 8,000 instructions less of 77,000


def _reply(request: HttpRequest, error: MeshError, most: int) -> HttpReply:
    request.context.flags = f"{error.flag} {error.detail}"
    if is_grpc(request.headers):
        return _grpc_reply(request, error)
    status = status_of(error)
    headers: Fields = []
    if error.retryable:
        headers = [(b"l5d-retryable", b"true")]
    elif isinstance(error, RateLimited):
        headers = _limits(error)
    return _answer(status, _text(request, error), headers, most)


def _grpc_reply(request: HttpRequest, error: MeshError) -> HttpReply:
    text = _text(request, error)
    more = [_err(text)]
    if isinstance(error, RateLimited):
        more.append((PUSHBACK_MS, b"%d" % math.ceil(error.retry_seconds * 1e3)))
    elif error.retryable:
        more.append((b"l5d-retryable", b"true"))
    return trailers_only(of_error(error), text, more)


def _err(text: str) -> tuple[bytes, bytes]:
    encode = _encoded_before if len(text) <= SHORT else _encoded
    return b"l5d-err", encode(text)[0]


def _text(request: HttpRequest, error: MeshError) -> str:
    """Return what is told of an error, and of where its request was going."""
    text = str(error) or type(error).__name__
    context = request.context
    if isinstance(error, Unidentified):
        line = f"{request.method.decode('latin-1')} {request.target[:LONGEST_TARGET].decode('latin-1')}"
        return f"Unknown destination: {line} / {text}"
    if not isinstance(error, ConnectFailed) or context.endpoint is None or context.bound is None:
        return text
    addr = context.bound.addr.value
    endpoints = addr.endpoints if isinstance(addr, AddrBound) else ()
    shown = [str(endpoint) for endpoint in endpoints[:MOST_ADDRESSES]]
    more = ["..."] if len(endpoints) > MOST_ADDRESSES else []
    lines = [
        f"Unable to establish connection to {context.endpoint}.",
        "",
        f"service name: {context.path}",
        f"client name: {context.bound.id}",
        f"addresses: [{', '.join(shown + more)}]",
        f"selected address: {context.endpoint}",
        f"cause: {text}",
    ]
    return "\n".join(lines)


def _limits(error: RateLimited) -> Fields:
    """Return what a client is told of a rate limit. Source: RFC 6585 section 4; Envoy, x-ratelimit fields."""
    return [
        (b"retry-after", b"%d" % max(math.ceil(error.retry_seconds), 1)),
        (b"x-ratelimit-limit", b"%d" % error.limit),
        (b"x-ratelimit-remaining", b"0"),
        (b"x-ratelimit-reset", b"%d" % max(math.ceil(error.reset_seconds), 1)),
    ]


def _answer(status: int, text: str, headers: Fields, most: int) -> HttpReply:
    encode = _encoded_before if len(text) <= SHORT else _encoded
    short, body = encode(text)
    reply = HttpReply(status, [TEXT, (b"l5d-err", short), *headers], _cut(body, most))
    reply.outcome = status < 500
    return reply


def _cut(body: bytes, most: int) -> bytes:
    return body[:most].decode("utf-8", "ignore").encode() if len(body) > most else body


def _encoded(text: str) -> tuple[bytes, bytes]:
    """Return a text as a header and as a body; one of several lines ends with the last of them."""
    short = quote(text, safe=" /:;,=()[]<>|&!$#'\"{}@*+?-._~")[:MAX_HEADER].encode()
    return short, (text + "\n" if "\n" in text else text).encode()


_encoded_before = lru_cache(maxsize=256)(_encoded)


def _errors(params: Params, rest: Make) -> AnyService:
    nacks = server_scope(params).counter("nacks")
    return bind(Errors(nacks, params[MOST_ERROR_BYTES]), rest(params), "errors")


ERRORS = Module(
    "errors", _errors, above=("router",), why="every error of the stack becomes a reply here", section="server"
)
