"""Trace ids: which call tree a request belongs to, and which call of it this is.

An id is kept as the bytes that travel, so that it costs next to nothing to pass one on, and is read when somebody asks.
Source: finagle-core, tracing/Id.scala (`TraceId`, `SpanId`) and tracing/Flags.scala.
"""

import random
import struct
from collections.abc import Callable, Iterator
from itertools import chain, repeat

DEBUG, KNOWN, SAMPLED = 1, 2, 4  # bits of `flags`; `SAMPLED` means something if `KNOWN` is set
_UNDECIDED = bytes(8)
_AT_ONCE = 4096  # random bytes that are drawn together: 20 ns an id, and not 200


class TraceId:
    """The id of one span of a trace; equal by its bytes, which nobody changes.

    `packed` is span, parent, trace and flags, 8 bytes each in network order, and the upper half of a trace id of 128 bits
    if it has one. A span without a parent is its own; one that begins its trace gives it its id.
    """

    __slots__ = ("packed",)

    def __init__(self, packed: bytes) -> None:
        """Take bytes that are known to be 32 or 40; `unpack` is for those that are not."""
        self.packed = packed

    @classmethod
    def unpack(cls, packed: bytes) -> "TraceId":
        """Raise `ValueError` for bytes that are no id."""
        if len(packed) not in (32, 40):
            raise ValueError(f"Expected 32 or 40 bytes, was: {len(packed)}")
        return cls(packed)

    @classmethod
    def of(
        cls, span: int, parent: int | None = None, trace: int | None = None, *, high: int | None = None, flags: int = 0
    ) -> "TraceId":
        """Return the id of these numbers; without a parent it is the span, without a trace the parent."""
        parent = span if parent is None else parent
        packed = struct.pack(">QQQQ", span, parent, parent if trace is None else trace, flags)
        return cls(packed if high is None else packed + high.to_bytes(8, "big"))

    def child(self, span: bytes) -> "TraceId":
        """Return the id of a call that this one makes; `span` is its own, of 8 bytes."""
        packed = self.packed
        return TraceId(span + packed[:8] + packed[16:])

    def decided(self, sampled: bool) -> "TraceId":
        """Return this id with the decision whether it is recorded."""
        flags = self.flags & ~(KNOWN | SAMPLED) | (KNOWN | SAMPLED if sampled else KNOWN)
        return TraceId(self.packed[:24] + flags.to_bytes(8, "big") + self.packed[32:])

    @property
    def span(self) -> int:
        return int.from_bytes(self.packed[:8], "big")

    @property
    def parent(self) -> int | None:
        """The span that made the call; None if nobody is known to have."""
        return None if self.packed[8:16] == self.packed[:8] else int.from_bytes(self.packed[8:16], "big")

    @property
    def trace(self) -> int:
        """The lower 64 bits of the trace id."""
        return int.from_bytes(self.packed[16:24], "big")

    @property
    def high(self) -> int | None:
        """The upper 64 bits of the trace id; None if it has only the lower ones."""
        return int.from_bytes(self.packed[32:], "big") if len(self.packed) == 40 else None

    @property
    def flags(self) -> int:
        return int.from_bytes(self.packed[24:32], "big")

    @property
    def is_debug(self) -> bool:
        """Whether the trace is recorded whatever anybody decides."""
        return bool(self.flags & DEBUG)

    @property
    def sampled(self) -> bool | None:
        """Whether the trace is recorded; None if nobody has decided yet."""
        flags = self.flags
        if flags & DEBUG:
            return True
        return bool(flags & SAMPLED) if flags & KNOWN else None

    @property
    def trace_hex(self) -> str:
        """The trace id in 16 or 32 digits."""
        return (self.packed[32:] + self.packed[16:24]).hex()

    @property
    def span_hex(self) -> str:
        return self.packed[:8].hex()

    @property
    def parent_hex(self) -> str:
        """The parent in 16 digits; empty if there is none."""
        return "" if self.packed[8:16] == self.packed[:8] else self.packed[8:16].hex()

    def __str__(self) -> str:
        return self.trace_hex

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TraceId) and self.packed == other.packed

    def __hash__(self) -> int:
        return hash(self.packed)

    def __repr__(self) -> str:
        return f"TraceId({self.trace_hex}.{self.span_hex}<:{self.parent_hex or '-'})"


def span_ids(source: random.Random) -> Iterator[bytes]:
    """Return random spans of 8 bytes, without end."""
    drawn = (struct.iter_unpack("8s", source.randbytes(_AT_ONCE)) for _draw in repeat(None))
    return chain.from_iterable(chain.from_iterable(drawn))


def new_calls(
    source: random.Random, count: int, now: Callable[[], float] | None = None
) -> list[tuple[TraceId, TraceId]]:
    """Return `count` spans as `new_traces` does, each with a call that it makes. All those of one clock begin alike."""
    end = _UNDECIDED if now is None else _UNDECIDED + _wide(source, now)
    drawn = struct.iter_unpack("8s8s", source.randbytes(16 * count))
    return [(TraceId(root * 3 + end), TraceId(span + root * 2 + end)) for root, span in drawn]


def new_traces(source: random.Random, now: Callable[[], float] | None = None) -> Iterator[TraceId]:
    """Return spans that begin traces of 64 bits, without end.

    With a clock they have 128 bits, of which the upper ones begin with `now()`, seconds since 1970.
    """
    if now is None:
        return (TraceId(span * 3 + _UNDECIDED) for span in span_ids(source))
    return (TraceId(span * 3 + _UNDECIDED + _wide(source, now)) for span in span_ids(source))


def _wide(source: random.Random, now: Callable[[], float]) -> bytes:
    """Return the upper half of a trace id, which tells when the trace begins."""
    return (int(now()) & 0xFFFFFFFF).to_bytes(4, "big") + source.randbytes(4)
