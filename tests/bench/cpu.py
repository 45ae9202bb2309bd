"""Processor time per request, from the process's own accounting."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

from tests.bench import wrk
from tests.bench.peers import Peer

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
CONNECTIONS = 32


def seconds_used(pid: int) -> float:
    """Return the processor time, user and system, that all threads of the process have used."""
    return read_ticks(Path(f"/proc/{pid}/stat").read_text()) / TICKS_PER_SECOND


def read_ticks(stat: str) -> int:
    """Return utime + stime of a line of `/proc/PID/stat`, in clock ticks.

    The command's name, second and in parentheses, may hold spaces and parentheses; the fields are counted after it.
    """
    fields = stat[stat.rindex(")") + 2 :].split()
    return int(fields[11]) + int(fields[12])


def excess_percent(small: Peer, other: Peer, *, seconds: float, repeats: int) -> float:
    """Return by how many percent a request to `other` costs more processor time than one to `small`.

    Both are warm and are loaded at the same time, sharing their core. On a shared machine the time per request moves by
    half within a minute, and one after the other differed by 15 % where both were the same; at the same time they
    differ by 4 % at most. The median of `repeats` runs counts.
    """
    excesses = []
    for _ in range(repeats):
        small_cost, other_cost = _costs((small, other), seconds)
        excesses.append((other_cost / small_cost - 1) * 100)
    return median(excesses)


def _costs(peers: Sequence[Peer], seconds: float) -> list[float]:
    """Load all `peers` at once as hard as wrk can and return the processor seconds per request of each."""
    before = [seconds_used(peer.pid) for peer in peers]
    with ThreadPoolExecutor(len(peers)) as threads:
        runs = [threads.submit(wrk.run, peer.url, "web", connections=CONNECTIONS, seconds=seconds) for peer in peers]
    requests = [run.result().requests for run in runs]
    return [(seconds_used(peer.pid) - used) / count for peer, used, count in zip(peers, before, requests, strict=True)]
