"""A short soak; `python -m tests.soak` is the long one."""

import pytest

from tests.soak.soaking import soak

pytestmark = pytest.mark.slow

CALLS = 2000


@pytest.mark.parametrize("engine", ["fast", "reference"])
async def test_calls_that_end_in_every_way_leave_nothing_over(engine: str) -> None:
    found = await soak(CALLS, seed=1, warm_up=CALLS, engine=engine)

    assert found.faults == []
    assert found.account.total() == CALLS
    assert (
        sum(found.account[what] for what in ("cancelled", "reset by the endpoint", "refused by the proxy")) > CALLS / 4
    )
