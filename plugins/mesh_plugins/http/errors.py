"""Turns errors into HTTP replies: a status, a text, and `l5d-err`.

Statuses: unidentified 400; unroutable, cannot connect, upstream broken 502; timeouts 504; overload 503, with what tells
clients and proxies that it is safe to try again; rate limits 429; a plugin's own exception 500. Source: RFC 9110 section
15.6; linkerd protocol/http, ErrorResponder.scala; finagle-base-http, HttpNackFilter.scala.
"""

import logging
import math
from functools import lru_cache
from urllib.parse import quote

from mesh import (
    REASONS,
    AnyService,
    BadRequestContext,
    ClientGone,
    Fields,
    HttpReply,
    HttpRequest,
    LocalProtocolError,
    MeshError,
    Nacked,
    Overloaded,
    RateLimited,
    RemoteProtocolError,
    TimedOut,
    Unidentified,
    blame,
    filtered,
)

logger = logging.getLogger(__name__)

TEXT = (b"content-type", b"text/plain; charset=utf-8")
NACK: Fields = [(b"retry-after", b"1"), (b"l5d-retryable", b"true"), (b"finagle-http-nack", b"true")]
MAX_HEADER = 4096  # bytes of `l5d-err`: proxies in front limit heads to 8 KiB
SHORT = 512  # bytes of a text that is encoded once and remembered
MAX_BODY = 64 * 1024  # bytes of a generated body


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
        case LocalProtocolError():
            return 500
        case _:
            return 502


class Errors:
    """Answers what went wrong below; only cancellation passes through."""

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
            reply = _reply(request, error)
        except Exception as error:
            culprit = blame(error) or "a filter"
            logger.exception("%s raised", culprit)
            reply = _answer(500, f"{culprit} raised {type(error).__name__}: {error}", [])
        return reply


def _reply(request: HttpRequest, error: MeshError) -> HttpReply:
    status = status_of(error)
    request.context.flags = f"{error.flag} {error.detail}"
    headers: Fields = []
    if status == 503:
        headers = list(NACK)
    elif error.retryable:
        headers = [(b"l5d-retryable", b"true")]
    elif isinstance(error, RateLimited):
        headers = _limits(error)
    return _answer(status, str(error) or type(error).__name__, headers)


def _limits(error: RateLimited) -> Fields:
    """Return what a client is told of a rate limit. Source: RFC 6585 section 4; Envoy, x-ratelimit fields."""
    return [
        (b"retry-after", b"%d" % max(math.ceil(error.retry_seconds), 1)),
        (b"x-ratelimit-limit", b"%d" % error.limit),
        (b"x-ratelimit-remaining", b"0"),
        (b"x-ratelimit-reset", b"%d" % max(math.ceil(error.reset_seconds), 1)),
    ]


def _answer(status: int, text: str, headers: Fields) -> HttpReply:
    encode = _encoded_before if len(text) <= SHORT else _encoded
    short, body = encode(text)
    reply = HttpReply(status, [TEXT, (b"l5d-err", short), *headers], body, REASONS.get(status, b""))
    reply.outcome = status < 500
    return reply


def _encoded(text: str) -> tuple[bytes, bytes]:
    """Return a text as a header and as a body."""
    short = quote(text, safe=" /:;,=()[]<>|&!$#'\"{}@*+?-._~")[:MAX_HEADER].encode()
    return short, text.encode()[:MAX_BODY] + b"\n"


_encoded_before = lru_cache(maxsize=256)(_encoded)  # an overloaded server says the same thing again and again


ERRORS = filtered(
    "errors", Errors(), above=("router",), why="every error of the stack becomes a reply here", section="server"
)
