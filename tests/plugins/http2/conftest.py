"""The engines that tests of connections are run with."""

import pytest

from tests.plugins.http2.pairs import SERVERS


@pytest.fixture(params=SERVERS)
def engine(request: pytest.FixtureRequest) -> str:
    """The name of an engine; both ends use it."""
    name: str = request.param
    return name
