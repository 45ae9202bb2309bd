"""The grammar of HTTP/1.1 as strictly as a mesh needs it: one line or one value in, its parts out, or a refusal.

The engines remember what these functions said about a line, but ids and traces make many lines new: what is usual is
accepted by one pattern (1 µs), what is not is taken apart and, if wrong, explained. Patterns are over bytes and name their
digits, because `\\d`, `int()` and `strip()` accept what RFC 9112 does not.
"""

import re
from ipaddress import AddressValueError, IPv6Address
from typing import NamedTuple

from mesh import RemoteProtocolError

MAX_METHOD_BYTES = 64  # the longest registered method has 17; what is longer is no method of anybody's.
NO_TUNNELS = "CONNECT is not offered: this server opens no tunnels"
MAX_SIZE = 2**63 - 1  # what C and Java peers keep a length in; one more wraps there.

_TCHAR = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]"
_TOKEN = re.compile(_TCHAR + rb"+")
_FIELD_NAME = re.compile(_TCHAR + rb"++(?=:)")
_FIELD_LINE = re.compile(rb"(%b++):([\t\x20-\x7e\x80-\xff]*+)" % _TCHAR)
_USUAL_REQUEST_LINE = re.compile(rb"(GET|POST|PUT|DELETE|HEAD|PATCH) (/[\x21\x22\x24-\x7e]*+) HTTP/1\.1")
_NOT_IN_VALUE = re.compile(rb"[^\t\x20-\x7e\x80-\xff]")
_NOT_IN_TARGET = re.compile(rb"[^\x21\x22\x24-\x7e]")
_VERSION = re.compile(rb"HTTP/[0-9]\.[0-9]")
_ABSOLUTE = re.compile(rb"(?P<scheme>https?)://(?P<authority>[^/?]*)(?P<rest>.*)", re.IGNORECASE)
# RFC 3986 section 3.2.2 less two things: the comma, because a joined pair of Host fields would pass for one name, and
# percent-encoded ASCII, which names either a delimiter or what has a plainer spelling.
_AUTHORITY = re.compile(
    rb"(?:\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?:[0-9A-Za-z\-._~!$&'()*+;=]|%[89A-Fa-f][0-9A-Fa-f])+)(?::(?P<port>[0-9]{0,5}))?"
)
_SIZE = re.compile(rb"[0-9]{1,19}")
_STATUS_LINE = re.compile(
    rb"HTTP/1\.(?P<minor>[01]) (?P<status>[1-9][0-9]{2})(?: (?P<reason>[\t\x20-\x7e\x80-\xff]*))?"
)
_QUOTED = rb'"(?:[\t\x20\x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*+"'
# White space is taken where RFC 9112 tolerates it, save before a semicolon: h11 refuses it there, and so do we.
_CHUNK_LINE = re.compile(
    rb"(?P<size>[0-9A-Fa-f]{1,16})"
    rb"(?:;[ \t]*+%b++(?:[ \t]*+=[ \t]*+(?:%b++|%b))?+)*+" % (_TCHAR, _TCHAR, _QUOTED)
)
_CHUNK_LINE_START = re.compile(rb"(?:[0-9A-Fa-f]{1,16}(?:;[\t\x20-\x7e\x80-\xff]*+)?+)?+\r?")
# What no head, chunk line or trailer section may hold, whatever follows: a line feed alone, a carriage return alone (the
# last byte seen may still get its line feed), any other control byte.
_NEVER = re.compile(rb"(?<!\r)\n|\r(?!\n|\Z)|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class RequestLine(NamedTuple):
    """A request line taken apart; `authority` is empty unless the target was in absolute form."""

    method: bytes
    target: bytes
    version: tuple[int, int]
    scheme: bytes
    authority: bytes


class StatusLine(NamedTuple):
    """A status line taken apart."""

    status: int
    reason: bytes
    version: tuple[int, int]


def parse_request_line(line: bytes) -> RequestLine:
    """Take a request line apart. Source: RFC 9112 section 3, without the leniency that it allows."""
    usual = _USUAL_REQUEST_LINE.fullmatch(line)
    if usual is not None and b"%00" not in line:
        return RequestLine(usual[1], usual[2], (1, 1), b"http", b"")
    parts = line.split(b" ")
    if len(parts) != 3:
        raise RemoteProtocolError(
            f"a request line is method, target and version with one space between each, not {_show(line)}"
        )
    method, target, version = parts
    if _VERSION.fullmatch(version) is None:
        raise RemoteProtocolError(f"expected HTTP/1.1 or HTTP/1.0 at the end of the request line, not {_show(version)}")
    if _TOKEN.fullmatch(method) is None:
        raise RemoteProtocolError(f"{_show(method)} is not a method: expected letters, digits and !#$%&'*+-.^_`|~")
    if version not in (b"HTTP/1.1", b"HTTP/1.0"):
        raise RemoteProtocolError(f"{_show(version)} is not spoken here: expected HTTP/1.1 or HTTP/1.0", status=505)
    if len(method) > MAX_METHOD_BYTES:
        raise RemoteProtocolError(f"a method of {len(method)} bytes: expected at most {MAX_METHOD_BYTES}", status=501)
    if method == b"CONNECT":
        raise RemoteProtocolError(NO_TUNNELS, status=501)
    origin, scheme, authority = _split_target(method, target)
    return RequestLine(method, origin, (1, version[7] - 0x30), scheme, authority)


def _split_target(method: bytes, target: bytes) -> tuple[bytes, bytes, bytes]:
    """Return the target in origin form or `*`, the scheme, and the authority if the target named one.

    Bytes that are merely odd (`"<>\\^`{|}`) pass as they came. Source: RFC 9112 section 3.2.
    """
    wrong = _NOT_IN_TARGET.search(target)
    if wrong is not None:
        raise RemoteProtocolError(f"byte 0x{wrong[0][0]:02x} in the request target: it has to be percent-encoded")
    if b"%00" in target.partition(b"?")[0]:
        raise RemoteProtocolError("%00 in the path of the request target: it would end the path in some servers")
    if target.startswith(b"/"):
        return target, b"http", b""
    if target == b"*" and method == b"OPTIONS":
        return target, b"http", b""
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None:
        raise RemoteProtocolError(f"expected a target like /path or http://host/path, not {_show(target)}")
    authority, rest = absolute["authority"], absolute["rest"]
    if b"@" in authority:  # told apart so that no password is quoted in a log.
        raise RemoteProtocolError("a user name or password in the authority of the request target")
    check_authority(authority)
    if not rest:
        rest = b"*" if method == b"OPTIONS" else b"/"  # RFC 9112 section 3.2.4
    elif rest.startswith(b"?"):
        rest = b"/" + rest
    return rest, absolute["scheme"].lower(), authority


def check_authority(value: bytes) -> None:
    """Raise unless `value` is `host[:port]`, as in a Host field. Source: RFC 9110 section 7.2, RFC 3986 section 3.2."""
    found = _AUTHORITY.fullmatch(value)
    if found is None:
        raise RemoteProtocolError(f"expected host or host:port, not {_show(value)}")
    if found["port"] and int(found["port"]) > 65535:
        raise RemoteProtocolError(f"port {found['port'].decode()} in {_show(value)} is above 65535")
    if found["ipv6"] is not None:
        try:
            IPv6Address(found["ipv6"].decode())
        except AddressValueError as error:
            raise RemoteProtocolError(f"{_show(value)} is not an IPv6 address") from error


def parse_status_line(line: bytes) -> StatusLine:
    """Take a status line apart; the reason may be missing, with its space or without. Source: RFC 9112 section 4."""
    found = _STATUS_LINE.fullmatch(line)
    if found is None:
        raise RemoteProtocolError(f"expected a status line such as 'HTTP/1.1 200 OK', not {_show(line)}")
    reason = (found["reason"] or b"").strip(b" \t")
    return StatusLine(int(found["status"]), reason, (1, found["minor"][0] - 0x30))


def parse_field_line(line: bytes) -> tuple[bytes, bytes]:
    """Take a header or trailer line apart: lower-case name, value without surrounding white space.

    Source: RFC 9112 section 5 and RFC 9110 section 5.5; no folding, no space before the colon.
    """
    usual = _FIELD_LINE.fullmatch(line)
    if usual is not None:
        return usual[1].lower(), usual[2].strip(b" \t")
    name = _FIELD_NAME.match(line)
    wrong = _NOT_IN_VALUE.search(line)
    if name is not None and wrong is not None:
        raise RemoteProtocolError(f"byte 0x{wrong[0][0]:02x} in the value of header {_show(name[0])}")
    if line[:1] in (b" ", b"\t"):
        raise RemoteProtocolError("a header line begins with white space: folded lines are not accepted")
    raise RemoteProtocolError(f"expected 'name: value', not a header line that begins with {_show(line)}")


def is_token(text: bytes) -> bool:
    """Return whether `text` is what RFC 9110 section 5.6.2 calls a token."""
    return _TOKEN.fullmatch(text) is not None


def is_value(text: bytes) -> bool:
    """Return whether `text` can be a field's value as it stands: no control byte, no white space around it."""
    return _NOT_IN_VALUE.search(text) is None and text.strip(b" \t") == text


def is_target(text: bytes) -> bool:
    """Return whether `text` can be sent as a request target."""
    return text.startswith((b"/", b"*")) and _NOT_IN_TARGET.search(text) is None


def parse_content_length(value: bytes) -> int:
    """Return the length that a `content-length` of one number says. Source: RFC 9110 section 8.6."""
    if _SIZE.fullmatch(value) is None:
        raise RemoteProtocolError(f"expected one decimal number in content-length, not {_show(value)}")
    size = int(value)
    if size > MAX_SIZE:
        raise RemoteProtocolError(f"content-length {size} is more than {MAX_SIZE}")
    return size


def check_transfer_encoding(value: bytes) -> None:
    """Raise unless `value` is exactly `chunked`: 501 for codings that are only unknown, else 400.

    Source: RFC 9112 sections 6.1 and 7.
    """
    coding = value.lower()
    if coding == b"chunked":
        return
    codings = split_list(coding)
    is_unknown = all(map(is_token, codings)) and codings[:1] != [b"chunked"] and codings.count(b"chunked") <= 1
    raise RemoteProtocolError(
        f"expected 'chunked' alone in transfer-encoding, not {_show(value)}",
        status=501 if codings and is_unknown else 400,
    )


def parse_connection(value: bytes) -> frozenset[bytes]:
    """Return the options that a `connection` field lists, in lower case. Source: RFC 9110 section 7.6.1."""
    options = split_list(value.lower())
    for option in options:
        if not is_token(option):
            raise RemoteProtocolError(f"expected names in connection, not {_show(option)}")
    return frozenset(options)


def split_list(value: bytes) -> list[bytes]:
    """Split a comma-separated value whose items hold no quoted strings; empty items are left out."""
    return [item for part in value.split(b",") if (item := part.strip(b" \t"))]


def parse_chunk_line(line: bytes) -> int:
    """Return the size in a chunk's first line; extensions are checked and dropped. Source: RFC 9112 section 7.1."""
    found = _CHUNK_LINE.fullmatch(line)
    if found is None:
        raise RemoteProtocolError(f"expected a chunk size in hexadecimal, not {_show(line)}")
    size = int(found["size"], 16)
    if size > MAX_SIZE:
        raise RemoteProtocolError(f"a chunk of {size} bytes: expected at most {MAX_SIZE}")
    return size


def check_chunk_line_start(data: bytes, start: int) -> None:
    """Raise if what stands in `data` from `start` on cannot become a chunk's first line."""
    if _CHUNK_LINE_START.fullmatch(data, start) is None:
        raise RemoteProtocolError(f"expected a chunk size in hexadecimal, not {_show(data[start:])}")


def check_lines_start(data: bytes, start: int) -> None:
    """Raise if `data` from `start` on has a byte that no complete head or trailer section could have.

    Only so can a client that ends its lines with a line feed alone be told, instead of being waited for.
    """
    wrong = _NEVER.search(data, start)
    if wrong is not None:
        what = {0x0A: "a line feed without its carriage return", 0x0D: "a carriage return without its line feed"}
        byte = wrong[0][0]
        raise RemoteProtocolError(f"{what.get(byte, f'byte 0x{byte:02x}')} in a head")


def _show(text: bytes) -> str:
    """Quote the beginning of what a peer sent, safe for a log."""
    return ascii(text[:40].decode("latin-1")) + ("…" if len(text) > 40 else "")
