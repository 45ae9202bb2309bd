"""The frames of HTTP/2 as bytes. Source: RFC 9113 sections 4 and 6."""

from struct import Struct

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)

END_STREAM = ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
HAS_PRIORITY = 0x20

(
    HEADER_TABLE_SIZE,
    ENABLE_PUSH,
    MAX_CONCURRENT_STREAMS,
    INITIAL_WINDOW_SIZE,
    MAX_FRAME_SIZE,
    MAX_HEADER_LIST_SIZE,
) = range(1, 7)
ENABLE_CONNECT_PROTOCOL = 8

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEAD_BYTES = 9

HEAD = Struct(">IBI")
"""A frame's head in three numbers: the length times 256 plus the type, the flags, the stream."""

NUMBER = Struct(">I")

SETTING = Struct(">HI")

SETTINGS_ACK = HEAD.pack(SETTINGS, ACK, 0)

_WITH_NUMBER = Struct(">IBII")
_GOAWAY = Struct(">IBIII")


def write_settings(settings: dict[int, int]) -> bytes:
    """Return a SETTINGS frame."""
    payload = b"".join(SETTING.pack(name, value) for name, value in settings.items())
    return HEAD.pack(len(payload) << 8 | SETTINGS, 0, 0) + payload


def write_window_update(stream: int, increment: int) -> bytes:
    """Return a WINDOW_UPDATE frame; of the connection if `stream` is 0."""
    return _WITH_NUMBER.pack(4 << 8 | WINDOW_UPDATE, 0, stream, increment)


def write_reset(stream: int, code: int) -> bytes:
    """Return a RST_STREAM frame."""
    return _WITH_NUMBER.pack(4 << 8 | RST_STREAM, 0, stream, code)


def write_ping(data: bytes, flags: int) -> bytes:
    """Return a PING frame of 8 bytes."""
    return HEAD.pack(8 << 8 | PING, flags, 0) + data


def write_goaway(last: int, code: int, debug: bytes) -> bytes:
    """Return a GOAWAY frame."""
    return _GOAWAY.pack((8 + len(debug)) << 8 | GOAWAY, 0, 0, last, code) + debug


def write_long_block(stream: int, block: bytes, flags: int, max_bytes: int) -> bytes:
    """Return HEADERS with as many CONTINUATION frames as a header block needs that is longer than `max_bytes`.

    `flags` are those of HEADERS.
    """
    length = len(block)
    frames = [HEAD.pack(max_bytes << 8 | HEADERS, flags, stream), block[:max_bytes]]
    for start in range(max_bytes, length, max_bytes):
        piece = block[start : start + max_bytes]
        end = END_HEADERS if start + max_bytes >= length else 0
        frames += (HEAD.pack(len(piece) << 8 | CONTINUATION, end, stream), piece)
    return b"".join(frames)
