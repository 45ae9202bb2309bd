"""h2spec against a running linker."""

import subprocess
from collections.abc import AsyncIterator

import pytest
import trio

from tests.e2e.h2spec.building import built
from tests.e2e.raw import reply
from tests.e2e.stubs import answering, stub
from tests.programs import find
from tests.proxies import Proxy, proxy, stacks

pytestmark = pytest.mark.slow

# Of h2spec's tests, those that are answered otherwise on purpose, and why: none.
DIFFERENT: dict[str, str] = {}
CROSS = "\N{MULTIPLICATION SIGN}"  # before each test that failed
PATIENCE_SECONDS = 120


@pytest.fixture(params=["fast", "reference"])
async def running(request: pytest.FixtureRequest) -> AsyncIterator[Proxy]:
    """A linker whose server speaks HTTP/2, with an endpoint behind it."""
    async with stub(answering(reply(body=b"hello"))) as endpoint:
        router = {
            "protocol": "h2",
            "dtab": f"/svc => /$/inet/127.0.0.1/{endpoint.port};",
            "engine": request.param,
            "servers": [{"port": 0}],
            "client": {"protocol": "http/1.1"},
        }
        async with proxy(stacks(router)) as running:
            yield running


async def test_a_server_of_http2_does_what_h2spec_expects(running: Proxy) -> None:
    program = await trio.to_thread.run_sync(built, find("go"))
    command = [str(program), "-h", "127.0.0.1", "-p", str(running.ports[0]), "-o", "20", "--strict"]

    with trio.fail_after(PATIENCE_SECONDS):
        done = await trio.run_process(command, capture_stdout=True, stderr=subprocess.STDOUT, check=False)

    said = done.stdout.decode()
    failures = {line.strip(f" {CROSS}") for line in said.splitlines() if line.lstrip().startswith(CROSS)}
    assert failures - DIFFERENT.keys() == set(), said[said.find("Failures:") :]
    assert ", 0 skipped, 0 failed" in said
