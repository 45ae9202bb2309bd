"""What a head means, worked out plainly from all of its fields: the reference engines' reading of RFC 9112.

The fast engines come to the same conclusions line by line, through memos (`section.py`, `fields.py`); tests hold the two
readings against each other.
"""

from mesh import Fields, RemoteProtocolError
from mesh_plugins.http1.grammar import (
    RequestLine,
    StatusLine,
    check_authority,
    check_transfer_encoding,
    parse_connection,
    parse_content_length,
    split_list,
)
from mesh_plugins.http1.head import CHUNKED, UNTIL_CLOSE, ReplyHead, RequestHead
from mesh_plugins.http1.hop import CONNECTION_FIELDS, looks_like_framing, nominated, passable_trailers


def judge_request(line: RequestLine, fields: Fields) -> RequestHead:
    """Return the head of the request with these fields, all of them, as they were received."""
    options = _check_fields(fields)
    size = _body_size(fields, line.version)
    hosts = _values(fields, b"host")
    if not hosts and line.version == (1, 1):
        raise RemoteProtocolError("a request without a Host field: HTTP/1.1 requires one")
    if line.method == b"TRACE" and size:
        raise RemoteProtocolError("a TRACE request with a body")
    headers = _passable(fields, options)
    expectations = [item for value in _values(fields, b"expect") for item in split_list(value.lower())]
    if b"100-continue" in expectations:
        headers = [field for field in headers if field[0] != b"expect"]
    if line.authority and hosts:
        headers = [(name, line.authority if name == b"host" else value) for name, value in headers]
    elif line.authority:
        headers.insert(0, (b"host", line.authority))
    is_current = line.version == (1, 1)
    return RequestHead(
        method=line.method,
        target=line.target,
        version=line.version,
        headers=headers,
        body_size=size or 0,
        keep_alive=_keeps_alive(options, line.version),
        expects_continue=b"100-continue" in expectations and bool(size) and is_current,
        scheme=line.scheme,
        upgrade=b", ".join(_values(fields, b"upgrade")) if b"upgrade" in options and is_current else b"",
    )


def judge_reply(line: StatusLine, fields: Fields, request_method: bytes) -> ReplyHead:
    """Return the head of the reply with these fields, all of them, as they were received."""
    options = _check_fields(fields)
    size = _body_size(fields, line.version)
    bodiless = request_method == b"HEAD" or line.status < 200 or line.status in (204, 304)
    framed = UNTIL_CLOSE if size is None else size
    return ReplyHead(
        status=line.status,
        reason=line.reason,
        version=line.version,
        headers=_passable(fields, options),
        body_size=0 if bodiless else framed,
        declared_size=size if bodiless and size != CHUNKED else None,
        keep_alive=_keeps_alive(options, line.version) and (bodiless or framed != UNTIL_CLOSE),
        upgrade=b", ".join(_values(fields, b"upgrade")) if b"upgrade" in options and line.status == 101 else b"",
    )


def judge_trailers(fields: Fields) -> Fields:
    """Return the trailers that may travel on."""
    return passable_trailers(_passable(fields, _check_fields(fields)))


def _check_fields(fields: Fields) -> frozenset[bytes]:
    """Check what fields say by themselves; return the options of `connection`."""
    for name in (b"host", b"content-length", b"transfer-encoding"):
        if len(_values(fields, name)) > 1:
            raise RemoteProtocolError(f"header {name.decode()!r} twice: expected one")
    for value in _values(fields, b"host"):
        check_authority(value)
    for name, _ in fields:
        if looks_like_framing(name):
            raise RemoteProtocolError(f"header {name.decode()!r} would pass for a framing field behind some servers")
    return frozenset().union(*(parse_connection(value) for value in _values(fields, b"connection")))


def _body_size(fields: Fields, version: tuple[int, int]) -> int | None:
    """Return the size of the body, `CHUNKED`, or None if the head does not say."""
    lengths = [parse_content_length(value) for value in _values(fields, b"content-length")]
    codings = _values(fields, b"transfer-encoding")
    for value in codings:
        check_transfer_encoding(value)
    if codings and (lengths or version == (1, 0)):
        raise RemoteProtocolError(
            "transfer-encoding with content-length or in HTTP/1.0: the message's end is not certain"
        )
    if codings:
        return CHUNKED
    return lengths[0] if lengths else None


def _passable(fields: Fields, options: frozenset[bytes]) -> Fields:
    gone = CONNECTION_FIELDS | nominated(options)
    return [field for field in fields if field[0] not in gone]


def _keeps_alive(options: frozenset[bytes], version: tuple[int, int]) -> bool:
    return b"close" not in options and (version == (1, 1) or b"keep-alive" in options)


def _values(fields: Fields, name: bytes) -> list[bytes]:
    return [value for key, value in fields if key == name]
