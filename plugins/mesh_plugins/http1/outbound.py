"""The bytes that go out on one connection: lines checked and made once each, bodies framed as their head announced."""

import re

from mesh import Fields, LocalProtocolError
from mesh_plugins.http1.grammar import is_target, is_token, is_value
from mesh_plugins.http1.head import CHUNKED, UNTIL_CLOSE
from mesh_plugins.http1.hop import CONNECTION_FIELDS, looks_like_framing
from mesh_plugins.http1.memo import MAX_LINE_BYTES, SECRET_FIELDS, Memo

NO_HEAD = -3
"""In place of a body's size: no head was written yet."""

# What most fields are like: one look (0.4 µs) instead of the whole of `check_field`.
_USUAL_NAME = re.compile(rb"[a-z0-9\-]++")
_USUAL_VALUE = re.compile(rb"(?:[\x21-\x7e\x80-\xff]++(?:[\t ]++[\x21-\x7e\x80-\xff]++)*+)?")

_PRINTED = bytes(byte if 0x20 <= byte < 0x7F else 0x3F for byte in range(256))  # what is not printable becomes a `?`
_NEW_EACH_TIME = {
    name: b"\r\n%b: " % name
    for name in (
        b"forwarded",
        b"l5d-ctx-deadline",
        b"l5d-ctx-trace",
        b"l5d-reqid",
        b"traceparent",
        b"x-b3-spanid",
        b"x-b3-traceid",
        b"x-request-id",
    )
}


class Outbound:
    """What engines do to write a body.

    The mutable state: `_to_write` is what the body still has to get: bytes, `CHUNKED`, `UNTIL_CLOSE`, or `NO_HEAD`.
    """

    __slots__ = ("_to_write",)

    def __init__(self) -> None:
        self._to_write = NO_HEAD

    def write_data(self, data: bytes) -> bytes:
        left = self._to_write
        if left >= 0:
            left -= len(data)
            if left < 0:
                raise LocalProtocolError(f"the body has {-left} bytes more than its head announced")
            self._to_write = left
            return data
        if left == CHUNKED:
            return b"".join((b"%x\r\n" % len(data), data, b"\r\n")) if data else b""
        if left == UNTIL_CLOSE:
            return data
        raise LocalProtocolError("write_data() before write_head()")

    def write_end(self, trailers: Fields) -> bytes:
        left = self._to_write
        if left > 0:
            raise LocalProtocolError(f"the body ends {left} bytes before the size that its head announced")
        if left == NO_HEAD:
            raise LocalProtocolError("write_end() before write_head()")
        self._to_write = 0
        if left != CHUNKED:
            return b""
        return b"0%b\r\n\r\n" % b"".join(map(WRITTEN_FIELDS.__getitem__, trailers))


def check_field(name: bytes, value: bytes) -> None:
    """Raise `LocalProtocolError` unless the field may be written as it stands."""
    if not isinstance(name, bytes) or not isinstance(value, bytes):
        raise LocalProtocolError(f"header {name!r}: expected bytes, not {type(name).__name__}, {type(value).__name__}")
    if not is_token(name) or name != name.lower():
        raise LocalProtocolError(f"{name[:40]!r} is not a lower-case header name")
    if name in CONNECTION_FIELDS or looks_like_framing(name):
        raise LocalProtocolError(f"header {name.decode()!r} is the codec's to write: set the body or its size instead")
    if not is_value(value):
        raise LocalProtocolError(f"header {name.decode()!r} has a control byte in its value, or white space around it")


def check_request_line(method: bytes, target: bytes) -> None:
    """Raise `LocalProtocolError` unless a request line can be made of both."""
    if not is_token(method) or method == b"CONNECT":
        raise LocalProtocolError(f"{method[:40]!r} is not a method that can be sent")
    if not is_target(target):
        raise LocalProtocolError(f"{target[:40]!r} is not a target in origin form, or has bytes to percent-encode")


def check_status_line(status: int, reason: bytes) -> None:
    """Raise `LocalProtocolError` unless a status line can be made of both."""
    if not 100 <= status <= 999 or status == 101:
        raise LocalProtocolError(f"{status} is not a status that can be sent")
    if not is_value(reason):
        raise LocalProtocolError(f"the reason of status {status} has a control byte, or white space around it")


def switch_fields(upgrade: bytes) -> bytes:
    """Return the two lines, each with its line end before it, that ask for another protocol or grant it."""
    if not upgrade or not is_value(upgrade):
        raise LocalProtocolError(f"{upgrade[:40]!r} is not a list of protocols to switch to")
    return b"\r\nconnection: upgrade\r\nupgrade: " + upgrade


def _field_line(field: tuple[bytes, bytes]) -> bytes:
    name, value = field
    try:
        usual = _USUAL_NAME.fullmatch(name) and _USUAL_VALUE.fullmatch(value)
    except TypeError:
        usual = None
    if usual is None or name in CONNECTION_FIELDS:
        check_field(name, value)
    return b"\r\n%b: %b" % field


class FieldLines(Memo[tuple[bytes, bytes], bytes]):
    """The memo of fields, which writes ids of requests, of which each is new, without a look at its notes: 0.5 µs, not 1.3."""

    __slots__ = ()

    def __missing__(self, field: tuple[bytes, bytes]) -> bytes:
        name, value = field
        start = _NEW_EACH_TIME.get(name)
        if start is not None and value.translate(_PRINTED) == value == value.strip():
            return start + value
        return super().__missing__(field)


def _request_line(key: tuple[bytes, bytes]) -> bytes:
    check_request_line(*key)
    return b"%b %b HTTP/1.1" % key


def _status_line(key: tuple[int, bytes]) -> bytes:
    check_status_line(*key)
    return b"HTTP/1.1 %d %b" % key


def _size_line(size: int) -> bytes:
    if size < 0:
        raise LocalProtocolError(f"{size} is not the size of a body")
    return b"\r\ncontent-length: %d\r\n\r\n" % size


def _is_short(_: object, line: bytes) -> bool:
    return len(line) <= MAX_LINE_BYTES


def _keeps_field(field: tuple[bytes, bytes], line: bytes) -> bool:
    return len(line) <= MAX_LINE_BYTES and field[0] not in SECRET_FIELDS


WRITTEN_FIELDS = FieldLines(_field_line, _keeps_field)
"""From a field to its line, with the line end before it."""
WRITTEN_REQUEST_LINES: Memo[tuple[bytes, bytes], bytes] = Memo(_request_line, _is_short)
WRITTEN_STATUS_LINES: Memo[tuple[int, bytes], bytes] = Memo(_status_line, _is_short)
WRITTEN_SIZES: Memo[int, bytes] = Memo(_size_line, _is_short)
"""From a body's size to what ends a head that announces it."""
