"""Huffman-coded strings of HPACK, decoded a byte at a time.

hpack decodes four bits at a time (0.3 µs a byte). A step here is one byte (0.1 µs); each is worked out by hpack's table when
it is first needed, and kept, so long as there are not too many: what is usual takes some thousands.
"""

from hpack.exceptions import HPACKDecodingError
from hpack.huffman_table import HUFFMAN_COMPLETE, HUFFMAN_EMIT_SYMBOL, HUFFMAN_FAIL, HUFFMAN_TABLE

_MOST_STEPS = 16384  # about 4 MiB in the process; random bytes would come to 65,536.

_Step = tuple[int, bytes, bool]
"""The state after a byte, times 256; what it completed; whether the string may end there."""


def decode_huffman(text: bytes) -> bytes:
    """Decode a string. Raises hpack's `HPACKDecodingError`. Source: RFC 7541 section 5.2."""
    state = 0
    may_end = True
    parts: list[bytes] = []
    append = parts.append
    steps = _STEPS
    for byte in text:
        state, part, may_end = steps[state | byte]
        append(part)
    if not may_end:
        raise HPACKDecodingError("a Huffman-coded string that ends inside a symbol")
    return b"".join(parts)


class _Steps(dict[int, _Step]):
    """From a state times 256 plus a byte to the step."""

    __slots__ = ()

    def __missing__(self, key: int) -> _Step:
        state, byte = divmod(key, 256)
        part = b""
        flags = 0
        for half in (byte >> 4, byte & 15):
            state, flags, symbol = HUFFMAN_TABLE[state * 16 + half]
            if flags & HUFFMAN_FAIL:
                raise HPACKDecodingError("a Huffman-coded string with the symbol of its end inside")
            if flags & HUFFMAN_EMIT_SYMBOL:
                part += bytes((symbol,))
        step = (state * 256, part, bool(flags & HUFFMAN_COMPLETE))
        if len(self) < _MOST_STEPS:
            self[key] = step
        return step


_STEPS = _Steps()
