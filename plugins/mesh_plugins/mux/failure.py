"""Why a peer did not do what it was asked to, in the context `MuxFailure`. No I/O.

Source: finagle-mux, transport/MuxFailure.scala; finagle-core, FailureFlags.scala.
"""

from mesh import Fields, MeshError, Nacked, Overloaded, Unavailable

MUX_FAILURE = b"MuxFailure"
RETRYABLE, REJECTED, NON_RETRYABLE = 1, 2, 4
"""Bits of a flag: the call may be sent again; it was refused before any work; it must not be sent again."""


def context(flags: int) -> Fields:
    """Return the context that says so; none if there is nothing to say."""
    return [(MUX_FAILURE, flags.to_bytes(8, "big"))] if flags else []


def flags_in(contexts: Fields, unsaid: int = 0) -> int:
    """Return what the contexts of an answer say; `unsaid` if nothing. Bytes beyond the eighth mean nothing."""
    for name, value in contexts:
        if name == MUX_FAILURE and len(value) >= 8:
            return int.from_bytes(value[:8], "big")
    return unsaid


def flags_of(error: MeshError) -> int:
    """Return what an error of ours means to a client."""
    if isinstance(error, Unavailable) and error.retryable:
        return RETRYABLE | REJECTED
    if isinstance(error, Overloaded | Nacked):
        return REJECTED | NON_RETRYABLE
    return RETRYABLE if error.retryable else 0


def from_finagle(failure_flags: int) -> int:
    """Return the flags that tell another hop of Finagle's own `FailureFlags`; those with no meaning there are lost."""
    return (failure_flags & 1) | (failure_flags >> 2 & 2) | (failure_flags >> 2 & 4)
