"""Values that others chose, made safe for a line: no control characters, no quotes, nothing that begins a new line."""

import re

from mesh_plugins.http1.memo import MAX_LINE_BYTES, Memo

_UNSAFE = re.compile(r"[^ !#-\[\]-~]")
_UNSAFE_WORD = re.compile(r"[^!#-\[\]-~]")
_ESCAPES = {octet: f"\\x{octet:02x}" for octet in range(256) if not 32 <= octet < 127} | {34: '\\"', 92: "\\\\"}
_WORD_ESCAPES = _ESCAPES | {32: "\\x20"}


def quoted(value: bytes) -> str:
    r"""Return a value that may stand between quotes: a quote is `\"`, a backslash `\\`, what is no printable ASCII `\xHH`."""
    text = value.decode("latin-1")
    return text.translate(_ESCAPES) if _UNSAFE.search(text) else text


def word(value: bytes) -> str:
    r"""Return the same for a value that stands without quotes: a space is `\x20`, nothing at all is `-`."""
    text = value.decode("latin-1")
    return (text.translate(_WORD_ESCAPES) if _UNSAFE_WORD.search(text) else text) or "-"


def _is_short(value: bytes, _text: str) -> bool:
    return len(value) <= MAX_LINE_BYTES


QUOTED: Memo[bytes, str] = Memo(quoted, _is_short)
"""From a value, none of the secret ones, to what `quoted` returns for it."""
WORDS: Memo[bytes, str] = Memo(word, _is_short)
"""The same of `word`."""
