"""Resident memory of a process, as the kernel counts it, and what idle connections add to it."""

import contextlib
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.client import Address, connect, exchange, request
from tests.bench.errors import ReplyError

CLEAR_PEAK = "5"  # proc(5), /proc/PID/clear_refs: "reset the peak resident set size to the current value"


def resident_kib(pid: int) -> int:
    """Return the resident memory of the process now, in KiB."""
    return read_field(Path(f"/proc/{pid}/status").read_text(), "VmRSS")


@contextlib.contextmanager
def growth_kib(pid: int) -> Iterator[list[int]]:
    """Append to the list, when the block is left, by how much the resident memory rose above its value before.

    It is the kernel's own high-water mark, so no peak between two samples is missed.
    """
    Path(f"/proc/{pid}/clear_refs").write_text(CLEAR_PEAK)
    before = resident_kib(pid)
    growth: list[int] = []
    yield growth
    peak = read_field(Path(f"/proc/{pid}/status").read_text(), "VmHWM")
    growth.append(max(0, peak - before))


def per_connection_kib(pid: int, address: Address, *, count: int, settle_seconds: float) -> float:
    """Open `count` connections, make one request on each, leave them idle, and return the KiB that each one costs."""
    before = resident_kib(pid)
    with contextlib.ExitStack() as opened:
        for _ in range(count):
            _use_once(opened.enter_context(connect(address)))
        time.sleep(settle_seconds)
        return (resident_kib(pid) - before) / count


def read_field(status: str, field: str) -> int:
    """Return a field of `/proc/PID/status` that is given in kB (which are KiB)."""
    found = re.search(rf"^{field}:\s+(\d+) kB$", status, re.MULTILINE)
    if found is None:
        raise ValueError(f"no {field} in {status!r}")
    return int(found[1])


def _use_once(connection: socket.socket) -> None:
    status, _ = exchange(connection, request("web"))
    if status != 200:
        raise ReplyError(f"an idle connection's first request was answered with {status}")
