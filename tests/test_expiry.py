"""Moments after which a request has taken too long."""

import pytest
import trio
import trio.testing

from mesh.errors import AttemptTimeout, DeadlineExceeded, TotalTimeout
from mesh.expiry import Expiry, sooner, within


def test_an_expiry_raises_its_own_error() -> None:
    error = Expiry(1.0, TotalTimeout, "too late").error()

    assert (type(error), str(error)) == (TotalTimeout, "too late")


def test_a_timeout_ends_with_the_head_of_the_reply_and_a_deadline_stays() -> None:
    deadline = Expiry(9.0, DeadlineExceeded, "deadline", stays=True)
    total = Expiry(5.0, TotalTimeout, "total", before=deadline)
    attempt = Expiry(2.0, AttemptTimeout, "attempt", before=total)

    assert (attempt.beyond, total.beyond, deadline.beyond) == (deadline, deadline, deadline)
    assert Expiry(1.0, TotalTimeout, "alone").beyond is None


def test_of_two_expiries_the_earlier_holds() -> None:
    early, late = Expiry(1.0, TotalTimeout, "early"), Expiry(2.0, TotalTimeout, "late")

    assert (sooner(early, late), sooner(late, early), sooner(None, late)) == (early, early, late)


async def test_a_wait_ends_with_the_error_of_the_expiry(autojump_clock: trio.testing.MockClock) -> None:
    started = trio.current_time()

    with pytest.raises(TotalTimeout, match="too late"):
        await within(Expiry(started + 3.0, TotalTimeout, "too late"), trio.sleep_forever)

    assert trio.current_time() == started + 3.0


@pytest.mark.parametrize("seconds", [None, 5.0])
async def test_a_wait_that_ends_in_time_gives_its_result(
    seconds: float | None, autojump_clock: trio.testing.MockClock
) -> None:
    expiry = None if seconds is None else Expiry(trio.current_time() + seconds, TotalTimeout, "too late")

    async def wait() -> str:
        await trio.sleep(1.0)
        return "done"

    assert await within(expiry, wait) == "done"
