"""What decoded fields mean, worked out plainly from all of them: the reference engine's reading of RFC 9113.

The fast engine comes to the same conclusions through memos; tests hold the two readings against each other.
"""

from mesh import Fields, LocalProtocolError, RemoteProtocolError
from mesh_plugins.http1.grammar import check_authority, is_target, is_token, is_value, parse_content_length
from mesh_plugins.http1.hop import CONNECTION_FIELDS, looks_like_framing, passable_trailers
from mesh_plugins.http2.engine import ReplyHead, RequestHead

NEVER = frozenset({b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"})
"""Fields that make a message malformed. Source: RFC 9113 section 8.2.2."""
_OF_REQUESTS = frozenset({b":method", b":scheme", b":authority", b":path"})
_OF_REPLIES = frozenset({b":status"})
TRAILERS_WANTED = (b"te", b"trailers")


def judge_request(fields: Fields, *, ends: bool) -> RequestHead:
    """Return the head of the request with these fields. Raises `RemoteProtocolError` for a malformed one."""
    pseudo, usual = _divide(fields, _OF_REQUESTS)
    method, authority = pseudo.get(b":method", b""), pseudo.get(b":authority")
    if not is_token(method):
        raise RemoteProtocolError("no method, or one that is no token")
    hosts = _values(usual, b"host")
    for value in (*hosts, *(() if authority is None else (authority,))):
        check_authority(value)
    if len(hosts) > 1 or (hosts and authority is not None and hosts[0] != authority):
        raise RemoteProtocolError("more than one host, or another one than :authority")
    host = authority if authority is not None else hosts[0] if hosts else None
    target, scheme = _destination(method, pseudo, authority)
    size = _size(usual, ends=ends)
    if method == b"TRACE" and not ends:
        raise RemoteProtocolError("a TRACE request with a body")
    cookies = _values(usual, b"cookie")
    headers = [field for field in usual if field[0] not in CONNECTION_FIELDS and field[0] not in (b"host", b"cookie")]
    if host is not None:
        headers.insert(0, (b"host", host))
    if cookies:
        headers.append((b"cookie", b"; ".join(cookies)))
    return RequestHead(method, target, scheme, headers, 0 if ends else size, ends)


def _destination(method: bytes, pseudo: dict[bytes, bytes], authority: bytes | None) -> tuple[bytes, bytes]:
    """Return target and scheme. Source: RFC 9113 sections 8.3.1 and 8.5."""
    scheme, path = pseudo.get(b":scheme"), pseudo.get(b":path")
    if method == b"CONNECT":
        if scheme is not None or path is not None or not authority:
            raise RemoteProtocolError("a CONNECT request has an authority, and neither scheme nor path")
        return authority, b"http"
    if scheme not in (b"http", b"https"):
        raise RemoteProtocolError("no scheme, or neither http nor https")
    if path is None or not is_target(path) or (path.startswith(b"*") and (method != b"OPTIONS" or path != b"*")):
        raise RemoteProtocolError("no path, or none in origin form")
    return path, scheme


def judge_reply(fields: Fields, *, ends: bool) -> ReplyHead:
    """Return the head of the reply with these fields. Raises as `judge_request` does."""
    pseudo, usual = _divide(fields, _OF_REPLIES)
    text = pseudo.get(b":status", b"")
    if len(text) != 3 or not text.isdigit() or not 100 <= int(text) <= 999 or text == b"101":
        raise RemoteProtocolError("no status of three digits, or 101, which HTTP/2 has no use for")
    status = int(text)
    if status < 200 and ends:
        raise RemoteProtocolError("an interim reply ends the stream")
    lengths = _values(usual, b"content-length")
    size = parse_content_length(lengths[0]) if lengths else None
    return ReplyHead(status, [field for field in usual if field[0] not in CONNECTION_FIELDS], size, ends)


def judge_trailers(fields: Fields) -> Fields:
    """Return the trailers that may travel on. Raises as `judge_request` does."""
    _pseudo, usual = _divide(fields, frozenset())
    return passable_trailers(usual)


def _divide(fields: Fields, known: frozenset[bytes]) -> tuple[dict[bytes, bytes], Fields]:
    """Check each field by itself; return the pseudo fields, and the others."""
    pseudo: dict[bytes, bytes] = {}
    usual: Fields = []
    for name, value in fields:
        if name.startswith(b":"):
            if usual or name in pseudo or name not in known:
                raise RemoteProtocolError(f"{name[:40]!r} in a wrong place, twice, or unknown")
            pseudo[name] = value
        else:
            if not is_token(name) or name != name.lower():
                raise RemoteProtocolError(f"{name[:40]!r} is no field's name in lower case")
            if name in NEVER or looks_like_framing(name) or (name == b"te" and value != b"trailers"):
                raise RemoteProtocolError(f"field {name.decode()!r} has no place in HTTP/2")
            usual.append((name, value))
        if not is_value(value):
            raise RemoteProtocolError(f"field {name[:40]!r}: a control byte in its value, or white space around it")
    if len(_values(usual, b"content-length")) > 1:
        raise RemoteProtocolError("content-length twice: expected one")
    return pseudo, usual


def _size(fields: Fields, *, ends: bool) -> int | None:
    lengths = _values(fields, b"content-length")
    size = parse_content_length(lengths[0]) if lengths else None
    if ends and size:
        raise RemoteProtocolError("the request ends before the body that content-length announces")
    return size


def _values(fields: Fields, name: bytes) -> list[bytes]:
    return [value for key, value in fields if key == name]


def request_fields(
    method: bytes, target: bytes, scheme: bytes, headers: Fields, size: int | None, *, ends: bool
) -> Fields:
    """Return what a request is sent as. Raises `LocalProtocolError` for what must not be."""
    if not is_token(method) or method == b"CONNECT" or not is_target(target):
        raise LocalProtocolError(f"{method[:40]!r} {target[:40]!r} is no request that can be sent")
    hosts = _values(headers, b"host")
    made = [(b":method", method), (b":scheme", scheme), (b":path", target)]
    if hosts and hosts[0]:
        made.append((b":authority", hosts[0]))
    made += _checked([field for field in headers if field[0] != b"host" and field != TRAILERS_WANTED])
    made += [field for field in headers if field == TRAILERS_WANTED]
    if size is not None and not (ends and size == 0 and method in (b"GET", b"HEAD", b"OPTIONS", b"TRACE", b"DELETE")):
        made.append((b"content-length", b"%d" % size))
    return made


def reply_fields(status: int, headers: Fields, size: int | None) -> Fields:
    """Return what a reply's head is sent as. Raises as `request_fields` does."""
    if not 100 <= status <= 999 or status == 101:
        raise LocalProtocolError(f"{status} is not a status that can be sent")
    made = [(b":status", b"%d" % status), *_checked(headers)]
    if size is not None and status >= 200 and status != 204:
        made.append((b"content-length", b"%d" % size))
    return made


def _checked(fields: Fields) -> Fields:
    for name, value in fields:
        if not isinstance(name, bytes) or not isinstance(value, bytes):
            raise LocalProtocolError(f"header {name!r}: expected bytes")
        if not is_token(name) or name != name.lower():
            raise LocalProtocolError(f"{name[:40]!r} is not a lower-case header name")
        if name in CONNECTION_FIELDS or looks_like_framing(name):
            raise LocalProtocolError(f"header {name.decode()!r} is the codec's to write")
        if not is_value(value):
            raise LocalProtocolError(
                f"header {name.decode()!r} has a control byte in its value, or white space around it"
            )
    return fields


def trailer_fields(trailers: Fields) -> Fields:
    """Return what trailers are sent as. Raises as `request_fields` does."""
    return _checked(trailers)
