"""What one side of a connection says of itself in its SETTINGS, and how much it puts up with."""

import attrs

from mesh import Limits

DEFAULT_WINDOW = 65535
"""The windows of a connection and of its streams before anybody said otherwise. Source: RFC 9113 section 6.9.2."""

DEFAULT_TABLE_BYTES = 4096
"""The HPACK table before anybody said otherwise. Source: RFC 9113 section 6.5.2."""

DEFAULT_FRAME_BYTES = 16384
"""The largest frame before anybody said otherwise, and the least that anybody may say. Source: RFC 9113 section 6.5.2."""

MOST_WINDOW = 1 << 20  # of a stream whose reader keeps up
MOST_GROWN = 4 << 20  # what the windows of one connection gain in all

MAX_WINDOW = 2**31 - 1
MAX_STREAM = 2**31 - 1


@attrs.frozen(kw_only=True)
class Options:
    """How an engine is set up.

    `update_ratio`: a window is opened again when what is left of it falls to this share. `unread_windows`: the connection's
    window is refilled as bytes arrive, until so many times as much waits to be read, all streams together. `max_streams`
    counts those that the peer opens.
    """

    stream_window: int = 65536
    connection_window: int = 1048576
    update_ratio: float = 0.5
    unread_windows: int = 8
    header_table_bytes: int = DEFAULT_TABLE_BYTES
    max_frame_bytes: int = DEFAULT_FRAME_BYTES
    max_streams: int = 1024
    limits: Limits = attrs.field(factory=Limits)
