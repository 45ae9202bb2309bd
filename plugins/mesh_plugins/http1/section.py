"""Header sections: the lines of one together, and the memo of whole sections.

A peer that keeps its connection mostly sends the same section again and again, to the byte, so whole sections are kept as
lines are: a head that came before costs one look-up (an exchange as of wrk with nginx: 6 µs instead of 9).
"""

from mesh import Fields, RemoteProtocolError
from mesh_plugins.http1.lines import (
    CODING,
    CONNECTION,
    DROPPED,
    FIELD_LINES,
    HOST,
    LENGTH,
    NO_OPTIONS,
    SECRET,
    Options,
)
from mesh_plugins.http1.memo import MAX_LINE_BYTES, Memo

_MAX_BYTES = 1024
_MAX_SECTIONS = 512  # about 2 MiB at worst
_ONCE = HOST | LENGTH | CODING
_TAKEN_OFF = LENGTH | CODING | CONNECTION | DROPPED

Section = tuple[Fields, int, int, Options]
"""The fields that may travel on, what kinds of lines there were, the `content-length`, the connection's options.

The fields still hold `expect` and `upgrade`, for those who must look at them. They are shared: copy them.
"""


def read_section(text: bytes) -> Section:
    """Read the lines in `text`, each with its line end before it."""
    fields: Fields = []
    append = fields.append
    kinds = size = 0
    options = NO_OPTIONS
    lines = iter(text.split(b"\r\n"))
    next(lines)
    for field, kind, number, said in map(FIELD_LINES.__getitem__, lines):
        if not kind:
            append(field)
            continue
        if kind & kinds & _ONCE:
            raise RemoteProtocolError(f"header {field[0].decode()!r} twice: expected one")
        kinds |= kind
        if not kind & _TAKEN_OFF:
            append(field)
        elif kind == LENGTH:
            size = number
        elif kind == CONNECTION:
            options = said if options is NO_OPTIONS else options.joined(said)
    if options.nominated:
        fields = [field for field in fields if field[0] not in options.nominated]
    return fields, kinds, size, options


def _keeps(text: bytes, section: Section) -> bool:
    return len(text) <= _MAX_BYTES and not section[1] & SECRET


SECTIONS: Memo[bytes, Section] = Memo(read_section, _keeps, _MAX_SECTIONS)
"""From the bytes between the first line and the CR LF CR LF that ends the head to what they say."""


def known(line: bytes, text: bytes) -> bytes:
    """Return the head of a first line and a section, to know it again by; nothing unless the section is kept."""
    return b"%b%b\r\n\r\n" % (line, text) if text in SECTIONS and len(line) <= MAX_LINE_BYTES else b""
