"""What the tests with real peers share."""

from collections.abc import Iterator

import pytest

from tests.e2e.finagle.building import CannotBuild
from tests.e2e.finagle.peer import Finagle


@pytest.fixture(scope="session")
def finagle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Finagle]:
    """One process of Finagle's own servers and clients for all tests.

    Where Java or Maven is missing they are skipped, in CI too: it has no need to install half a gigabyte for them.
    """
    try:
        process = Finagle(tmp_path_factory.mktemp("finagle") / "log")
    except CannotBuild as reason:
        pytest.skip(str(reason))
    yield process
    process.close()
