"""What the tests with real peers share."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import thrift_libraries
from tests.e2e.finagle.building import CannotBuild
from tests.e2e.finagle.peer import Finagle
from tests.programs import find

ROOT = Path(__file__).parents[2]


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


@pytest.fixture(scope="session")
def thrift_generated(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What Apache's compiler makes of every.thrift."""
    folder = tmp_path_factory.mktemp("every")
    subprocess.run([find("thrift"), "--gen", "py", "-out", str(folder), str(thrift_libraries.IDL)], check=True)
    return str(folder)


@pytest.fixture(scope="session")
def thrift_servers(thrift_generated: str) -> Iterator[dict[str, int]]:
    """The ports of servers of every.thrift, by library, protocol and transport."""
    command = [sys.executable, "-m", "tests.e2e.thrift_libraries", thrift_generated]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()
