"""What the tests with real peers share."""

from collections.abc import Iterator

import pytest

from tests.e2e.finagle.peer import Finagle


@pytest.fixture(scope="session")
def finagle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Finagle]:
    """One process of Finagle's own servers and clients for all tests; skips them where Java or Maven is missing."""
    process = Finagle(tmp_path_factory.mktemp("finagle") / "log")
    yield process
    process.close()
