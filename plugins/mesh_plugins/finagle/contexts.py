"""What Finagle's calls carry from hop to hop beside their payload: pairs of an id and bytes.

Three are read and written here: the trace, the deadline, and how often the call was repeated. All others are passed on as
they are. Source: finagle-core, context/Deadline.scala, context/Retries.scala, context/RemoteContext; tracing/Trace.scala.
"""

import struct
import time
from collections.abc import Iterable

from mesh import Expiry

TRACE = b"com.twitter.finagle.tracing.TraceContext"
DEADLINE = b"com.twitter.finagle.Deadline"
RETRIES = b"com.twitter.finagle.Retries"
CLIENT_ID = b"com.twitter.finagle.thrift.ClientIdContext"
NEVER = 0x7FFFFFFFFFFFFFFF
"""The time of a deadline that is none."""
NANOSECONDS = 1e9

_LENGTH = struct.Struct(">H")
_DEADLINE = struct.Struct(">qq")


def _begun(name: bytes, size: int) -> bytes:
    return _LENGTH.pack(len(name)) + name + _LENGTH.pack(size)


TRACE_BEGUN = {size: _begun(TRACE, size) for size in (32, 40)}
"""What stands before a trace id of so many bytes."""
DEADLINE_BEGUN = _begun(DEADLINE, _DEADLINE.size)
RETRIES_WRITTEN = [_begun(RETRIES, 4) + attempt.to_bytes(4, "big") for attempt in range(32)]
"""The whole context, by the number of the attempt."""


def write_retries(attempt: int) -> bytes:
    """Return the context that says how often a call was repeated."""
    if attempt < len(RETRIES_WRITTEN):
        return RETRIES_WRITTEN[attempt]
    return RETRIES_WRITTEN[0][:-4] + attempt.to_bytes(4, "big")


def write(contexts: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Return contexts as they stand in a call. Raises `struct.error` for one of more than 65535 bytes."""
    length = _LENGTH.pack
    return b"".join([length(len(part)) + part for pair in contexts for part in pair])


def read_deadline(value: bytes) -> tuple[int, int] | None:
    """Return when a deadline was set and when it is, in ns since 1970; None for one that never comes or cannot be read."""
    if len(value) != _DEADLINE.size:
        return None
    stamp, at = _DEADLINE.unpack(value)
    return None if at == NEVER else (stamp, at)


def pack_deadline(stamp: int, at: int | None) -> bytes:
    """Return a deadline's value; None stands for one that never comes."""
    return _DEADLINE.pack(stamp, NEVER if at is None else at)


def deadline_of(expiry: Expiry, now: float, wall_clock: int | None = None) -> bytes:
    """Return the value that tells another hop of an expiry; `now` is of trio's clock, `wall_clock` in ns since 1970."""
    stamp = time.time_ns() if wall_clock is None else wall_clock
    return _DEADLINE.pack(stamp, stamp + int((expiry.at - now) * NANOSECONDS))
