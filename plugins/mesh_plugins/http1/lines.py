"""The lines that come in, checked and classified once each: request lines, status lines, header lines, chunk lines."""

import attrs

from mesh import RemoteProtocolError
from mesh_plugins.http1.grammar import (
    RequestLine,
    StatusLine,
    check_authority,
    check_transfer_encoding,
    parse_chunk_line,
    parse_connection,
    parse_content_length,
    parse_field_line,
    parse_request_line,
    parse_status_line,
)
from mesh_plugins.http1.hop import CONNECTION_FIELDS, looks_like_framing, nominated
from mesh_plugins.http1.memo import MAX_LINE_BYTES, SECRET_FIELDS, Memo

HOST, LENGTH, CODING, CONNECTION, UPGRADE, EXPECT, DROPPED, SECRET = 1, 2, 4, 8, 16, 32, 64, 128
"""What is special about a header line; 0 for most."""


@attrs.frozen
class Options:
    """What `connection` fields say; `nominated` are the fields that they take off the message."""

    close: bool
    keep_alive: bool
    upgrade: bool
    nominated: frozenset[bytes]

    def joined(self, other: "Options") -> "Options":
        """Return what two `connection` fields say together."""
        return Options(
            self.close or other.close,
            self.keep_alive or other.keep_alive,
            self.upgrade or other.upgrade,
            self.nominated | other.nominated,
        )


NO_OPTIONS = Options(False, False, False, frozenset())

Line = tuple[tuple[bytes, bytes], int, int, Options]
"""A header line: the field, its kind, the number if it is a `content-length`, the options if it is a `connection`."""


_KINDS = {
    **dict.fromkeys(SECRET_FIELDS, SECRET),
    **{name: DROPPED | (SECRET if name in SECRET_FIELDS else 0) for name in CONNECTION_FIELDS},
    b"host": HOST,
    b"content-length": LENGTH,
    b"transfer-encoding": CODING,
    b"connection": CONNECTION,
    b"upgrade": UPGRADE,
    b"expect": EXPECT,
}


def _is_short(line: bytes, _: object) -> bool:
    return len(line) <= MAX_LINE_BYTES


def _read_field(line: bytes) -> Line:
    """Check a header line, by the rules of its own field too, and tell what kind it is."""
    field = parse_field_line(line)
    name, value = field
    kind = _KINDS.get(name, 0)
    if not kind and looks_like_framing(name):
        raise RemoteProtocolError(f"header {name.decode()!r} would pass for a framing field behind some servers")
    if kind == HOST:
        check_authority(value)
    elif kind == CODING:
        check_transfer_encoding(value)
    elif kind == LENGTH:
        return field, kind, parse_content_length(value), NO_OPTIONS
    elif kind == CONNECTION:
        said = parse_connection(value)
        options = Options(b"close" in said, b"keep-alive" in said, b"upgrade" in said, nominated(said))
        return field, kind, 0, options
    return field, kind, 0, NO_OPTIONS


def _keeps_field(line: bytes, parsed: Line) -> bool:
    return len(line) <= MAX_LINE_BYTES and parsed[0][0] not in SECRET_FIELDS


REQUEST_LINES: Memo[bytes, RequestLine] = Memo(parse_request_line, _is_short)
STATUS_LINES: Memo[bytes, StatusLine] = Memo(parse_status_line, _is_short)
FIELD_LINES: Memo[bytes, Line] = Memo(_read_field, _keeps_field)
CHUNK_LINES: Memo[bytes, int] = Memo(parse_chunk_line, _is_short)
