"""What a deadline means, whatever the protocol; tests/plugins/http/test_deadline.py has the rest."""

import pytest

from mesh import Context, Counter, DeadlineExceeded, Expiry, Metrics, TotalTimeout
from mesh.testing import ManualClock
from mesh_plugins.filters.deadlines import Deadlines

SECOND = 1_000_000_000
NOW = 1_700_000_000 * SECOND


def deadlines(rejected: Counter | None = None) -> Deadlines:
    return Deadlines(rejected or Counter(), Metrics().histogram("transit"), ManualClock(100.0), lambda: NOW)


def test_a_deadline_bounds_a_request_to_its_last_byte() -> None:
    context = Context()

    deadlines().apply(context, NOW, NOW + SECOND)

    assert context.expiry is not None
    assert (context.expiry.at, context.expiry.beyond) == (101.0, context.expiry)


def test_what_ends_a_request_earlier_stays() -> None:
    context = Context()
    context.expiry = before = Expiry(100.5, TotalTimeout, "late")

    deadlines().apply(context, NOW, NOW + SECOND)

    assert context.expiry is before


def test_a_request_that_is_late_is_counted() -> None:
    rejected = Counter()

    with pytest.raises(DeadlineExceeded):
        deadlines(rejected).apply(Context(), NOW - 2, NOW - 1)

    assert rejected.value == 1


def test_a_deadline_of_just_now_is_served() -> None:
    context = Context()

    deadlines().apply(context, NOW - 1, NOW)

    assert context.expiry is not None
