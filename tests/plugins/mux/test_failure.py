"""Why a peer did not do what it was asked to."""

import pytest

from mesh import MeshError, Nacked, Overloaded, RateLimited, Unavailable, Unroutable, UpstreamBroken
from mesh_plugins.mux.failure import (
    MUX_FAILURE,
    NON_RETRYABLE,
    REJECTED,
    RETRYABLE,
    context,
    flags_in,
    flags_of,
    from_finagle,
)

LIMITED = RateLimited("no", limit=1, retry_seconds=1.0, reset_seconds=1.0)


@pytest.mark.parametrize(
    ("error", "flags"),
    [
        (Unavailable("x"), RETRYABLE | REJECTED),
        (Overloaded("x"), RETRYABLE | REJECTED),
        (Nacked("x"), RETRYABLE | REJECTED),
        (LIMITED, REJECTED | NON_RETRYABLE),
        (UpstreamBroken("x", retryable=True), RETRYABLE),
        (UpstreamBroken("x"), 0),
        (Unroutable("x"), 0),
    ],
)
def test_an_error_says_whether_the_call_may_be_sent_again(error: MeshError, flags: int) -> None:
    assert flags_of(error) == flags


def test_what_is_said_is_read_again() -> None:
    assert [flags_in(context(flags)) for flags in (0, 1, 6)] == [0, 1, 6]


@pytest.mark.parametrize("value", [b"", b"\x01"])
def test_a_value_that_is_too_short_says_nothing(value: bytes) -> None:
    assert flags_in([(b"other", bytes(8)), (MUX_FAILURE, value)]) == 0


def test_of_finagles_own_flags_three_mean_something() -> None:
    assert [from_finagle(1 << bit) for bit in range(7)] == [1, 0, 0, 2, 4, 0, 0]
