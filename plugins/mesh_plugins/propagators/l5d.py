"""Trace ids as linkerd and Finagle carry them: `l5d-ctx-trace`, with the root's id beside it in `l5d-reqid`.

Source: linkerd protocol/http, LinkerdHeaders.scala (`Ctx.Trace`, `RequestId`) and LinkerdTracePropagator.scala.
"""

from binascii import a2b_base64, b2a_base64, hexlify

import attrs

from mesh import Carried, Fields, Propagator, TraceId, field, without

CTX_TRACE = b"l5d-ctx-trace"
REQUEST_ID = b"l5d-reqid"
LONGEST = 56  # digits in base64 of the longest id, padded


@attrs.frozen
class L5dConfig:
    """Carries trace ids in `l5d-ctx-trace`, in base64, and tells the root's id in `l5d-reqid`."""


class L5d:
    """See `Propagator`."""

    names = frozenset({CTX_TRACE, REQUEST_ID})
    is_wide = False

    def read(self, headers: Fields) -> Carried:
        return Carried(without(headers, CTX_TRACE, REQUEST_ID), _unpacked(field(headers, CTX_TRACE)))

    def write(self, trace: TraceId) -> Fields:
        packed = trace.packed
        return [(CTX_TRACE, b2a_base64(packed, newline=False)), (REQUEST_ID, hexlify(packed[16:24]))]


def _unpacked(text: bytes | None) -> TraceId | None:
    if text is None or len(text) > LONGEST:
        return None
    try:
        return TraceId.unpack(a2b_base64(text + b"=" * (-len(text) % 4), strict_mode=True))
    except ValueError:
        return None


def l5d(_config: L5dConfig) -> Propagator:
    """Return the propagator."""
    return L5d()


@attrs.frozen
class NoneConfig:
    """Makes no trace ids, and lets the fields of others pass as they are."""


def none(_config: NoneConfig) -> None:
    """Return nothing: that is how a router without a propagator is told apart."""
