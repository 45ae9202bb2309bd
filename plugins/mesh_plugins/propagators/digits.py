"""Ids in hexadecimal digits, as text on the wire has them. Source: finagle-core, tracing/Id.scala (`SpanId.fromString`)."""

import re

MOST = 32
_HEX = re.compile(rb"[0-9a-fA-F]{1,32}")


def read_span(text: bytes | None) -> int | None:
    """Return the number of up to 32 digits, of which the last 16 count; None for anything else."""
    return int(text[-16:], 16) if text is not None and _HEX.fullmatch(text) else None


def read_trace(text: bytes | None) -> tuple[int | None, int] | None:
    """Return the upper and the lower half of a trace id; there is an upper one only if there are 32 digits."""
    low = read_span(text)
    if text is None or low is None:
        return None
    return int(text[:16], 16) if len(text) == MOST else None, low
