"""`python -m tests.bench.reloads`: reload a linker under full load, and say what that cost.

Two stack files that differ in dtab, filters and settings of clients are put into force in turn while wrk loads the router.
Not a request may fail, and neither memory nor open files may grow.
"""

import contextlib
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import attrs
import click

from tests.bench import needs, wrk
from tests.bench.backend import Services, backend
from tests.bench.client import connect, exchange
from tests.bench.errors import BenchError, ReplyError
from tests.bench.memory import resident_kib
from tests.bench.processes import Child, raise_descriptor_limit
from tests.ports import free_ports

STACK = """\
admin: {{port: {admin}}}
routers:
- protocol: http
  dtab: |
{dtab}
  servers: [{{port: {port}}}]
{more}"""
FIRST = "    /svc/web => /$/inet/127.0.0.1/{ports[0]};"
SECOND = "    /svc/web => 1 * /$/inet/127.0.0.1/{ports[0]} & 1 * /$/inet/127.0.0.1/{ports[1]};"
MORE = """\
  client: {requeueBudget: {minRetriesPerSec: 5}}
  filters: {service: [{remove: via}]}
"""
WARM_UP = 4  # reloads before memory is looked at: what each configuration needs once is there then
CONNECTIONS = 32
GROWTH_KIB = 4096  # of a process, that is no leak: what wrk's last seconds leave to be collected


@attrs.frozen
class Reloaded:
    """What a run came to: all requests of wrk, those that failed, and what was there before and after the reloads."""

    requests: int
    failed: int
    reloads: int
    slowest_seconds: float
    kib: tuple[int, int]
    files: tuple[int, int]


def measure(folder: Path, services: Services, count: int, *, workers: int = 1, core: int | None = None) -> Reloaded:
    """Reload `count` times while wrk loads the router."""
    admin, port = free_ports(2)
    texts = [
        STACK.format(admin=admin, port=port, dtab=dtab.format(ports=services.web), more=more)
        for dtab, more in ((FIRST, ""), (SECOND, MORE))
    ]
    file = folder / "reloaded.yaml"
    file.write_text(texts[0])
    with _linker(file, admin, workers, 0 if core is None else core) as child:
        results: list[wrk.WrkResult] = []
        seconds = 2 + count * 0.15
        load = threading.Thread(target=lambda: results.append(_load(port, seconds)))
        load.start()
        slowest, kib, files = 0.0, 0, 0
        pids = [child.pid, *_children(child.pid)]
        for number in range(count + WARM_UP):
            if number == WARM_UP:
                kib, files = _size(pids)
            file.write_text(texts[(number + 1) % 2])
            started = time.monotonic()
            _post(admin)
            slowest = max(slowest, time.monotonic() - started)
            time.sleep(0.05)
        load.join()
        time.sleep(0.5)
        after = _size(pids)
        child.check_alive()
    (result,) = results
    return Reloaded(result.requests, result.errors + result.refused, count, slowest, (kib, after[0]), (files, after[1]))


@contextlib.contextmanager
def _linker(file: Path, admin: int, workers: int, core: int) -> Iterator[Child]:
    many = [] if workers == 1 else ["--workers", str(workers)]
    command = [sys.executable, "-m", "mesh", "run", *many, "--log-level", "warning", str(file)]
    child = Child(command, core=core, log=file.with_suffix(".log"), cwd=file.parent, env=dict(os.environ))
    try:
        deadline = time.monotonic() + 10
        while not _is_ready(admin) and time.monotonic() < deadline:
            child.check_alive()
            time.sleep(0.05)
        yield child
    finally:
        child.stop()


def _load(port: int, seconds: float) -> wrk.WrkResult:
    return wrk.count(f"http://127.0.0.1:{port}/", "web", connections=CONNECTIONS, seconds=seconds)


def _is_ready(admin: int) -> bool:
    try:
        with connect(("127.0.0.1", admin)) as connection:
            return exchange(connection, b"GET /admin/ready HTTP/1.1\r\nHost: a\r\n\r\n")[0] == 200
    except OSError:
        return False


def _post(admin: int) -> None:
    with connect(("127.0.0.1", admin)) as connection:
        status, body = exchange(connection, b"POST /admin/reload HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
    if status != 200:
        raise ReplyError(f"a reload was answered with {status}: {body!r}")


def _children(pid: int) -> list[int]:
    return [int(child) for task in Path(f"/proc/{pid}/task").glob("*/children") for child in task.read_text().split()]


def _size(pids: list[int]) -> tuple[int, int]:
    """Return the resident memory of some processes in KiB, and how many files they have open that are no connections."""
    links = [link for pid in pids for link in Path(f"/proc/{pid}/fd").iterdir()]
    return sum(map(resident_kib, pids)), len(links)


@click.command()
@click.option("--reloads", "count", default=100, show_default=True, help="How often.")
@click.option("--workers", default=1, show_default=True, help="Worker processes of the linker.")
def main(count: int, workers: int) -> None:
    """Reload a linker under full load, and say what that cost."""
    try:
        needs.check(["nginx", "wrk", "taskset"])
        descriptors = raise_descriptor_limit()
        with tempfile.TemporaryDirectory(prefix="linker-reloads-") as temporary:
            folder = Path(temporary)
            with backend(folder, core=0, large_bytes=1, has_wide=False, descriptors=descriptors) as services:
                result = measure(folder, services, count, workers=workers, core=max(os.sched_getaffinity(0)))
    except BenchError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{result.requests} requests, {result.failed} failed, {result.reloads} reloads")
    click.echo(f"slowest reload {result.slowest_seconds * 1e3:.0f} ms")
    click.echo(f"memory {result.kib[0]} KiB before, {result.kib[1]} KiB after")
    click.echo(f"open files {result.files[0]} before, {result.files[1]} after")
    grew = result.kib[1] - result.kib[0] > GROWTH_KIB * workers
    sys.exit(1 if result.failed or grew else 0)


if __name__ == "__main__":
    main()
