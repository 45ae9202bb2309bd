"""The fields that come in, checked and classified once each: what HTTP/1.1's grammar says of them, and HTTP/2's own rules.

Whatever passes here can be written in HTTP/1.1 as it stands: no smuggling by a field that ends a line, names a framing, or is
two fields in one. Source: RFC 9113 sections 8.2 and 8.3.
"""

import re

from mesh import RemoteProtocolError
from mesh_plugins.http1.grammar import MAX_METHOD_BYTES, check_authority, is_token, is_value, parse_content_length
from mesh_plugins.http1.hop import CONNECTION_FIELDS, looks_like_framing
from mesh_plugins.http1.memo import MAX_LINE_BYTES, SECRET_FIELDS, Memo
from mesh_plugins.http2.changing import NEW_EACH_TIME

METHOD, SCHEME, AUTHORITY, PATH, STATUS, HOST, LENGTH, COOKIE, DROPPED, SECRET = (1 << bit for bit in range(10))
"""What is special about a field; 0 for most."""

PSEUDO = METHOD | SCHEME | AUTHORITY | PATH | STATUS

_Field = tuple[bytes, bytes]

_IN_IDS = bytes(range(0x21, 0x7F))
_PSEUDO_KINDS = {
    b":method": METHOD,
    b":scheme": SCHEME,
    b":authority": AUTHORITY,
    b":path": PATH,
    b":status": STATUS,
}
_KINDS = {
    **dict.fromkeys(SECRET_FIELDS, SECRET),
    **{name: DROPPED | (SECRET if name in SECRET_FIELDS else 0) for name in CONNECTION_FIELDS},
    b"cookie": COOKIE | SECRET,
    b"host": HOST,
    b"content-length": LENGTH,
}
_FORBIDDEN = frozenset(
    {b"connection", b"http2-settings", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"}
)
_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]++")
_VALUE = re.compile(rb"(?:[\x21-\x7e\x80-\xff]++(?:[\t ]++[\x21-\x7e\x80-\xff]++)*+)?")
_PATH = re.compile(rb"/[\x21\x22\x24-\x7e]*+|\*")
_STATUS = re.compile(rb"[1-9][0-9]{2}")


def classify(field: _Field) -> int:
    """Return the kind of a field. Raises `RemoteProtocolError` if it breaks a rule by itself."""
    name, value = field
    if _VALUE.fullmatch(value) is None:
        raise RemoteProtocolError(f"a control byte in the value of field {_show(name)}, or white space around it")
    if name[:1] == b":":
        return _classify_pseudo(name, value)
    if _NAME.fullmatch(name) is None:
        raise RemoteProtocolError(f"{_show(name)} is not the name of a field: expected a token in lower case")
    kind = _KINDS.get(name, 0)
    if not kind:
        if looks_like_framing(name):
            raise RemoteProtocolError(f"field {_show(name)} would pass for a framing field behind some servers")
    elif name in _FORBIDDEN or (name == b"te" and value != b"trailers"):
        raise RemoteProtocolError(f"field {_show(name)} belongs to connections of HTTP/1.1")
    elif kind == HOST:
        check_authority(value)
    elif kind == LENGTH:
        parse_content_length(value)
    return kind


def _classify_pseudo(name: bytes, value: bytes) -> int:
    kind = _PSEUDO_KINDS.get(name)
    if kind is None:
        raise RemoteProtocolError(f"{_show(name)} is no pseudo field that was agreed on")
    if kind == AUTHORITY:
        check_authority(value)
    elif kind == PATH:
        _check_path(value)
    elif (
        (kind == METHOD and (not is_token(value) or len(value) > MAX_METHOD_BYTES))
        or (kind == SCHEME and value not in (b"http", b"https"))
        or (kind == STATUS and _STATUS.fullmatch(value) is None)
    ):
        raise RemoteProtocolError(f"{_show(value)} cannot be the value of {_show(name)}")
    return kind


def _check_path(value: bytes) -> None:
    """Source: RFC 9113 section 8.3.1; bytes that are merely odd pass, as in HTTP/1.1."""
    if _PATH.fullmatch(value) is None:
        raise RemoteProtocolError(
            f"expected a path that begins with '/', its bytes percent-encoded, not {_show(value)}"
        )
    if b"%00" in value.partition(b"?")[0]:
        raise RemoteProtocolError("%00 in the path: it would end the path in some servers")


class _Kinds(Memo[_Field, int]):
    """The memo of kinds, which looks at ids of requests without noting them."""

    __slots__ = ()

    def __missing__(self, field: _Field) -> int:
        name, value = field
        if name in NEW_EACH_TIME and (not value.translate(None, _IN_IDS) or is_value(value)):
            return 0
        return super().__missing__(field)


def _keeps(field: _Field, _: int) -> bool:
    name, value = field
    return len(name) + len(value) <= MAX_LINE_BYTES and name not in SECRET_FIELDS


KINDS: Memo[_Field, int] = _Kinds(classify, _keeps)
"""From a field to its kind."""


def _show(text: bytes) -> str:
    """Quote the beginning of what a peer sent, safe for a log."""
    return ascii(text[:40].decode("latin-1")) + ("…" if len(text) > 40 else "")
