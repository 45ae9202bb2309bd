"""What the tests of all folders share."""

from collections.abc import AsyncIterator, Callable

import pytest
import trio
from trio.testing import MockClock

from mesh.life import Life
from tests import waiting
from tests.programs import find


@pytest.fixture
def require() -> Callable[[str], str]:
    """Return what finds a program: `require("nginx")` is its path, or skips the test, which in CI is a failure."""
    return find


@pytest.fixture
def idle_clock() -> MockClock:
    """The clock of a test with sockets, by which no time passes while anything goes on in this process."""
    return waiting.idle_clock()


@pytest.fixture
async def life(nursery: trio.Nursery) -> AsyncIterator[Life]:
    """The owner of what a test builds."""
    owner = Life(nursery, "test")
    yield owner
    owner.close()
