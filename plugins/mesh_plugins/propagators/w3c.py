"""Trace ids as the W3C's Trace Context carries them: `traceparent`, with vendors' own state in `tracestate`.

Source: https://www.w3.org/TR/trace-context/, sections 3.2 and 4.3.
"""

import re

import attrs

from mesh import Carried, Fields, Propagator, TraceId, without

PARENT, STATE = b"traceparent", b"tracestate"
SAMPLED = 1
_PARENT = re.compile(
    rb"(?P<version>[0-9a-f]{2})-(?P<high>[0-9a-f]{16})(?P<low>[0-9a-f]{16})-(?P<span>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})"
    rb"(?P<more>-.*)?"
)


@attrs.frozen
class W3cConfig:
    """Carries trace ids in `traceparent`, and passes `tracestate` on with them."""


class W3c:
    """See `Propagator`."""

    names = frozenset({PARENT, STATE})
    is_wide = True

    def read(self, headers: Fields) -> Carried:
        values = [value for name, value in headers if name == PARENT]
        trace = _read(values[0]) if len(values) == 1 else None
        if trace is None:  # nothing of a state may travel on whose trace has ended
            return Carried(without(headers, PARENT, STATE))
        return Carried(without(headers, PARENT), trace)

    def write(self, trace: TraceId) -> Fields:
        flags = b"01" if trace.sampled else b"00"
        text = f"00-{trace.trace_hex.rjust(32, '0')}-{trace.span_hex}-".encode()
        return [(PARENT, text + flags)]


def _read(text: bytes) -> TraceId | None:
    """Return the id of a `traceparent`; of versions to come, as much as this one knows."""
    found = _PARENT.fullmatch(text)
    if found is None or found["version"] == b"ff" or (found["more"] and found["version"] == b"00"):
        return None
    high, low, span, flags = (int(found[name], 16) for name in ("high", "low", "span", "flags"))
    if not (high or low) or not span:
        return None
    return TraceId.of(span, trace=low, high=high).decided(bool(flags & SAMPLED))


def w3c(_config: W3cConfig) -> Propagator:
    """Return the propagator."""
    return W3c()
