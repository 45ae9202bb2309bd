"""Header sections put together: from checked lines to the head of a request or a reply, with its framing.

Source: RFC 9112 sections 6 and 9.3; where it leaves a choice between repair and refusal, refusal.
"""

from mesh import Fields, RemoteProtocolError
from mesh_plugins.http1.grammar import RequestLine, StatusLine, split_list
from mesh_plugins.http1.head import CHUNKED, UNTIL_CLOSE, ReplyHead, RequestHead
from mesh_plugins.http1.lines import CODING, EXPECT, HOST, LENGTH, UPGRADE, Options
from mesh_plugins.http1.section import Section


def read_request_head(line: RequestLine, section: Section) -> RequestHead:
    """Put a request's head together."""
    fields, kinds, size, options = section
    version = line.version
    if kinds == HOST and version == (1, 1) and not line.authority:
        return RequestHead(line.method, line.target, version, fields, 0, True, False, line.scheme, b"")
    if kinds & CODING:
        size = _check_coding(kinds, version)
    if not kinds & HOST and version == (1, 1):
        raise RemoteProtocolError("a request without a Host field: HTTP/1.1 requires one")
    if size and line.method == b"TRACE":
        raise RemoteProtocolError("a TRACE request with a body")
    expects_continue = False
    upgrade = b""
    if kinds & EXPECT:
        fields, expects_continue = _take_expectation(fields)
        expects_continue = expects_continue and size != 0 and version == (1, 1)  # RFC 9110 section 10.1.1
    if kinds & UPGRADE:
        fields, upgrade = _take_upgrade(fields, wanted=options.upgrade and version == (1, 1))
    if line.authority:
        fields = _with_host(fields, line.authority)
    keep_alive = _keeps_alive(options, version)
    return RequestHead(
        line.method, line.target, version, fields, size, keep_alive, expects_continue, line.scheme, upgrade
    )


def read_reply_head(line: StatusLine, section: Section, *, to_head: bool) -> ReplyHead:
    """Put a reply's head together; `to_head`: it answers a HEAD request, so it has no body."""
    fields, kinds, size, options = section
    status = line.status
    version = line.version
    declared = None
    if kinds & CODING:
        size = _check_coding(kinds, version)
    elif not kinds & LENGTH:
        size = UNTIL_CLOSE
    if to_head or status < 200 or status == 204 or status == 304:
        declared = size if kinds & LENGTH else None
        size = 0
    upgrade = b""
    if kinds & UPGRADE:
        fields, upgrade = _take_upgrade(fields, wanted=options.upgrade and status == 101)
    keep_alive = size != UNTIL_CLOSE and _keeps_alive(options, version)
    return ReplyHead(status, line.reason, version, fields, size, declared, keep_alive, upgrade)


def _check_coding(kinds: int, version: tuple[int, int]) -> int:
    if kinds & LENGTH:
        raise RemoteProtocolError("both content-length and transfer-encoding: the message's end is not certain")
    if version == (1, 0):
        raise RemoteProtocolError("transfer-encoding in an HTTP/1.0 message: the message's end is not certain")
    return CHUNKED


def _keeps_alive(options: Options, version: tuple[int, int]) -> bool:
    """Source: RFC 9112 section 9.3."""
    return not options.close and (version == (1, 1) or options.keep_alive)


def _take_expectation(fields: Fields) -> tuple[Fields, bool]:
    """Take a `100-continue` off and tell whether there was one; other expectations travel on."""
    awaited = any(name == b"expect" and b"100-continue" in split_list(value.lower()) for name, value in fields)
    return [field for field in fields if field[0] != b"expect"] if awaited else fields, awaited


def _take_upgrade(fields: Fields, *, wanted: bool) -> tuple[Fields, bytes]:
    upgrade = b", ".join(value for name, value in fields if name == b"upgrade") if wanted else b""
    return [field for field in fields if field[0] != b"upgrade"], upgrade


def _with_host(fields: Fields, authority: bytes) -> Fields:
    """Return the fields with `authority` for a host. Source: RFC 9112 section 3.2.2."""
    host = (b"host", authority)
    if any(name == b"host" for name, _ in fields):
        return [host if field[0] == b"host" else field for field in fields]
    return [host, *fields]
