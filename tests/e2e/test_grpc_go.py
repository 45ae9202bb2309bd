"""Calls of a client of grpc-go to a server of grpc-go, through a linker."""

import contextlib
import hashlib
import os
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import trio

from tests.proxies import one, proxy, stacks

pytestmark = pytest.mark.slow

SOURCE = Path(__file__).parent / "grpc-go"
BUILD_SECONDS = 240.0
CALL_SECONDS = 30.0
EXPECTED = [
    "unary 0: OK 0 00ff01",
    "unary 1: OK 1 00ff01",
    "unary 5000000: OK 5000000 00ff01",
    "chat: 100 EOF",
    "cancelled: Canceled",
    "fail: NotFound as asked",
    "fail: DataLoss as asked",
    "late: DeadlineExceeded",
]


@pytest.fixture(scope="module")
def _built() -> dict[str, Path]:
    return {}


@pytest.fixture
def peer(require: Callable[[str], str], _built: dict[str, Path]) -> Path:
    """Return the program, which is built once for each state of its source and kept."""
    go = require("go")
    if not _built:
        digest = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(SOURCE.iterdir()))).hexdigest()[:16]
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "linker-tests"
        target = cache / f"grpc-go-{digest}"
        if not target.exists():
            cache.mkdir(parents=True, exist_ok=True)
            _build(go, target)
        _built["peer"] = target
    return _built["peer"]


def _build(go: str, target: Path) -> None:
    """Build the program, which loads grpc-go the first time: 12 s."""
    fresh = target.with_suffix(f".{os.getpid()}")
    command = [go, "build", "-buildvcs=false", "-o", str(fresh), "."]
    done = subprocess.run(command, cwd=SOURCE, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False)
    if done.returncode and "dial tcp" in done.stderr and not os.environ.get("CI"):
        pytest.skip("grpc-go cannot be loaded: the proxy of Go's modules cannot be reached")
    assert done.returncode == 0, done.stderr
    fresh.rename(target)


@contextlib.asynccontextmanager
async def serving(peer: Path) -> AsyncIterator[tuple[int, trio.Process]]:
    """Run the server; yield its port."""
    async with trio.open_nursery() as nursery:
        process = await nursery.start(_run, [str(peer), "serve"])
        assert process.stdout is not None
        with trio.fail_after(CALL_SECONDS):
            port = int(await process.stdout.receive_some())
        yield port, process
        nursery.cancel_scope.cancel()


async def _run(command: list[str], task_status: trio.TaskStatus[trio.Process] = trio.TASK_STATUS_IGNORED) -> None:
    await trio.run_process(command, stdout=subprocess.PIPE, capture_stdout=False, task_status=task_status)


async def test_calls_of_all_kinds_come_through(peer: Path) -> None:
    async with serving(peer) as (port, process), proxy(stacks(one(port, protocol="grpc"))) as running:
        with trio.fail_after(CALL_SECONDS):
            done = await trio.run_process([str(peer), "call", str(running.ports[0])], capture_stdout=True)
            assert process.stdout is not None
            told = (await process.stdout.receive_some()).decode()

    assert done.stdout.decode().splitlines() == EXPECTED
    assert told.startswith("ended: context ")
    assert told.endswith("left\n")
    left = float(told.rpartition("than ")[2].split("ms")[0])
    assert 0 < left <= 300
