"""What the tests of all folders share."""

from collections.abc import Callable

import pytest

from tests.programs import find


@pytest.fixture
def require() -> Callable[[str], str]:
    """Return what finds a program: `require("nginx")` is its path, or skips the test, which in CI is a failure."""
    return find
