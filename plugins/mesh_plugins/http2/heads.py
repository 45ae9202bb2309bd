"""Heads and trailers: from the fields of a block to what they say, in one strict pass. Source: RFC 9113 sections 8.1 to 8.3."""

from typing import NamedTuple

from mesh import Fields, RemoteProtocolError
from mesh_plugins.http1.hop import passable_trailers
from mesh_plugins.http2.incoming import (
    AUTHORITY,
    COOKIE,
    DROPPED,
    HOST,
    KINDS,
    LENGTH,
    METHOD,
    PATH,
    PSEUDO,
    SCHEME,
    SECRET,
    STATUS,
)


class Request(NamedTuple):
    """What a request's block says; the fields are shared: copy them."""

    method: bytes
    target: bytes
    scheme: bytes
    headers: Fields
    size: int | None


class Reply(NamedTuple):
    """What a reply's block says; the fields are shared: copy them."""

    status: int
    headers: Fields
    size: int | None


def read_request(fields: Fields) -> tuple[Request, bool]:
    """Put a request's head together, and tell whether it holds a secret. Raises `RemoteProtocolError`."""
    method = target = scheme = authority = host = b""
    size = None
    headers: Fields = []
    append = headers.append
    seen = 0
    for field, kind in zip(fields, map(KINDS.__getitem__, fields), strict=True):
        if not kind:
            append(field)
            continue
        if kind & PSEUDO:
            if headers or seen & ~PSEUDO or seen & kind:
                raise RemoteProtocolError("a pseudo field after another field, or twice")
            if kind == METHOD:
                method = field[1]
            elif kind == PATH:
                target = field[1]
            elif kind == SCHEME:
                scheme = field[1]
            elif kind == AUTHORITY:
                authority = field[1]
        elif kind == LENGTH:
            size = _size(field, seen)
        elif kind == HOST:
            host = _host(field, seen)
        elif not kind & DROPPED:
            append(field)
        seen |= kind
    target, host = _check_request(seen, method, target, authority, host)
    scheme = scheme or b"http"
    if seen & COOKIE:
        headers = _with_one_cookie(headers)
    headers.insert(0, (b"host", host))
    return Request(method, target, scheme, headers, size), bool(seen & SECRET)


def read_reply(fields: Fields) -> tuple[Reply, bool]:
    """Put a reply's head together, and tell whether it holds a secret. Raises `RemoteProtocolError`."""
    status = 0
    size = None
    headers: Fields = []
    seen = 0
    for field, kind in zip(fields, map(KINDS.__getitem__, fields), strict=True):
        if kind & PSEUDO:
            if kind != STATUS or seen or headers:
                raise RemoteProtocolError("a pseudo field of requests in a reply, or :status twice or late")
            status = int(field[1])
        elif kind == LENGTH:
            size = _size(field, seen)
        elif not kind & DROPPED:
            headers.append(field)
        seen |= kind
    if not status:
        raise RemoteProtocolError("a reply without :status")
    if status == 101:
        raise RemoteProtocolError("status 101, which HTTP/2 does not have")
    return Reply(status, headers, size), bool(seen & SECRET)


def read_trailers(fields: Fields) -> tuple[Fields, bool]:
    """Return the trailers that may travel on, and whether they hold a secret. Raises `RemoteProtocolError`."""
    seen = 0
    for kind in map(KINDS.__getitem__, fields):
        seen |= kind
    if seen & PSEUDO:
        raise RemoteProtocolError("a pseudo field in trailers")
    return passable_trailers(fields), bool(seen & SECRET)


def _check_request(seen: int, method: bytes, target: bytes, authority: bytes, host: bytes) -> tuple[bytes, bytes]:
    """Return target and host of a request whose fields are right each by itself."""
    if seen & STATUS:
        raise RemoteProtocolError(":status in a request")
    if method == b"CONNECT":
        if seen & (SCHEME | PATH) or not authority:
            raise RemoteProtocolError("a CONNECT has :authority, and neither :scheme nor :path")
        target = authority
    elif seen & (METHOD | SCHEME | PATH) != METHOD | SCHEME | PATH:
        raise RemoteProtocolError("a request without :method, :scheme or :path")
    elif target == b"*" and method != b"OPTIONS":
        raise RemoteProtocolError("the path '*' in a request other than OPTIONS")
    if not authority:
        if not host:
            raise RemoteProtocolError("a request with neither :authority nor Host")
        return target, host
    if host and host != authority and host.lower() != authority.lower():
        raise RemoteProtocolError("a Host that is not the :authority")
    return target, authority


def _size(field: tuple[bytes, bytes], seen: int) -> int:
    if seen & LENGTH:
        raise RemoteProtocolError("content-length twice: expected one")
    return int(field[1])


def _host(field: tuple[bytes, bytes], seen: int) -> bytes:
    if seen & HOST:
        raise RemoteProtocolError("Host twice: expected one")
    return field[1]


def _with_one_cookie(headers: Fields) -> Fields:
    """Join the crumbs of a cookie. Source: RFC 9113 section 8.2.3."""
    crumbs = [value for name, value in headers if name == b"cookie"]
    if len(crumbs) == 1:
        return headers
    return [*(field for field in headers if field[0] != b"cookie"), (b"cookie", b"; ".join(crumbs))]
