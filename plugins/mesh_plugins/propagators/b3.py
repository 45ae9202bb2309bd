"""Trace ids as Zipkin's B3 carries them: five fields, or all in `b3`.

Where linkerd is careless this is not: all 128 bits of a trace id are kept, and a decision that nobody made is not made up.
Source: linkerd protocol/http, ZipkinTracePropagator.scala; openzipkin/b3-propagation, README.
"""

import re

import attrs

from mesh import Carried, Fields, Propagator, TraceId, field, key, without
from mesh_plugins.propagators.digits import read_span, read_trace

TRACE, SPAN, PARENT = b"x-b3-traceid", b"x-b3-spanid", b"x-b3-parentspanid"
SAMPLED, FLAGS, SINGLE = b"x-b3-sampled", b"x-b3-flags", b"b3"
CTX_TRACE = b"l5d-ctx-trace"  # of no use to the next hop, which is told in another way
DEBUG = 1
_FLAGS = re.compile(rb"[0-9]{1,19}")  # a long of Java's
_DECISIONS = {b"0": False, b"false": False, b"1": True, b"true": True, b"d": True}


@attrs.frozen
class B3Config:
    """Carries trace ids in `x-b3-traceid`, `x-b3-spanid`, `x-b3-parentspanid`, `x-b3-sampled` and `x-b3-flags`.

    The single field `b3` is read too, and stronger.
    """

    single: bool = key("Write the one field `b3`, and not the five.", False)


class B3:
    """See `Propagator`."""

    names = frozenset({TRACE, SPAN, PARENT, SAMPLED, FLAGS, SINGLE, CTX_TRACE})
    is_wide = False

    def __init__(self, *, single: bool) -> None:
        self._single = single

    def read(self, headers: Fields) -> Carried:
        single = field(headers, SINGLE)
        rest = without(headers, *self.names)
        if single is not None:
            found = _read_single(single)
            if found is not None:
                return Carried(rest, *found)
        flags = _flags(field(headers, FLAGS))
        sampled = True if flags else _DECISIONS.get((field(headers, SAMPLED) or b"").lower())
        trace = _trace(field(headers, TRACE), field(headers, SPAN), field(headers, PARENT), flags)
        return Carried(rest, _decided(trace, sampled), sampled)

    def write(self, trace: TraceId) -> Fields:
        return [(SINGLE, _single(trace))] if self._single else _several(trace)


def _flags(text: bytes | None) -> int:
    """Return `DEBUG` if a number says so; Finagle writes its other bits there too."""
    return int(text) & DEBUG if text is not None and _FLAGS.fullmatch(text) else 0


def _trace(trace: bytes | None, span: bytes | None, parent: bytes | None, flags: int = 0) -> TraceId | None:
    """Return the id of these texts; None if there is no span or no trace."""
    ids, own = read_trace(trace), read_span(span)
    if ids is None or own is None:
        return None
    high, low = ids
    return TraceId.of(own, read_span(parent), low, high=high, flags=flags)


def _read_single(text: bytes) -> tuple[TraceId | None, bool | None] | None:
    """Return what `trace-span[-decision[-parent]]`, or a decision alone, says; None for anything else."""
    parts = text.split(b"-")
    if len(parts) == 1:
        return (None, _DECISIONS[text]) if text in (b"0", b"1", b"d") else None
    if len(parts) > 4:
        return None
    decision = parts[2] if len(parts) > 2 else b""
    trace = _trace(parts[0], parts[1], parts[3] if len(parts) == 4 else None, DEBUG if decision == b"d" else 0)
    if trace is None:
        return None
    sampled = _DECISIONS.get(decision)
    return _decided(trace, sampled), sampled


def _decided(trace: TraceId | None, sampled: bool | None) -> TraceId | None:
    return trace if trace is None or sampled is None or trace.is_debug else trace.decided(sampled)


def _several(trace: TraceId) -> Fields:
    fields = [(SPAN, trace.span_hex.encode()), (TRACE, trace.trace_hex.encode())]
    if trace.parent is not None:
        fields.append((PARENT, trace.parent_hex.encode()))
    if trace.is_debug:
        fields.append((FLAGS, b"1"))
    elif trace.sampled is not None:
        fields.append((SAMPLED, b"1" if trace.sampled else b"0"))
    return fields


def _single(trace: TraceId) -> bytes:
    """Return the id in one text; a parent cannot be told as long as nothing is decided."""
    text = f"{trace.trace_hex}-{trace.span_hex}"
    if trace.sampled is not None:
        text += "-d" if trace.is_debug else f"-{int(trace.sampled)}"
        if trace.parent is not None:
            text += f"-{trace.parent_hex}"
    return text.encode()


def b3(config: B3Config) -> Propagator:
    """Return the propagator."""
    return B3(single=config.single)
