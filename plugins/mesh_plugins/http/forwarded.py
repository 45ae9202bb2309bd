"""Tells the service whom a request comes from, in the field `forwarded`, and when it came, in one of the operator's choice.

Source: RFC 7239; linkerd router/http, AddForwardedHeader.scala and TimestampHeaderFilter.scala.
"""

import re
import time
from collections.abc import Awaitable, Callable

import attrs

from mesh import AnyService, HttpReply, HttpRequest, Make, Module, Param, Params, bind, field
from mesh_plugins.http1.memo import MAX_LINE_BYTES, Memo
from mesh_plugins.labelers.labelers import Labeler

_NAME = b"forwarded"
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


@attrs.frozen
class Labelers:
    """Who names the two ends of a connection: `by` the server, `for_` the client."""

    by: Labeler
    for_: Labeler


LABELERS: Param[Labelers | None] = Param(None, "labelers")
"""What a server's field `forwarded` is made with; None adds none."""
TIMESTAMP_HEADER = Param("", "timestamp header")
"""The field that gets the time of arrival; none if it is empty."""


class Forwarded:
    """Adds a field `forwarded` below those that are there: both ends, the host that was asked for, and `https`."""

    __slots__ = ("_by", "_for")

    def __init__(self, labelers: Labelers) -> None:
        self._by = labelers.by
        self._for = labelers.for_

    def __call__(self, request: HttpRequest, service: AnyService, /) -> Awaitable[HttpReply]:
        context = request.context
        connection = context.connection
        local = "" if connection is None else connection.local
        by, for_ = self._by(local, connection), self._for(context.peer, connection)
        host = _HOSTS[field(request.headers, b"host")]
        proto = ";proto=https" if request.scheme == b"https" else ""
        request.headers.append((_NAME, f"by={by};for={for_}{host}{proto}".encode("latin-1")))
        return service(request)


def _of_host(host: bytes | None) -> str:
    """Return how a host is told: not if it is empty, as it is if it is a token, else in quotes, as one with a port must be."""
    if not host:
        return ""
    text = host.decode("latin-1")
    if _TOKEN.fullmatch(host):
        return f";host={text}"
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    return f';host="{quoted}"'


def _is_short(host: bytes | None, _text: str) -> bool:
    return host is None or len(host) <= MAX_LINE_BYTES


_HOSTS: Memo[bytes | None, str] = Memo(_of_host, _is_short)


class Timestamp:
    """Adds a field with the time, in ms since 1970."""

    __slots__ = ("_name", "_now")

    def __init__(self, name: bytes, now: Callable[[], float] = time.time) -> None:
        self._name = name
        self._now = now

    def __call__(self, request: HttpRequest, service: AnyService, /) -> Awaitable[HttpReply]:
        request.headers.append((self._name, b"%d" % (self._now() * 1e3)))
        return service(request)


def _forwarded(params: Params, rest: Make) -> AnyService:
    labelers = params[LABELERS]
    return rest(params) if labelers is None else bind(Forwarded(labelers), rest(params), "forwarded")


def _timestamp(params: Params, rest: Make) -> AnyService:
    name = params[TIMESTAMP_HEADER].lower().encode()
    return bind(Timestamp(name), rest(params), "timestamp") if name else rest(params)


FORWARDED = Module(
    "forwarded",
    _forwarded,
    above=("router",),
    why="an identifier may ask for the field",
    section="server",
)
TIMESTAMP = Module(
    "timestamp",
    _timestamp,
    above=("router",),
    why="tells when a request came, not when it was routed",
    section="server",
)
