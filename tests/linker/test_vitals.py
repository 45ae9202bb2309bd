"""What a process shows of itself."""

import gc
import os
import socket

from mesh.linker.vitals import open_descriptors, resident_bytes, tasks, vitals
from mesh.metrics import Metrics, flat

MIB = 1 << 20


async def test_a_process_shows_what_it_takes() -> None:
    metrics = Metrics()

    with vitals(metrics):
        shown = flat(metrics)

    assert shown["process/resident_memory_bytes"] > 10 * MIB
    assert shown["process/cpu_seconds"] > 0
    assert 0 < shown["process/open_fds"] < shown["process/max_fds"]
    assert 0 <= shown["process/uptime_seconds"] < 60
    assert shown["runtime/tasks"] > 0


def test_a_worker_shows_no_times_which_a_sum_would_make_nonsense_of() -> None:
    metrics = Metrics()

    with vitals(metrics, has_start=False):
        shown = flat(metrics, "process")

    assert "start_time_seconds" not in shown
    assert "uptime_seconds" not in shown


def test_collections_are_counted_inside_the_block_alone() -> None:
    metrics = Metrics()
    with vitals(metrics):
        before = metrics.counter("runtime", "gc", "collections").value
        gc.collect()
        within = metrics.counter("runtime", "gc", "collections").value

    gc.collect()

    assert within > before
    assert metrics.counter("runtime", "gc", "collections").value == within
    assert metrics.histogram("runtime", "gc", "pause_ms").window().count == within


def test_descriptors_are_counted() -> None:
    before = open_descriptors()

    with socket.socket():
        more = open_descriptors()

    assert more == before + 1


def test_outside_of_trio_there_are_no_tasks() -> None:
    assert tasks() == 0


def test_memory_is_that_of_this_process() -> None:
    assert resident_bytes() > os.sysconf("SC_PAGE_SIZE")
