"""What tests of plugins share."""

from collections.abc import AsyncIterator

import pytest
import trio

from mesh import Life


@pytest.fixture
async def life(nursery: trio.Nursery) -> AsyncIterator[Life]:
    """The owner of what a test builds."""
    owner = Life(nursery, "test")
    yield owner
    owner.close()
