"""What a process takes of its machine, among the metrics: memory, descriptors, processor time, and the collector's pauses."""

import contextlib
import gc
import os
import resource
import time
from collections.abc import Iterator
from pathlib import Path

import trio

from mesh.metrics import Metrics

_PAGE_BYTES = resource.getpagesize()
_STATM = Path("/proc/self/statm")
_DESCRIPTORS = Path("/proc/self/fd")


class Collections:
    """Times the collections of garbage, which stop everything else."""

    def __init__(self, metrics: Metrics) -> None:
        self._count = metrics.counter("runtime", "gc", "collections")
        self._pauses = metrics.histogram("runtime", "gc", "pause_ms")
        self._begun = 0.0

    def __call__(self, phase: str, _info: dict[str, int]) -> None:
        """Be told by the collector, as `gc.callbacks` are."""
        if phase == "start":
            self._begun = time.perf_counter()
        else:
            self._count.value += 1
            self._pauses.add((time.perf_counter() - self._begun) * 1e3)


@contextlib.contextmanager
def vitals(metrics: Metrics, *, has_start: bool = True) -> Iterator[None]:
    """Show them inside the block. `has_start` is false for a worker, since times of several processes cannot be added up."""
    own = metrics.scope("process")
    own.gauge("cpu_seconds", fn=time.process_time)
    own.gauge("resident_memory_bytes", fn=resident_bytes)
    own.gauge("open_fds", fn=open_descriptors)
    own.gauge("max_fds", fn=lambda: resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    if has_start:
        started, begun = time.time(), time.monotonic()
        own.gauge("start_time_seconds", fn=lambda: started)
        own.gauge("uptime_seconds", fn=lambda: time.monotonic() - begun)
    metrics.gauge("runtime", "tasks", fn=tasks)
    collections = Collections(metrics)
    gc.callbacks.append(collections)
    try:
        yield
    finally:
        gc.callbacks.remove(collections)


def resident_bytes() -> int:
    """Return how much memory the process has; where the system does not say, the most that it ever had."""
    try:
        return int(_STATM.read_text().split()[1]) * _PAGE_BYTES
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def open_descriptors() -> int:
    """Return how many file descriptors are open; 0 where the system does not say."""
    try:
        return len(os.listdir(_DESCRIPTORS)) - 1  # less the one that this takes
    except OSError:
        return 0


def tasks() -> int:
    """Return how many tasks there are, trio's own included; 0 outside of trio."""
    try:
        return trio.lowlevel.current_statistics().tasks_living
    except RuntimeError:
        return 0
